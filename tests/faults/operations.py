"""The operations under test, called through the public API."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from refold_async import ActionResult, Call, DeadlineExceededError, Done, Failed, Refold

from .answers import ACTIONS, ENVELOPE, FIELDS
from .fault import Effect

SLUG = "hubspot"
LINKED_ACCOUNT_ID = "customer-1"
OTHERS = ("customer-2", "customer-3")


class TooBusyError(AssertionError):
    """Calls of a batch timed out that did not meet a fault: the machine is too busy."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to make a call.

    Attributes:
        name: Its name in test ids and tables.
        effect: The effect that the client assumes.
        call: Makes the call with the given timeout in seconds.
        content: Returns what a caller reads from the result; may raise on first access.
        good: The content of a good response.
        lazy: Whether the content is decoded on first access instead of in the call.
        calls: The number of calls in the batch, or 0 if it is not a batch.
    """

    name: str
    effect: Effect
    call: Callable[[Refold, float], Awaitable[Any]]
    content: Callable[[Any], object]
    good: object
    lazy: bool = False
    calls: int = 0

    @property
    def others(self) -> int:
        """The number of calls that accompany the one that meets the fault."""
        return max(0, self.calls - 1)


def _execute(name: str, effect: Effect, action_id: str) -> Operation:
    return Operation(
        name,
        effect,
        lambda refold, timeout: refold.account(LINKED_ACCOUNT_ID).actions.execute(
            SLUG, action_id, {"limit": "1"}, timeout=timeout
        ),
        lambda result: result.data,
        ENVELOPE["data"],
        lazy=True,
    )


def _names(items: list[Any]) -> list[object]:
    return [item.name for item in items]


LIST = Operation(
    "list",
    "read",
    lambda refold, timeout: refold.account(LINKED_ACCOUNT_ID).actions.list(SLUG, timeout=timeout),
    _names,
    [action["name"] for action in ACTIONS],
)
SCHEMA = Operation(
    "schema",
    "read",
    lambda refold, timeout: refold.account(LINKED_ACCOUNT_ID).actions.schema(
        SLUG, "get_contact", timeout=timeout
    ),
    _names,
    [field["name"] for field in FIELDS],
)
READ = _execute("execute a read", "read", "get_contact")
WRITE = _execute("execute a write", "write", "create_contact")


def _batch(name: str, effect: Effect, action_id: str, others: tuple[str, ...] = OTHERS) -> Operation:
    calls = [Call(each, SLUG, action_id, {"limit": "1"}) for each in (LINKED_ACCOUNT_ID, *others)]
    return Operation(
        name,
        effect,
        lambda refold, timeout: _run(refold, calls, timeout),
        lambda results: [result.data for result in results],
        [ENVELOPE["data"]] * len(calls),
        lazy=True,
        calls=len(calls),
    )


async def _run(refold: Refold, calls: list[Call], timeout: float) -> list[ActionResult]:
    """Run calls concurrently and return their results; raise the error of the one that may fail."""
    async with refold.batch(calls, concurrency=len(calls), timeout=timeout, patience=0) as batch:
        outcomes = [outcome async for outcome in batch]
    assert sorted(outcome.index for outcome in outcomes) == list(range(len(calls)))
    assert all(outcome.call is calls[outcome.index] for outcome in outcomes)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    done = [outcome.result for outcome in outcomes if isinstance(outcome, Done)]
    assert len(done) + len(failed) == len(calls)
    if len(failed) > 1 and all(isinstance(each.error, DeadlineExceededError) for each in failed):
        raise TooBusyError
    assert len(failed) <= 1
    if failed:
        raise failed[0].error
    return done


BATCH_OF_READS = _batch("a batch of reads", "read", "get_contact")
BATCH_OF_WRITES = _batch("a batch of writes", "write", "create_contact")
READ_ALONE = _batch("a batch of one read", "read", "get_contact", ())
WRITE_ALONE = _batch("a batch of one write", "write", "create_contact", ())

SINGLE = (LIST, SCHEMA, READ, WRITE)
BATCHES = (BATCH_OF_READS, BATCH_OF_WRITES)
"""Batches of three calls, one of which meets the fault."""
BATCHES_OF_ONE = (READ_ALONE, WRITE_ALONE)
"""For faults that every call of a batch would meet."""
A_GET_AND_A_POST = (LIST, WRITE)
"""Both methods and both effects: all that a transport can distinguish."""
