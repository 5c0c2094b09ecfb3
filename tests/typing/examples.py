"""What a type checker sees: typed uses of the package, never run. mypy and pyright both check this file."""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, assert_type

import msgspec

from refold_async import (
    Account,
    Action,
    ActionFailed,
    ActionParameter,
    ActionResult,
    ActionSchema,
    Application,
    Cache,
    Call,
    CallFacts,
    Done,
    Effect,
    Failed,
    Fate,
    Hooks,
    Problem,
    RateLimit,
    RateLimitedError,
    Refold,
    RefoldError,
    Retry,
    SessionManager,
    Skipped,
    StatusError,
    deadline,
)
from refold_async.client import KeyAccount, TokenAccount
from refold_async.walks import Cursor, Walk, WalkFailed, WalkPage, WalkSkipped, WalkSummary


class Contact(msgspec.Struct):
    id: str


@dataclass
class Deal:
    name: str


class Row(TypedDict):
    id: int


async def reading(account: Account) -> None:
    assert_type(await account.actions.list("hubspot"), list[Action])
    schema = assert_type(await account.actions.schema("hubspot", "create_contact"), ActionSchema)
    assert_type(schema[0], ActionParameter)
    assert_type(schema[1:], tuple[ActionParameter, ...])
    assert_type([each for each in schema], list[ActionParameter])  # noqa: C416
    assert_type(schema.check({"email": "a@b.c"}), list[Problem])
    assert_type(schema.json_schema(), dict[str, Any])


async def reading_apps(account: KeyAccount) -> None:
    application = await account.applications.get("hubspot")
    assert_type(application, Application)
    assert_type(application.connection, Literal["connect", "connected", "reconnect"])


async def executing(account: Account) -> None:
    result = await account.actions.execute("hubspot", "get_contact", {"limit": "1"}, effect="read", timeout=5)
    assert_type(result, ActionResult)
    assert_type(result.node_status, str)
    assert_type(result.http_status, int | None)
    assert_type(result.raw, msgspec.Raw)
    assert_type(result.data, Any)
    assert_type(result.into(Contact), Contact)
    assert_type(result.into(list[Contact]), list[Contact])
    assert_type(result.into(Deal), Deal)
    assert_type(result.into(Row), Row)
    assert_type(result.into(dict[str, int]), dict[str, int])
    either: Contact | Deal = result.into(Contact | Deal)
    assert isinstance(either, Contact | Deal)
    answer = await account.call("GET", "/api/v2/public/workflow")
    assert_type(answer.data, Any)
    assert_type(answer.into(list[Contact]), list[Contact])


async def holding(source_of_key: Any) -> None:
    async def source() -> str:
        return "tk_1"

    refold = Refold(source, timeout=math.inf, retry=Retry(attempts=2), rate_limit=RateLimit(5, burst=2))
    Refold(
        "tk_1",
        rate_limit=None,
        ssl=ssl.create_default_context(),
        cache=Cache(lifetime=60),
        hooks=[Listener()],
    )
    async with refold as same:
        assert_type(same, Refold)
        assert_type(same.account("a"), KeyAccount)
    async with SessionManager(base_url="https://refold.example.com") as manager:
        assert_type(manager, SessionManager)
        assert_type(manager.client("tk_1"), Refold)
        assert_type(manager.account("token"), TokenAccount)
    assert_type(Account.from_token("token"), TokenAccount)
    with deadline(5) as nothing:
        assert_type(nothing, None)
    await refold.aclose(drain=1)


async def fanning_out(refold: Refold, ids: list[str]) -> None:
    calls = (Call(each, "hubspot", "get_contact", {"limit": "1"}) for each in ids)
    async with refold.batch(calls, concurrency=10) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Done(call, result):
                    assert_type(call, Call)
                    assert_type(result, ActionResult)
                case Failed(call, error):
                    assert_type(call, Call)
                    assert_type(error, RefoldError)
                case Skipped(call, _):
                    assert_type(call, Call)


async def walking(refold: Refold) -> None:
    actions = refold.account("demo-user-1").actions
    async for contact in actions.walk("hubspot", "get_contact", into=Contact):
        assert_type(contact, Contact)
    async for page in actions.walk("hubspot", "get_contact", into=Contact).pages():
        assert_type(page, WalkPage[Contact])
        assert_type(page.records, list[Contact])
    async for record in actions.walk("hubspot", "get_contact"):
        assert_type(record, Any)
    result = await actions.execute("hubspot", "get_contact")
    async for contact in result.records("results", into=Contact):
        assert_type(contact, Contact)
    walks = [Walk("demo-user-1", "hubspot", "get_contact", paging=Cursor("paging.next.after", "after"))]
    async with refold.walks(walks, state="walks.sqlite", per_account=2) as pages:
        async for item in pages:
            match item:
                case WalkPage(walk, _):
                    assert_type(walk, Walk)
                case WalkFailed(_, error):
                    assert_type(error, RefoldError)
                case WalkSkipped(walk, _):
                    assert_type(walk, Walk)
    assert_type(await refold.pull("hubspot", "get_contact", ["a"], "out", format="csv"), WalkSummary)
    await refold.pull("hubspot", "get_contact", ["a"], "out", format="xml")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def telling(error: RefoldError) -> None:
    assert_type(error.fate, Fate)
    assert_type(error.fate, Literal["not_sent", "rejected", "unknown", "done"])
    assert_type(error.status, int | None)
    assert_type(error.retry_after, float | None)
    assert_type(error.earlier, tuple[RefoldError, ...])
    assert_type(error.effect, Effect | None)
    assert_type(error.needs_reconnect, bool)
    if isinstance(error, StatusError):
        assert_type(error.status, int)
    if isinstance(error, RateLimitedError):
        assert_type(error.by_app, bool)
    if isinstance(error, ActionFailed):
        assert_type(error.result, ActionResult)


class Listener(Hooks):
    def on_call(self, call: CallFacts) -> None:
        assert_type(call.effect, Literal["read", "idempotent", "write"])


async def refused(account: Account) -> None:
    """Each of these is an error to mypy, whose strict mode also reports an ignore that is not needed."""
    await account.actions.list()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    await account.actions.execute("hubspot", "x", effect="Read")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    Refold("tk_1", timeouts=5)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    Refold("tk_1", rate_limit=20)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    Retry(4)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    RateLimit(20).burst = 5  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
