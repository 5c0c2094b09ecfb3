"""Attempts in Refold's place, for tests of the machinery alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

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
    ServerError,
)
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.scheduler import QueuedCall

RESULT = ActionResult("Success", 200, msgspec.Raw(b"{}"))

Attempt = Callable[[QueuedCall], Awaitable[object]]


def calls(number: int, *, accounts: int = 10) -> list[Call]:
    return [Call(f"account-{place % accounts}", "hubspot", "get_contact") for place in range(number)]


def attempt(behave: Callable[[QueuedCall], object], *, seconds: float = 0.0) -> Attempt:
    """Make an attempt of what a function gives, or raises, for a item."""

    async def made(item: QueuedCall) -> object:
        item.attempts += 1
        await asyncio.sleep(seconds)
        answer = behave(item)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return made


succeed = attempt(lambda _item: RESULT)


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
    async with Batch.with_attempts(inputs, made, **typed) as batch:
        return [outcome async for outcome in batch], batch
