"""A "model" that repeats every error with variations, and one that makes arguments up. Both on a sandbox."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from refold_async import KeyAccount, Settle, Unresolved
from refold_async.agents import ApprovalRequest, ToolAnswer, Tools
from refold_async.agents.settings import ToolOptions
from refold_async.sandbox import Fault, Sandbox

from .conftest import ACCOUNT, ALLOWED, CREATE, by_email

TIMEOUT = 0.15
LATE = 0.02
LATE_ABSENT = 0.1
"""Seconds after which absent may be concluded of a write that may run late; they must be more than `LATE`."""
MATRIX: dict[str, dict[str, Any]] = {
    "drop before": {"drop": "before"},
    "drop during": {"drop": "during"},
    "drop after": {"drop": "after"},
    "truncate": {"truncate": 0.5},
    "garbage": {"garbage": True},
    "html": {"status": 502, "body": "html", "when": "after"},
    "empty": {"status": 500, "body": "empty", "when": "after"},
    **{f"{status} {when}": {"status": status, "when": when} for status in (500, 503, 504) for when in ("before", "after")},
    "429": {"status": 429, "headers": {"Retry-After": "0"}},
    "400": {"status": 400},
    "403": {"status": 403},
    "failed": {"node_status": "Failed", "http_status": 500},
    "failed after": {"node_status": "Failed", "http_status": 500, "when": "after"},
    "refused": {"node_status": "Failed", "http_status": 409},
    "hang before": {"hang": True},
    "hang after": {"hang": True, "when": "after"},
    "stall": {"stall": True},
    "late drop": {"drop": "before", "late": LATE},
    "late hang": {"hang": True, "late": LATE},
    "late errored": {"node_status": "Errored", "late": LATE},
    "late html": {"status": 502, "body": "html", "late": LATE},
    **{f"late {status}": {"status": status, "late": LATE} for status in (500, 503, 504)},
}  # fmt: skip


async def prudent(request: ApprovalRequest) -> bool:
    """Approve, unless an earlier call may have done it."""
    return not isinstance(request.verdict, Unresolved)


MODES: dict[str, ToolOptions] = {
    "settled": {"writes": "allow"},
    "closed": {"writes": "allow"},
    "asked": {"writes": "ask", "approve": prudent},
}


def options_of(mode: str, fault: str) -> ToolOptions:
    """Return the settings of a toolset: all but those that stay closed have a look-up."""
    options: ToolOptions = {**MODES[mode], "timeout": TIMEOUT}
    if mode != "closed":
        wait = LATE_ABSENT if fault.startswith("late") else 0
        options["settle"] = {"hubspot": {"create_contact": Settle(by_email, after=(wait,))}}
    return options


def variations(params: dict[str, Any]) -> Iterator[object]:
    """Yield what a model sends after an error: the same, and the same in other words."""
    yield params
    yield json.dumps(params, indent=2)
    yield {**params, "firstname": f"{params['firstname']} B."}
    yield {"phone": None, **params}
    yield json.dumps({**params, "company": "Acme"})


REPEATS = len(list(variations({"firstname": ""})))


def check_answer(answer: ToolAnswer, max_bytes: int = 20_000) -> None:
    """Fail unless an answer is JSON of at most that size, without the account's id."""
    text = answer.to_json()
    told = json.loads(text)
    assert told["ok"] is answer.ok
    assert len(text.encode()) <= max_bytes
    assert ACCOUNT not in text


async def insist(tools: Tools, email: str, pause: float) -> int:
    """Create a contact, and repeat every error, the last time after a pause; return the number of calls."""
    params = {"email": email, "firstname": "Ann"}
    answer, calls = await tools.call(CREATE, params), 1
    check_answer(answer)
    for place, again in enumerate(variations(params), 2):
        if answer.ok:
            break
        if place > REPEATS:
            await asyncio.sleep(pause)
        answer = await tools.call(CREATE, again)
        calls += 1
        check_answer(answer)
    for name in tools.unsettled:
        tools.reopen(name)  # for the next contact, which is another record
    return calls


async def run_matrix(
    sandbox: Sandbox, account: KeyAccount, calls: int, names: tuple[str, ...] = ()
) -> Counter[str]:
    """Make at least that many calls in each mode under each fault; return how many, and how many doubled.

    Half of the faults happen once, half twice in a row.
    """
    made: Counter[str] = Counter()
    for mode, name in itertools.product(MODES, names or MATRIX):
        tools = await account.tools(ALLOWED, **options_of(mode, name))
        pause = LATE_ABSENT if name.startswith("late") else 0
        left, number = calls, 0
        while left > 0:
            sandbox.faults.clear()
            times = 1 + number % 2
            fault = Fault(
                action_id="create_contact", operation="actions.execute", times=times, **MATRIX[name]
            )
            sandbox.faults.add(fault)
            used = await insist(tools, f"{mode}.{name.replace(' ', '.')}.{number}@example.com", pause)
            left, number = left - used, number + 1
            made["calls"] += used
        await asyncio.sleep(pause)  # what runs late has run
    sandbox.faults.clear()
    written = Counter(
        str(run.params["email"]) for run in sandbox.ledger.runs if run.effect == "write" and run.ok
    )
    made["written"] = len(written)
    made["doubled"] = sum(count > 1 for count in written.values())
    return made


NAMES = [
    "hubspot_get_contact_action", "hubspot_search_contacts_action", CREATE, "hubspot_delete_contact_action",
    "hubspot_httprequest_action", "salesforce_get_lead_action", "../../execute", "", "call_tool", "search_tools",
    "get_contact", "HUBSPOT_GET_CONTACT_ACTION", None, 7,
]  # fmt: skip
KEYS = [
    "limit", "email", "firstname", "propertyName", "operator", "value", "query", "linked_account_id", "account",
    "slug", "action_id", "__proto__", "effect", "approve", "\ud83d", "", "after",
]  # fmt: skip


class Fuzzer:
    """Makes up the names and arguments of tool calls."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        """Return any JSON value, or what JSON cannot express."""
        made = self._random
        kinds: list[Any] = [
            lambda: made.choice(
                ["demo-user-2", "1", "100", "a@b.co", "EQ", "email", "\x00", "\ud83d", "x" * 3000]
            ),
            lambda: made.choice([None, True, -1, 1e308, float("nan"), 10**30, 3]),
            lambda: [self.value(depth + 1) for _ in range(made.randrange(3))],
            lambda: {made.choice(KEYS): self.value(depth + 1) for _ in range(made.randrange(4))},
        ]
        return made.choice(kinds[: 4 if depth < 3 else 2])()

    def arguments(self) -> Any:
        """Return arguments: an object, its text, or neither."""
        made = self._random
        params: Any = {made.choice(KEYS): self.value(1) for _ in range(made.randrange(4))}
        if made.random() < 0.2:
            params = {"limit": made.choice(["1", "100"])}
        elif made.random() < 0.4:
            params = {"email": f"{made.randrange(10**9)}@example.com", "account": "demo-user-2"}
            params = {name: value for name, value in params.items() if made.random() < 0.7}
        if made.random() < 0.5:
            text = json.dumps(params)
            return text if made.random() < 0.8 else text[: made.randrange(len(text) + 1)]
        return params if made.random() < 0.95 else self.value()

    def name(self) -> Any:
        """Return a tool's name, often one that is allowed."""
        return self._random.choice(NAMES if self._random.random() < 0.4 else NAMES[:3])


async def run_fuzz(sandbox: Sandbox, account: KeyAccount, sets: int, seed: int = 1) -> Counter[str]:
    """Call tools with made-up arguments; return how many calls ran, and how many of them must not have."""
    fuzzer, allowed = Fuzzer(seed), {("hubspot", action_id) for action_id in ALLOWED["hubspot"]}
    tools = await account.tools(ALLOWED, writes="allow", max_bytes=1000)
    loaded = sandbox.ledger.runs
    ok = 0
    for number in range(sets):
        answer = await tools.call(fuzzer.name(), fuzzer.arguments())
        check_answer(answer, 1000)
        ok += answer.ok
        if number % 100 == 0:
            await asyncio.sleep(0)
    ran = sandbox.ledger.runs[len(loaded) :]
    return Counter(
        sets=sets,
        ok=ok,
        ran=len(ran),
        outside=sum((run.slug, run.action_id) not in allowed for run in ran),
        crossed=sum(run.linked_account_id != ACCOUNT for run in ran),
    )
