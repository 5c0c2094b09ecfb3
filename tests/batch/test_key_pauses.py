"""A 429 of Refold's own: the key pauses for 30 s at most, one call probes, and progress and summary say why."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from refold_async import BatchProgress, Call, DeadlineExceededError, RateLimitedError, Refold, Retry
from refold_async._core.pauses import LONGEST_PAUSE, KeyPauses
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async.cli.progress import progress_line
from refold_async.sandbox import Fault, Sandbox
from refold_async.settings import RateLimit

READ = ("hubspot", "get_contact", {"limit": "1"})


def client(sandbox: Sandbox, **options: Any) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, **options)


async def test_one_customers_long_429_delays_the_others_for_half_a_minute_at_most(
    sandbox: Sandbox,
) -> None:
    sandbox.faults.add(Fault(linked_account_id="demo-user-1", status=429, headers={"Retry-After": "3600"}))
    async with client(sandbox, timeout=5) as refold:
        with pytest.raises(RateLimitedError) as refused:
            await refold.account("demo-user-1").actions.execute(*READ)
        with pytest.raises(DeadlineExceededError) as waiting:
            await refold.account("demo-user-2").actions.execute(*READ)
    assert refused.value.retry_after == 3600
    error = waiting.value
    assert (error.fate, error.attempts) == ("not_sent", 1)
    assert error.retry_after is not None
    assert LONGEST_PAUSE - 5 < error.retry_after <= LONGEST_PAUSE
    for told in (str(error), str(refused.value)):
        assert re.search(
            r"Refold answered 429 with Retry-After: 3600 to a call for account 'demo-user-1', so the key is "
            r"paused until \d\d:\d\d:\d\d UTC",
            told,
        )


async def test_a_429_of_the_app_pauses_no_key(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=429, code="EXTERNAL_API_ERROR", times=1))
    async with client(sandbox, retry=Retry(attempts=1)) as refold:
        with pytest.raises(RateLimitedError) as caught:
            await refold.account("demo-user-1").actions.execute(*READ)
    assert caught.value.by_app
    assert "paused" not in str(caught.value)


async def test_progress_and_summary_say_what_is_waited_for_and_until_when(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0.8"}, times=1))
    told: list[BatchProgress] = []
    calls = [Call(f"demo-user-{number}", *READ) for number in range(1, 21)]
    async with client(sandbox) as refold:
        report = await refold.run(calls, concurrency=1, on_progress=told.append)
    assert report.summary.done == 20
    [*_, waiting] = [each for each in told if each.waiting_for]
    assert waiting.waiting_for is not None
    assert "Refold answered 429 with Retry-After: 0.8" in waiting.waiting_for
    assert waiting.waiting_until is not None
    assert abs(waiting.waiting_until - datetime.now(UTC)) < timedelta(minutes=1)
    assert f"waiting: {waiting.waiting_for} until " in progress_line(waiting)
    assert told[-1].waiting_for is None
    assert 0.5 < report.summary.key_paused < 5
    assert "waited: Refold answered 429" in str(report.summary)
    assert "s in all" in str(report.summary)


async def test_progress_names_the_account_whose_app_throttles(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(node_status="Errored", http_status=429, times=1))
    told: list[BatchProgress] = []
    async with client(sandbox, retry=Retry(base=0.001)) as refold:
        report = await refold.run([Call("demo-user-1", *READ)], on_progress=told.append)
    assert report.summary.done == 1
    assert any(each.waiting_for == "the app throttles account 'demo-user-1'" for each in told)
    assert report.summary.key_paused == 0


async def test_a_quiet_batch_waits_for_nothing(sandbox: Sandbox) -> None:
    told: list[BatchProgress] = []
    async with client(sandbox) as refold:
        report = await refold.run([Call("demo-user-1", *READ)], on_progress=told.append)
    assert {each.waiting_for for each in told} == {None}
    assert report.summary.waiting_for is None
    assert "waited" not in str(report.summary)


async def test_after_a_pause_one_call_goes_ahead_of_the_others(sandbox: Sandbox) -> None:
    closed = Fault(status=429, headers={"Retry-After": "0.2"})
    sandbox.faults.add(closed)
    calls = [Call(f"demo-user-{number}", *READ) for number in range(1, 41)]

    async def open_later() -> None:
        while sandbox.faults.fired(closed) < 43:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
        sandbox.faults.clear()

    async with client(sandbox, retry=Retry(attempts=9)) as refold:
        report, _ = await asyncio.gather(refold.run(calls, concurrency=40), open_later())
    assert report.summary.done == 40
    refused = sum(request.status == 429 for request in sandbox.requests)
    assert refused <= 44, "after the first 40, which were under way, each pause ends with one call"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.mark.parametrize("limit", [None, RateLimit(1000, burst=100)])
async def test_the_probe(limit: RateLimit | None) -> None:
    clock = Clock()
    bucket = TokenBucket(BucketState(limit), clock=clock, sleep=clock.sleep)
    bucket.pause(30)
    assert not bucket.try_acquire()
    clock.now = 30
    assert bucket.try_acquire()
    assert not bucket.try_acquire()
    assert 0 < bucket.delay() < 1
    bucket.on_response(False)
    assert bucket.try_acquire()
    assert bucket.try_acquire()


async def test_a_probe_without_a_response_is_followed_by_another_one() -> None:
    clock = Clock()
    bucket = TokenBucket(BucketState(None), clock=clock, sleep=clock.sleep)
    bucket.pause(10)
    await bucket.acquire()
    assert clock.now == 10
    await bucket.acquire()
    assert 10.9 < clock.now < 11.1
    bucket.on_response(True)
    bucket.pause(5)
    bucket.on_response(False)  # of a call that was sent before the pause: it does not end it
    assert not bucket.try_acquire()


def test_pauses_add_up_and_name_the_last_one() -> None:
    pauses = KeyPauses()
    assert pauses.explain(0.0) is None
    error = RateLimitedError("no", status=429)
    pauses.begin(0.0, 10.0, error)
    pauses.begin(5.0, 1.0, error)
    pauses.begin(8.0, 4.0, error)
    pauses.begin(20.0, 1.0, error)
    assert pauses.total == 13.0
    assert pauses.left(20.5) == 0.5
    assert pauses.reason == "Refold answered 429, so the key is paused"
