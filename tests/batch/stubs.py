"""A batch whose attempts are made by a function, for tests of the machinery alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Unpack

import msgspec

from refold_async import (
    ActionFailed,
    ActionResult,
    Batch,
    BatchOptions,
    Call,
    Fate,
    NotFoundError,
    Outcome,
    ReconnectRequiredError,
    RefoldError,
    ServerError,
)
from refold_async._core.pipeline import RetryAfter
from refold_async.batch import BatchSettings, Calls
from refold_async.batch.scheduler import QueuedCall

RESULT = ActionResult("Success", 200, msgspec.Raw(b"{}"))

Attempt = Callable[[QueuedCall], Awaitable[object]]
"""Makes an attempt as `CallRunner.attempt` does: it adds 1 to `queued.attempts`."""


class FunctionRunner:
    """Makes attempts by calling a function, without a rate limit."""

    base_url = "none"
    learnt_rate = None
    rate_limit = None
    key_pauses = None

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    async def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def acquire(self, queued: QueuedCall) -> None:
        pass

    def attempt(self, queued: QueuedCall) -> Awaitable[object]:
        return self._attempt(queued)

    def stop(self) -> None:
        pass

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        pass


def make_batch(inputs: Calls, made: Attempt, **options: Unpack[BatchOptions]) -> Batch:
    return Batch(inputs, FunctionRunner(made), BatchSettings(**options))


def calls(number: int, *, accounts: int = 10) -> list[Call]:
    return [Call(f"account-{place % accounts}", "hubspot", "get_contact") for place in range(number)]


def attempt(behave: Callable[[QueuedCall], object], *, seconds: float = 0.0) -> Attempt:
    """Return an attempt that returns or raises what a function returns for a call."""

    async def made(queued: QueuedCall) -> object:
        queued.attempts += 1
        await asyncio.sleep(seconds)
        answer = behave(queued)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return made


succeed = attempt(lambda _queued: RESULT)


def not_found() -> NotFoundError:
    return NotFoundError("no such contact", fate="rejected", status=404)


def reconnect() -> ReconnectRequiredError:
    return ReconnectRequiredError("connect again", fate="rejected", status=401)


def throttled_by_app(fate: Fate = "rejected") -> ActionFailed:
    result = ActionResult("Errored", 429, msgspec.Raw(b"{}"))
    return ActionFailed("too much", result=result, fate=fate)


def again(wait: float = 0.0) -> RetryAfter:
    return RetryAfter(wait, ServerError("busy", fate="unknown", status=503))


async def outcomes_of(
    inputs: Sequence[Call], made: Attempt, **options: object
) -> tuple[list[Outcome], Batch]:
    typed: BatchOptions = options  # type: ignore[assignment]
    async with make_batch(inputs, made, **typed) as batch:
        return [outcome async for outcome in batch], batch
