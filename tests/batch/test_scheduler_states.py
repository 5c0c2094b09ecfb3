"""Edges of the queues that small changes moved without any test noticing."""

import pytest

from refold_async import PerAccount, RateLimit
from refold_async.batch.scheduler import FairScheduler

from .test_scheduler import add, queues, taken


@pytest.mark.parametrize(("ready", "low"), [(0, True), (3, True), (4, False), (5, False)])
def test_reading_continues_while_fewer_accounts_than_the_breadth_are_ready(ready: int, low: bool) -> None:
    of = queues()
    add(of, *(f"account-{number}" for number in range(ready)))
    assert of.is_low() is low


@pytest.mark.parametrize(("window", "most"), [(100, 87), (16, 13), (8, 6), (1, 0)])
def test_reading_continues_once_an_eighth_of_the_window_is_free(window: int, most: int) -> None:
    of = FairScheduler(PerAccount(), breadth=4, window=window)
    add(of, *["a"] * most)
    assert of.is_low() is True
    add(of, "a")
    assert of.is_low() is False


def test_calls_start_up_to_the_permits() -> None:
    of = queues(concurrency=3)
    assert of.startable(10) == 0
    add(of, *"aaaaabb")
    assert of.startable(10) == 5
    assert of.take(0.0) is not None
    assert of.startable(10) == 4
    assert [of.startable(limit) for limit in (1, 3, 4, 5)] == [1, 3, 4, 4]


def test_a_queue_without_a_permit_is_not_ready() -> None:
    of = queues(concurrency=1)
    first, *_ = add(of, *"aa")
    assert of.take(0.0) is first
    assert not of.ready
    add(of, "a")
    assert not of.ready
    of.release(first, 0.0)
    assert len(of.ready) == 1


def test_a_queue_is_ready_once() -> None:
    of = queues()
    first, *_ = add(of, *"aaab")
    assert len(of.ready) == 2
    assert of.take(0.0) is first
    assert len(of.ready) == 2
    of.release(first, 0.0)
    add(of, "a")
    assert len(of.ready) == 2


def test_a_queue_with_a_returned_permit_goes_behind_the_others() -> None:
    of = queues(concurrency=1)
    first, *_ = add(of, *"aabb")
    assert of.take(0.0) is first
    of.release(first, 0.0)
    assert taken(of) == ["b", "a"]


def test_the_longest_pause_is_a_minute_unless_the_server_asks_for_more() -> None:
    of = queues()
    add(of, *"a" * 30)
    now, pauses = 0.0, []
    for least in (*[0.0] * 12, 500.0):
        queued = of.take(now)
        assert queued is not None
        of.throttle(queued, now, least)
        of.release(queued, now, succeeded=False)
        assert of.take(now) is None
        due = of.next_due()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses == [1, 2, 4, 8, 16, 32, *[60] * 6, 500]


def test_after_a_success_the_pause_is_short_again() -> None:
    of = queues()
    add(of, *"aaaaaa")
    now = 0.0
    for _ in range(3):
        queued = of.take(now)
        assert queued is not None
        of.throttle(queued, now, 0.0)
        of.release(queued, now, succeeded=False)
        assert of.take(now) is None
        now = of.next_due() or 0.0
    queued = of.take(now)
    assert queued is not None
    of.release(queued, now)
    again = of.take(now)
    assert again is not None
    of.throttle(again, now, 0.0)
    assert again.queue.paused_until == now + 1.0


def test_permits_double_up_to_the_bound_and_no_further() -> None:
    of = queues(concurrency=3)
    add(of, *"a" * 20)
    probe = of.take(0.0)
    assert probe is not None
    of.throttle(probe, 0.0, 0.0)
    of.release(probe, 0.0, succeeded=False)
    allowed = []
    for _ in range(4):
        queued = of.take(5.0) or of.take(5.0)
        assert queued is not None
        allowed.append(probe.queue.allowed)
        of.release(queued, 5.0)
    assert allowed == [1, 2, 3, 3]


def test_a_pause_outlives_the_calls_of_its_account() -> None:
    """The queue is empty for a while; a call that comes meanwhile still waits, one that comes later does not."""
    of = queues()
    (queued,) = add(of, "a")
    assert of.take(0.0) is queued
    of.throttle(queued, 0.0, 5.0)
    of.release(queued, 0.0, succeeded=False)
    (second,) = add(of, "a")
    assert of.take(4.0) is None
    assert of.next_due() == 5.0
    assert of.take(5.0) is second
    of.release(second, 5.0)
    assert of.take(5.0) is None
    assert not of._queues


def test_an_empty_queue_is_remembered_until_its_burst_is_full_again() -> None:
    of = queues(rate=RateLimit(2, burst=4))
    (queued,) = add(of, "a")
    assert of.take(0.0) is queued
    of.release(queued, 0.0)
    assert of.take(1.9) is None
    assert list(of._queues) == ["a"]
    assert of.take(2.0) is None
    assert not of._queues


def test_an_empty_queue_expires_once() -> None:
    of = queues(rate=RateLimit(100, burst=10))
    for _ in range(5):
        (queued,) = add(of, "a")
        assert of.take(0.0) is queued
        of.release(queued, 0.0)
    assert len(of._expiring) == 1


def test_a_queue_whose_call_runs_or_waits_is_not_forgotten() -> None:
    of = queues()
    first, second = add(of, *"aa")
    assert [of.take(0.0), of.take(0.0)] == [first, second]
    of.release(first, 0.0)
    assert list(of._queues) == ["a"]
    of.postpone(second, 0.0, 5.0)
    assert list(of._queues) == ["a"]
    assert of.take(5.0) is second
    of.release(second, 5.0)
    assert not of._queues


def test_draining_resets_the_queues() -> None:
    of = queues(concurrency=2)
    first, second, *_ = add(of, *"aaab")
    assert [of.take(0.0), of.held] == [first, 3]
    of.postpone(first, 0.0, 9.0)
    assert len(of.drain()) == 4
    assert (len(of.ready), of.held, of.next_due(), of.drain()) == (0, 0, None, [])
    assert (second.queue.delayed, second.queue.listed, len(second.queue.calls)) == (0, False, 0)
    third, fourth = add(of, *"ab")
    assert [of.take(0.0), of.take(0.0), of.take(0.0)] == [third, fourth, None]


def test_a_paused_queue_does_not_block_the_others() -> None:
    of = queues()
    slow, *_ = add(of, *"aabb")
    assert of.take(0.0) is slow
    of.throttle(slow, 0.0, 5.0)
    of.release(slow, 0.0, succeeded=False)
    assert taken(of, 1.0) == ["b", "b"]
    assert isinstance(of.next_due(), float)
    assert taken(of, 5.0) == ["a"]


def test_a_queue_without_a_history_is_used_again_for_another_account() -> None:
    of = queues(concurrency=1)
    first, *_ = add(of, "a")
    assert of.take(0.0) is first
    of.release(first, 0.0)
    second, third = add(of, *"bc")
    assert second.queue is first.queue
    assert third.queue is not second.queue
    assert (second.queue.account, third.queue.account) == ("b", "c")
    assert taken(of, 0.0) == ["b", "c"]


def test_queues_that_release_memory_are_not_used_again() -> None:
    of = queues()
    first, *_ = add(of, "a")
    assert of.take(0.0) is first
    of.release(first, 0.0)
    of.release_memory()
    second, *_ = add(of, "b")
    assert second.queue is not first.queue


def test_a_queue_that_was_paused_is_not_used_again() -> None:
    of = queues()
    first, *_ = add(of, "a")
    assert of.take(0.0) is first
    of.throttle(first, 0.0, 5.0)
    of.release(first, 0.0, succeeded=False)
    other, *_ = add(of, "b")
    assert of.take(9.0) is other
    of.release(other, 9.0)
    again, another = add(of, *"ac")
    assert again.queue is not first.queue
    assert another.queue is not first.queue


@pytest.mark.parametrize("early", [0, 1])
def test_after_a_pause_the_calls_that_still_run_count_against_the_one_permit(early: int) -> None:
    of = queues()
    first, *running, last = add(of, *"aaaa")
    assert [of.take(0.0) for _ in range(3)] == [first, *running]
    of.throttle(first, 0.0, 1.0)
    of.release(first, 0.0, succeeded=False)
    for queued in running[:early]:
        of.release(queued, 0.0, succeeded=False)
    (other,) = add(of, "b")
    assert [of.take(2.0), of.take(2.0)] == [other, None]
    *shorter, longest = running[early:]
    for queued in shorter:
        of.release(queued, 2.0, succeeded=False)
        assert not of.ready
    of.release(longest, 2.0, succeeded=False)
    assert of.take(2.0) is last


def test_a_success_resets_the_backoff_of_an_account_with_one_permit() -> None:
    of = queues(concurrency=1)
    add(of, *"aaaaaa")
    now, pauses = 0.0, []
    for succeeded in (False, False, True, False):
        queued = of.take(now)
        assert queued is not None
        if not succeeded:
            of.throttle(queued, now, 0.0)
        of.release(queued, now, succeeded=succeeded)
        if not succeeded:
            assert of.take(now) is None
            pauses.append((of.next_due() or 0.0) - now)
            now += pauses[-1]
    assert pauses == [1.0, 2.0, 1.0]


def test_a_queue_that_settles_is_ready_once() -> None:
    of = queues(concurrency=1)
    first, *_ = add(of, *"aa")
    assert of.take(0.0) is first
    of.release(first, 0.0)
    add(of, "a")
    assert len(of.ready) == 1


def test_a_queue_that_waits_for_its_time_is_not_ready_too() -> None:
    of = queues()
    first, *_ = add(of, *"aa")
    assert of.take(0.0) is first
    of.throttle(first, 0.0, 5.0)
    of.release(first, 0.0, succeeded=False)
    assert of.take(1.0) is None
    add(of, "a")
    assert len(of.ready) == 0
    assert of.next_due() == 5.0
