"""What small changes to the pure rooms would break: found by making them."""

import pytest

from refold_async import retries, wire
from refold_async.errors import NotFoundError, RateLimitedError, ServerError
from refold_async.pacing import Bucket, Pacer, RateLimit
from refold_async.retries import Retry, RetryBudget


def test_a_text_that_can_be_sent_comes_back() -> None:
    assert wire.check_text("slug", "hubspot") == "hubspot"


def test_the_documented_numbers() -> None:
    retry = Retry()
    assert (retry.attempts, retry.base, retry.cap, retry.attempt_timeout) == (4, 0.5, 20.0, 30.0)
    assert (retry.budget, retry.throttled_writes) == (500, True)
    assert retries.LONGEST_RETRY_AFTER == 24 * 60 * 60


def test_an_attempt_may_be_given_up_in_less_than_a_second() -> None:
    assert Retry(attempt_timeout=0.25).attempt_timeout == 0.25


@pytest.mark.parametrize("cost", [5, 14])
def test_the_last_of_the_budget_can_be_drawn(cost: int) -> None:
    budget = RetryBudget(cost)
    assert budget.draw(cost)
    assert budget.left == 0
    assert not budget.draw(1)


def test_a_write_is_repeated_after_a_throttling_of_refolds_own_only_where_that_is_allowed() -> None:
    error = RateLimitedError("m", fate="rejected", status=429)
    assert retries.may_retry(Retry(), "write", error, 1)
    assert not retries.may_retry(Retry(throttled_writes=False), "write", error, 1)
    assert not retries.may_retry(Retry(attempts=1), "read", ServerError("m", fate="unknown", status=503), 1)
    assert not retries.may_retry(Retry(), "read", NotFoundError("m", fate="rejected", status=404), 1)


def test_a_limit_without_a_burst_lets_one_start() -> None:
    assert RateLimit(5).burst == 1


def test_a_bucket_without_a_limit_is_free_again_as_its_pause_ends() -> None:
    bucket = Bucket(None)
    assert bucket.is_free
    bucket.pause(5.0)
    assert not bucket.is_free
    assert bucket.wait(4.5) == 0.5
    assert not bucket.is_free
    assert bucket.wait(5.0) == 0.0
    assert bucket.is_free


def test_without_a_limit_a_call_that_starts_holds_up_nobody() -> None:
    bucket = Bucket(None)
    bucket.take(3.0)
    assert bucket.wait(3.0) == 0.0


def test_a_turn_is_taken_or_it_is_not() -> None:
    unlimited, limited = Pacer(Bucket(None)), Pacer(Bucket(RateLimit(1)), clock=lambda: 7.0)
    assert unlimited.try_turn() is True
    assert limited.try_turn() is True
    assert limited.try_turn() is False
