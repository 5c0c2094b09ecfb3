"""Boundary values and defaults of the core, found by mutation testing."""

import asyncio

import pytest

from refold_async._core import checks, retries
from refold_async._core.limiter import CapacityLimiter
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async._core.responses import Response, bounded, is_success, read, status_error
from refold_async._core.retries import RetryBudget
from refold_async.errors import BadRequestError, NotFoundError, RateLimitedError, RedirectError, ServerError
from refold_async.settings import RateLimit, Retry


def test_a_valid_text_round_trips() -> None:
    assert checks.check_text("slug", "hubspot") == "hubspot"


def test_the_documented_numbers() -> None:
    retry = Retry()
    assert (retry.attempts, retry.base, retry.cap, retry.attempt_timeout) == (4, 0.5, 20.0, 30.0)
    assert (retry.budget, retry.throttled_writes) == (500, True)
    assert retries.LONGEST_RETRY_AFTER == 24 * 60 * 60


def test_an_attempt_timeout_may_be_less_than_a_second() -> None:
    assert Retry(attempt_timeout=0.25).attempt_timeout == 0.25


@pytest.mark.parametrize("cost", [5, 14])
def test_the_last_of_the_budget_can_be_drawn(cost: int) -> None:
    budget = RetryBudget(cost)
    assert budget.draw(cost)
    assert budget.left == 0
    assert not budget.draw(1)


def test_a_write_is_retried_after_refolds_own_429_only_if_allowed() -> None:
    error = RateLimitedError("m", fate="rejected", status=429)
    assert retries.may_retry(Retry(), "write", error, 1)
    assert not retries.may_retry(Retry(throttled_writes=False), "write", error, 1)
    assert not retries.may_retry(Retry(attempts=1), "read", ServerError("m", fate="unknown", status=503), 1)
    assert not retries.may_retry(Retry(), "read", NotFoundError("m", fate="rejected", status=404), 1)


def test_a_limit_without_a_burst_lets_one_start() -> None:
    assert BucketState(RateLimit(5)).wait(0.0) == 0.0
    assert RateLimit(5).burst is None


def test_a_bucket_without_a_limit_is_free_after_its_pause() -> None:
    bucket = BucketState(None)
    assert bucket.is_free
    bucket.pause(5.0)
    told = [(bucket.wait(now), bucket.is_free) for now in (4.5, 5.0)]
    assert told == [(0.5, False), (0.0, True)]


def test_without_a_limit_a_started_call_delays_no_other() -> None:
    bucket = BucketState(None)
    bucket.take(3.0)
    assert bucket.wait(3.0) == 0.0


def test_a_token_is_acquired_or_refused() -> None:
    unlimited, limited = (
        TokenBucket(BucketState(None)),
        TokenBucket(BucketState(RateLimit(1)), clock=lambda: 7.0),
    )
    assert [unlimited.try_acquire(), limited.try_acquire(), limited.try_acquire()] == [True, True, False]


async def test_a_slot_of_a_cancelled_waiter_goes_to_the_next() -> None:
    limiter = CapacityLimiter(1)
    assert [limiter.try_acquire(), limiter.try_acquire()] == [True, False]
    first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    limiter.release()
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert limiter.available == 0
    limiter.release()
    assert limiter.available == 1


async def test_a_cancelled_waiter_is_removed() -> None:
    limiter = CapacityLimiter(1)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait([waiting[1]])
    assert repr(limiter) == "CapacityLimiter(0 of 1 free, 2 waiting)"
    limiter.release()
    limiter.release()
    await asyncio.gather(waiting[0], waiting[2])


def test_without_a_secret_nothing_is_cut_out() -> None:
    reply = Response(400, {}, b'{"message":"XX and XX"}')
    assert status_error(reply).message == "XX and XX"
    with pytest.raises(BadRequestError, match="XX and XX"):
        read(dict, reply)


@pytest.mark.parametrize(("status", "success"), [(199, False), (200, True), (299, True), (300, False)])
def test_the_edges_of_success(status: int, success: bool) -> None:
    assert is_success(status) is success


def test_300_is_a_redirect_that_was_not_done() -> None:
    error = status_error(Response(300, {}, b""))
    assert (type(error), error.fate) == (RedirectError, "rejected")


def test_the_header_that_asks_to_wait_is_read() -> None:
    assert status_error(Response(503, {"Retry-After": "7"}, b"")).retry_after == 7.0


def test_empty_fields_of_an_envelope_say_nothing() -> None:
    error = status_error(
        Response(400, {}, b'{"message":"m","error_code":"","http_error_type":"","request_id":""}')
    )
    assert (error.error_code, error.error_type, error.request_id) == (None, None, None)


def test_a_message_is_cut_to_five_hundred_characters_and_not_before() -> None:
    assert bounded("x" * 500) == "x" * 500
    assert bounded("x" * 501) == "x" * 500 + "…"
    assert bounded("a" + " " * 1999 + "b") == "a"
