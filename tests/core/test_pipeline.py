"""The attempts of one call: its deadline over all waits and retries, and what hooks see of it."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from refold_async import (
    AuthenticationError,
    Cache,
    CallFacts,
    ConnectionFailedError,
    DeadlineExceededError,
    Hooks,
    RateLimit,
    RateLimitedError,
    Refold,
    RefoldError,
    ReplyTooLargeError,
    Retry,
    ServerError,
    deadline,
)
from refold_async.sandbox import Fault, Sandbox

QUICK = Retry(base=0.001, cap=0.01)


@asynccontextmanager
async def client(sandbox: Sandbox, **options: Any) -> AsyncIterator[Refold]:
    chosen: dict[str, Any] = {"base_url": sandbox.base_url, "timeout": 5, "retry": QUICK, **options}
    async with Refold(sandbox.api_key, **chosen) as refold:
        yield refold


async def test_a_read_is_tried_again_until_it_is_answered(sandbox: Sandbox, transport: str) -> None:
    sandbox.faults.add(
        Fault(drop="before", times=1), Fault(status=503, times=1), Fault(drop="during", times=1)
    )
    async with client(sandbox) as refold:
        assert await refold.account("demo-user-1").actions.list("hubspot")
    assert len(sandbox.requests) == 4


async def test_retries_are_bounded_and_recorded(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "refold_async")
    sandbox.faults.add(Fault(drop="before", times=1), Fault(status=502))
    async with client(sandbox) as refold:
        with pytest.raises(ServerError) as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
    error = caught.value
    assert error.attempts == len(sandbox.requests) == 4
    assert [type(each) for each in error.earlier] == [ConnectionFailedError, ServerError, ServerError]
    assert [each.attempts for each in error.earlier] == [1, 2, 3]
    assert "4 attempts" in str(error)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "INFO", "INFO", "WARNING"]
    assert caplog.records[-1].__dict__["refold"]["linked_account_id"] == "demo-user-1"


async def test_a_silent_read_is_abandoned_early_and_a_write_is_not(sandbox: Sandbox, transport: str) -> None:
    sandbox.faults.add(Fault(hang=True, times=2))
    retry = Retry(base=0.001, attempt_timeout=0.03, attempts=2)
    async with client(sandbox, retry=retry) as refold:
        account = refold.account("demo-user-1")
        with pytest.raises(DeadlineExceededError) as caught:
            await account.actions.list("hubspot", timeout=0.5)
        [earlier] = caught.value.earlier
        assert earlier.message == "no response within 0.03 s"
        assert (caught.value.message, caught.value.fate) == ("no response before the deadline", "unknown")
        sandbox.faults.add(Fault(latency=0.06, times=1))
        await account.actions.execute("hubspot", "create_contact", {"email": "a@b.c"})
    assert len(sandbox.ledger.writes()) == 1


async def test_the_wait_for_a_connection_does_not_count_as_a_silent_read(
    sandbox: Sandbox, transport: str
) -> None:
    """Otherwise, reads that queue for a connection would all fail at once, and spend the budget."""
    retry = Retry(base=0.001, attempt_timeout=1, budget=0)
    async with client(sandbox, retry=retry, max_connections=1) as refold:
        account = refold.account("demo-user-1")
        session = await account._requester.session()
        assert session.limiter.try_acquire()
        reading = asyncio.create_task(account.actions.list("hubspot"))
        await asyncio.sleep(1.1)
        session.limiter.release()
        assert await reading


async def test_a_wait_past_the_deadline_fails_at_once(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "60"}))
    async with client(sandbox) as refold:
        account = refold.account("demo-user-1")
        with pytest.raises(RateLimitedError) as caught:
            await account.actions.list("hubspot")
        assert caught.value.retry_after == 60
        assert caught.value.__notes__ == [
            "not retried: the next attempt, in 60.0 s, would start after the deadline"
        ]
        with pytest.raises(DeadlineExceededError, match="s, after the deadline") as paused:
            await account.actions.list("slack")
    assert paused.value.fate == "not_sent"
    assert paused.value.retry_after is not None
    assert 20 < paused.value.retry_after <= 30
    assert len(sandbox.requests) == 1


async def test_an_apps_429_pauses_no_other_account(sandbox: Sandbox) -> None:
    fault = Fault(status=429, times=1, code="EXTERNAL_API_ERROR", headers={"Retry-After": "60"})
    sandbox.faults.add(fault)
    async with client(sandbox) as refold:
        account = refold.account("demo-user-1")
        with pytest.raises(RateLimitedError):
            await account.actions.execute("hubspot", "get_contact")
        assert await account.actions.list("slack")


async def test_a_spent_budget_ends_the_retries(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503))
    async with client(sandbox, retry=Retry(base=0.001, budget=30, attempts=9)) as refold:
        with pytest.raises(ServerError) as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
        assert caught.value.__notes__ == ["not retried: the session's retry budget is exhausted"]
        session = await refold._requester.session()
        assert (caught.value.attempts, session.budget.left) == (3, 2)
        sandbox.faults.clear()
        for _ in range(3):
            await refold.account("demo-user-1").actions.list("hubspot")
        assert session.budget.left == 5


async def test_a_success_after_retries_gives_back_the_last_ones_cost(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, times=2))
    async with client(sandbox, retry=Retry(base=0.001, budget=100)) as refold:
        await refold.account("demo-user-1").actions.list("hubspot")
        assert (await refold._requester.session()).budget.left == 100 - 14 - 14 + 14


async def test_a_rate_limit_past_the_deadline_fails_at_once(sandbox: Sandbox) -> None:
    async with client(sandbox, rate_limit=RateLimit(0.1)) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("hubspot")
        with pytest.raises(
            DeadlineExceededError,
            match=r"the rate limit allows the next call in \d+\.\d s, after the deadline",
        ) as caught:
            await account.actions.list("hubspot", timeout=0.1)
        assert caught.value.fate == "not_sent"
    assert len(sandbox.requests) == 1


async def test_waiting_for_the_rate_limit_times_out(sandbox: Sandbox) -> None:
    async with client(sandbox, rate_limit=RateLimit(4)) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("hubspot")
        waiting = [asyncio.create_task(account.actions.list("hubspot")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceededError, match="timed out waiting for the rate limit") as caught:
            await account.actions.list("hubspot", timeout=0.3)
        assert caught.value.retry_after is not None
        assert 0 <= caught.value.retry_after < 0.3
        await asyncio.gather(*waiting)
    assert len(sandbox.requests) == 3


async def test_waiting_for_a_connection_times_out(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(latency=0.5, times=1))
    async with client(sandbox, max_connections=1) as refold:
        account = refold.account("demo-user-1")
        first = asyncio.create_task(account.actions.list("hubspot"))
        await asyncio.sleep(0.01)
        with pytest.raises(
            DeadlineExceededError, match="deadline exceeded before the request was sent"
        ) as caught:
            await account.actions.list("hubspot", timeout=0.01)
        assert caught.value.fate == "not_sent"
        assert await first
    assert len(sandbox.requests) == 1


async def test_a_source_that_gives_no_key_before_the_deadline(sandbox: Sandbox) -> None:
    async def source() -> str:
        await asyncio.sleep(10)
        return "tk_late"

    async with Refold(source, base_url=sandbox.base_url, timeout=0.02) as refold:
        with pytest.raises(DeadlineExceededError, match="the credential source returned no secret"):
            await refold.account("demo-user-1").actions.list("hubspot")


@pytest.mark.parametrize("second", ["slow", "wrong"])
async def test_a_source_that_fails_to_renew(sandbox: Sandbox, second: str) -> None:
    asked: list[int] = []

    async def source() -> str:
        asked.append(1)
        if len(asked) > 1 and second == "wrong":
            raise OSError("vault is sealed")
        if len(asked) > 1:
            await asyncio.sleep(10)
        return "tk_old"

    async with Refold(source, base_url=sandbox.base_url, timeout=1) as refold:
        with pytest.raises(AuthenticationError) as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
    [note] = caught.value.__notes__
    assert note.startswith(
        "the credential source returned no new secret" if second == "slow" else "no new secret:"
    )
    assert len(asked) == 2


async def test_an_enclosing_deadline_bounds_calls_and_waits_for_the_cache(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with client(sandbox, timeout=math.inf, cache=Cache()) as refold:
        account = refold.account("demo-user-1")
        first = asyncio.create_task(account.actions.list("hubspot", timeout=0.1))
        await asyncio.sleep(0)
        with deadline(0.01), pytest.raises(DeadlineExceededError) as caught:
            await account.actions.list("hubspot")
        assert caught.value.operation == "actions.list"
        with pytest.raises(DeadlineExceededError):
            await first


class Diary(Hooks):
    """Records the arguments of hooks."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.calls: set[CallFacts] = set()

    def on_call(self, call: CallFacts) -> None:
        self.calls.add(call)
        self.lines.append("call")

    def on_request(self, call: CallFacts, attempt: int) -> None:
        self.calls.add(call)
        self.lines.append(f"request {attempt}")

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        assert seconds >= 0
        self.lines.append(f"response {attempt} {status} {type(error).__name__}")

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        self.lines.append(f"retry {attempt}")

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: str | None, seconds: float
    ) -> None:
        self.lines.append(f"done {attempts} {type(error).__name__} {fate}")


async def test_hooks_are_called_from_start_to_end_of_a_call(sandbox: Sandbox, transport: str) -> None:
    diary = Diary()
    sandbox.faults.add(Fault(status=503, times=1))
    async with client(sandbox, hooks=diary) as refold:
        await refold.account("demo-user-1").actions.list("hubspot")
    assert diary.lines == [
        "call", "request 1", "response 1 503 ServerError", "retry 1", "request 2", "response 2 200 NoneType",
        "done 2 NoneType None",
    ]  # fmt: skip
    [call] = diary.calls
    assert (call.operation, call.slug, call.linked_account_id, call.effect) == (
        "actions.list", "hubspot", "demo-user-1", "read",
    )  # fmt: skip


async def test_hooks_are_called_for_a_call_cancelled_between_attempts(sandbox: Sandbox) -> None:
    diary = Diary()
    sandbox.faults.add(Fault(status=503))
    async with client(sandbox, hooks=diary, retry=Retry(base=10, cap=10), timeout=100) as refold:
        session = await refold._requester.session()
        call = asyncio.create_task(refold.account("demo-user-1").actions.list("hubspot"))
        while "retry 1" not in diary.lines:  # noqa: ASYNC110 - hooks are no coroutines
            await asyncio.sleep(0.001)
        assert session.active == 1
        call.cancel()
        await asyncio.wait([call])
        assert session.active == 0
    assert diary.lines[-1] == "done 1 CancelledError unknown"


async def test_hooks_are_not_called_for_cached_responses(sandbox: Sandbox) -> None:
    diary = Diary()
    async with client(sandbox, hooks=[diary], cache=Cache()) as refold:
        await asyncio.gather(*(refold.account("demo-user-1").actions.list("hubspot") for _ in range(5)))
    assert diary.lines == ["call", "request 1", "response 1 200 NoneType", "done 1 NoneType None"]


class Broken(Hooks):
    def on_request(self, call: CallFacts, attempt: int) -> None:
        raise ZeroDivisionError


async def test_hooks_that_raise_do_not_affect_calls(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with client(sandbox, hooks=Broken()) as refold:
        assert await refold.account("demo-user-1").actions.list("hubspot")
    assert [record.message for record in caplog.records] == ["a hook raised, its exception is ignored"]


async def test_a_reply_past_the_limit_is_not_read(sandbox: Sandbox, transport: str) -> None:
    async with client(sandbox, max_response_bytes=200) as refold:
        account = refold.account("demo-user-1")
        with pytest.raises(ReplyTooLargeError) as caught:
            await account.actions.execute("playground", "get_payload", {"bytes": 1000})
        assert caught.value.message == "the response is larger than max_response_bytes (200)"
        assert caught.value.fate == "unknown"
        small = await account.actions.execute("playground", "get_payload", {"bytes": 1})
        assert small.data == {"payload": "x"}
