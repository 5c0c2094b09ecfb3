"""Whose call goes next, with a clock that is a number."""

import math
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from refold_async import Call, PerAccount, RateLimit
from refold_async.batch.scheduler import FairScheduler, QueuedCall


def queues(**bounds: object) -> FairScheduler:
    return FairScheduler(PerAccount(**bounds), breadth=4, window=100)  # type: ignore[arg-type]


def add(to: FairScheduler, *accounts: str) -> list[QueuedCall]:
    items = [QueuedCall(Call(account, "x", "get_y"), index, 0.0) for index, account in enumerate(accounts)]
    for queued in items:
        to.add(queued)
    return items


def taken(of: FairScheduler, now: float = 0.0) -> list[str]:
    accounts = []
    while (queued := of.take(now)) is not None:
        accounts.append(queued.call.linked_account_id)
    return accounts


def test_accounts_take_turns() -> None:
    of = queues()
    add(of, "a", "a", "a", "b", "b", "c")
    assert taken(of) == ["a", "b", "c", "a", "b", "a"]


def test_an_account_has_no_more_under_way_than_its_bound() -> None:
    of = queues(concurrency=2)
    first, *_ = add(of, "a", "a", "a", "b")
    assert taken(of) == ["a", "b", "a"]
    of.release(first, 0.0)
    assert taken(of) == ["a"]


def test_a_postponed_call_holds_no_permit_and_returns_first() -> None:
    of = queues(concurrency=1)
    first, second, third = add(of, "a", "a", "a")
    assert of.take(0.0) is first
    of.postpone(first, 0.0, 5.0)
    assert of.take(0.0) is second
    of.release(second, 4.0)
    assert of.take(5.0) is first
    of.release(first, 5.0)
    assert of.take(5.0) is third


def test_postponed_calls_are_not_early() -> None:
    of = queues()
    (queued,) = add(of, "a")
    of.take(0.0)
    of.postpone(queued, 0.0, 5.0)
    assert of.next_due() == 5.0
    assert of.take(4.9) is None
    assert of.take(5.0) is queued


def test_all_apps_of_a_throttled_account_pause_with_the_one_that_throttled() -> None:
    of = queues()
    items = [QueuedCall(Call("a", slug, "get_y"), 0, 0.0) for slug in ("hubspot", "hubspot", "slack")]
    for queued in items:
        of.add(queued)
    assert of.take(0.0) is items[0]
    of.throttle(items[0], 0.0, 3.0)
    of.release(items[0], 0.0, succeeded=False)
    assert (of.take(2.9), of.take(3.0), of.take(3.0)) == (None, items[1], None)


def test_a_throttled_account_pauses_alone_then_goes_one_by_one_then_doubles() -> None:
    of = queues()
    a, *_ = add(of, *"aaaaaaaab")
    assert of.take(0.0) is a
    of.throttle(a, 0.0, 3.0)
    of.release(a, 0.0, succeeded=False)
    assert taken(of, 1.0) == ["b"]
    probe = of.take(3.0)
    assert probe is not None
    assert of.take(3.0) is None
    of.release(probe, 3.0)
    assert taken(of, 3.0) == ["a", "a"]


def test_the_pause_doubles_while_429s_continue() -> None:
    of = queues()
    add(of, *"aaaaa")
    now, pauses = 0.0, []
    for _ in range(4):
        queued = of.take(now)
        assert queued is not None
        of.throttle(queued, now, 0.0)
        of.release(queued, now, succeeded=False)
        assert of.take(now) is None
        due = of.next_due() or now
        pauses.append(due - now)
        now = due
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_an_accounts_rate_survives_an_empty_queue() -> None:
    of = queues(rate=RateLimit(10, burst=3))
    starts = []
    for step in range(300):
        now = step / 100
        if of.held == 0:
            add(of, "a")
        if queued := of.take(now):
            starts.append(now)
            of.release(queued, now)
    for start in starts:
        assert sum(start <= other < start + 1 for other in starts) <= 10 + 3


def test_a_call_that_finds_its_queue_empty_starts_as_soon_as_the_rate_allows() -> None:
    of = queues(rate=RateLimit(1, burst=10))
    add(of, "a")
    of.release(of.take(0.0), 0.0)  # type: ignore[arg-type]
    add(of, "a")
    assert taken(of, 0.5) == ["a"]


def test_an_empty_queue_is_removed_once_its_rate_has_expired() -> None:
    of = queues(rate=RateLimit(1, burst=10))
    for now in (0.0, 3.0):
        add(of, "a")
        of.release(of.take(now), now)  # type: ignore[arg-type]
    add(of, "b")
    assert of.take(12.9) is not None
    assert "a" in of._queues
    add(of, "c")
    assert of.take(13.0) is not None
    assert "a" not in of._queues


def test_reading_continues_until_enough_accounts_are_ready_or_the_window_is_full() -> None:
    of = queues()
    assert of.room() == 8
    add(of, *"abcdefgh")
    assert of.room() == 0
    full = queues()
    add(full, *["a"] * 100)
    assert full.room() == 0


def test_drain_returns_calls_in_the_order_of_the_input() -> None:
    of = queues()
    items = add(of, *"abab")
    first = of.take(0.0)
    assert first is not None
    of.postpone(first, 0.0, 9.0)
    assert of.drain() == items
    assert (of.held, of.take(10.0), of.next_due()) == (0, None, None)


class SchedulerAtWork(RuleBasedStateMachine):
    """Any order of events: no call is lost or given twice, and no bound is passed."""

    def __init__(self) -> None:
        super().__init__()
        self.of = FairScheduler(PerAccount(concurrency=2, rate=RateLimit(2, burst=6)), breadth=3, window=1000)
        self.now = 0.0
        self.index = 0
        self.waiting: set[QueuedCall] = set()
        self.due: dict[QueuedCall, float] = {}
        self.running: list[QueuedCall] = []

    @rule(account=st.sampled_from("abcd"), number=st.integers(1, 5))
    def read(self, account: str, number: int) -> None:
        for _ in range(number):
            queued = QueuedCall(Call(account, "x", "get_y"), self.index, self.now)
            self.index += 1
            self.waiting.add(queued)
            self.of.add(queued)

    @rule()
    def take(self) -> None:
        queued = self.of.take(self.now)
        if queued is not None:
            assert queued in self.waiting
            assert self.due.pop(queued, 0.0) <= self.now
            self.waiting.remove(queued)
            self.running.append(queued)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), succeeded=st.booleans())
    def end(self, data: st.DataObject, succeeded: bool) -> None:
        self.of.release(self._one(data), self.now, succeeded=succeeded)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), wait=st.floats(0, 10), throttled=st.booleans())
    def try_again(self, data: st.DataObject, wait: float, throttled: bool) -> None:
        queued = self._one(data)
        if throttled:
            self.of.throttle(queued, self.now, wait)
        self.of.postpone(queued, self.now, self.now + wait)
        self.waiting.add(queued)
        self.due[queued] = self.now + wait

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def bounds_hold(self) -> None:
        running = Counter(queued.call.linked_account_id for queued in self.running)
        assert all(number <= 2 for number in running.values())
        assert self.of.held == len(self.waiting)

    def teardown(self) -> None:
        """Whatever happened, all that waits comes in the end."""
        for _ in range(10_000):
            for queued in self.running:
                self.of.release(queued, self.now)
            self.running.clear()
            if (given := self.of.take(self.now)) is not None:
                self.waiting.remove(given)
                self.running.append(given)
            elif self.of.next_due() is None:
                break
            else:
                self.now = max(self.now, self.of.next_due() or 0.0)
        assert not self.waiting
        assert self.of.take(math.inf) is None
        assert not self.of._queues

    def _one(self, data: st.DataObject) -> QueuedCall:
        return self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))


TestSchedulerAtWork = SchedulerAtWork.TestCase


@pytest.mark.parametrize("bound", [0, -1, True, 1.5])
def test_an_invalid_bound_is_refused(bound: object) -> None:
    with pytest.raises(ValueError, match="integer of at least 1"):
        PerAccount(concurrency=bound)  # type: ignore[arg-type]
