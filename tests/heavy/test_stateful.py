"""Stateful property tests: the rate limit, the cache, the retry budget and a journal that crashes."""

import asyncio
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from refold_async._core.cache import ResponseCache
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async._core.retries import RetryBudget
from refold_async.batch.journal import Journal
from refold_async.batch.journal.sqlite import JournalFile
from refold_async.batch.journal.store import CallId, JournalWrite, State, Written
from refold_async.errors import DeadlineExceededError, JournalInUseError, NotFoundError
from refold_async.settings import Cache, RateLimit
from tests.core.test_rate_limits import assert_within_limit
from tests.core.virtual import VirtualTime
from tests.services import needs

if TYPE_CHECKING:
    from refold_async.batch.journal.postgres.store import PostgresJournal

T = TypeVar("T")
LIMIT = RateLimit(8, burst=4)
KEYS = st.sampled_from("abcd")


class EventLoopMachine(RuleBasedStateMachine):
    """A state machine with its own event loop, which runs only during a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.time = VirtualTime()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        left = asyncio.all_tasks(self.loop)
        self.loop.close()
        assert not left


class TokenBucketMachine(EventLoopMachine):
    """Callers arrive, are cancelled or try without waiting; the service requests pauses; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.rate_limiter = TokenBucket(BucketState(LIMIT), clock=self.time.clock, sleep=self.time.sleep)
        self.waiting: list[asyncio.Task[None]] = []
        self.starts: list[float] = []
        self.order: list[int] = []
        self.arrived = 0
        self.closed_until = 0.0

    @rule()
    def arrive(self) -> None:
        number, self.arrived = self.arrived, self.arrived + 1
        self.waiting.append(self.loop.create_task(self._acquire(number)))
        self.run(self.time.settle())

    async def _acquire(self, number: int) -> None:
        await self.rate_limiter.acquire()
        self._start(number)

    def _start(self, number: int) -> None:
        assert self.time.now >= self.closed_until
        self.starts.append(self.time.now)
        self.order.append(number)

    @rule()
    def try_without_waiting(self) -> None:
        number, self.arrived = self.arrived, self.arrived + 1
        someone_waits = any(not task.done() for task in self.waiting)
        if self.rate_limiter.try_acquire():
            assert not someone_waits
            self._start(number)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 20))
    def cancel(self, which: int) -> None:
        self.waiting[which % len(self.waiting)].cancel()
        self.run(self.time.settle())

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.125, 1.0, 5.0]))
    def pass_time(self, seconds: float) -> None:
        self.run(self.time.run(until=self.time.now + seconds))

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0]))
    def pause(self, seconds: float) -> None:
        self.rate_limiter.pause(seconds)
        self.closed_until = max(self.closed_until, self.time.now + seconds)

    @invariant()
    def no_window_exceeds_the_limit(self) -> None:
        assert_within_limit(self.starts, LIMIT)
        assert self.order == sorted(self.order)

    def teardown(self) -> None:
        """Every caller that was not cancelled acquires a slot, and the queue is empty."""
        self.run(self.time.run())
        assert all(task.done() for task in self.waiting)
        assert all(task.exception() is None for task in self.waiting if not task.cancelled())
        assert self.rate_limiter._queue.available == 1
        self.close()


class ResponseCacheMachine(EventLoopMachine):
    """Responses are requested, arrive, fail and expire; waiting callers are cancelled or time out."""

    SIZE = 3
    LIFETIME = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.cache = ResponseCache(Cache(lifetime=self.LIFETIME, size=self.SIZE), clock=self.time.clock)
        self.fetches: dict[str, asyncio.Future[float]] = {}
        self.waiting: list[asyncio.Task[float]] = []

    @rule(key=KEYS)
    def ask(self, key: str) -> None:
        self.waiting.append(self.loop.create_task(self._ask(key)))
        self.run(self.time.settle())

    async def _ask(self, key: str) -> float:
        async def fetch() -> float:
            assert key not in self.fetches
            self.fetches[key] = self.loop.create_future()
            try:
                return await self.fetches[key]
            finally:
                del self.fetches[key]

        fetched_at = await self.cache.get(key, fetch, due=float("inf"))
        assert self.time.now - fetched_at < self.LIFETIME
        return fetched_at

    @precondition(lambda self: self.fetches)
    @rule(which=st.integers(0, 9), how=st.sampled_from(["success", "not_found", "late", "broken"]))
    def answer(self, which: int, how: str) -> None:
        fetch = list(self.fetches.values())[which % len(self.fetches)]
        if how == "success":
            fetch.set_result(self.time.now)
        else:
            errors = {
                "not_found": NotFoundError("no"),
                "late": DeadlineExceededError("late"),
                "broken": KeyError(1),
            }
            fetch.set_exception(errors[how])
        self.run(self.time.settle())

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 20))
    def cancel(self, which: int) -> None:
        self.waiting[which % len(self.waiting)].cancel()
        self.run(self.time.settle())

    @rule(seconds=st.sampled_from([0.1, 4.0, 10.0]))
    def pass_time(self, seconds: float) -> None:
        self.time.now += seconds

    @invariant()
    def one_fetch_per_key_and_bounded_size(self) -> None:
        assert len(self.cache) <= self.SIZE
        assert set(self.cache._fetching) == set(self.fetches)
        if any(not task.done() for task in self.waiting):
            assert self.fetches

    def teardown(self) -> None:
        """No caller waits forever: each completed fetch releases at least one."""
        for _ in range(len(self.waiting) + 1):
            for fetch in list(self.fetches.values()):
                fetch.set_result(self.time.now)
            self.run(self.time.settle())
        assert all(task.done() for task in self.waiting)
        for task in self.waiting:
            if not task.cancelled():
                assert isinstance(task.exception(), NotFoundError | DeadlineExceededError | KeyError | None)
        assert not self.cache._fetching
        self.close()


class RetryBudgetMachine(RuleBasedStateMachine):
    """Retries draw and successes refund: never below zero, never above the capacity."""

    CAPACITY = 40

    def __init__(self) -> None:
        super().__init__()
        self.budget = RetryBudget(self.CAPACITY)
        self.left = self.CAPACITY

    @rule(cost=st.sampled_from([5, 14]))
    def draw(self, cost: int) -> None:
        drawn = self.budget.draw(cost)
        assert drawn == (self.left >= cost)
        self.left -= cost * drawn

    @rule(amount=st.sampled_from([1, 5, 14]))
    def refund(self, amount: int) -> None:
        self.budget.refund(amount)
        self.left = min(self.CAPACITY, self.left + amount)

    @invariant()
    def agrees(self) -> None:
        assert self.budget.left == self.left


FINAL = frozenset({State.DONE, State.FOUND})
ENDS = [State.DONE, State.FAILED, State.UNKNOWN, State.FOUND, State.ABSENT, State.UNRESOLVED]


def record(key: str, state: State, call: bytes | None = None, before: int = 0) -> JournalWrite:
    result = b"r" if state in FINAL else None
    return JournalWrite(
        CallId("a", f"={key}"),
        "a",
        call or key.encode(),
        "x",
        "create_y",
        "write",
        state,
        result=result,
        before=before,
    )


class JournalMachine(RuleBasedStateMachine):
    """A journal whose process may crash at any time.

    What was committed survives, no write begins twice unless its fate allows it, no call leaves done or
    found, and a result is kept from then until it is delivered.
    """

    file: Any  # a `JournalStore`; each machine knows its own

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, tuple[State, int, bool]] = {}
        self.start()

    def start(self) -> None:
        """Open the journal for the first time."""
        raise NotImplementedError

    def crash_now(self, *, commit: list[JournalWrite]) -> None:
        """End the process, while it commits a group if there is one, and open the journal again."""
        raise NotImplementedError

    @rule(key=KEYS, again=st.sampled_from(["no", "earlier", "any"]))
    def begin(self, key: str, again: str) -> None:
        before = {"no": 0, "earlier": self.file.run, "any": self.file.run + 1}[again]
        [written] = self.file.write([record(key, State.BEGUN, before=before)])
        state, run, _ = self.rows.get(key, (State.FAILED, 0, False))
        may = state is State.FAILED or (state not in FINAL and run < before)
        assert written is (Written.DONE if may else Written.TAKEN)
        if may:
            self.rows[key] = State.BEGUN, self.file.run, False

    @rule(keys=st.lists(KEYS, min_size=1, unique=True), state=st.sampled_from(ENDS))
    def end(self, keys: list[str], state: State) -> None:
        for key, written in zip(keys, self.file.write([record(key, state) for key in keys]), strict=True):
            keeps = key in self.rows and self.rows[key][0] in FINAL and state is not State.DONE
            assert written is (Written.TAKEN if keeps else Written.DONE)
            if not keeps:
                self.rows[key] = state, self.file.run, False

    @rule(keys=st.lists(KEYS, min_size=1, unique=True))
    def deliver(self, keys: list[str]) -> None:
        self.file.write([], [CallId("a", f"={key}") for key in keys])
        for key in self.rows.keys() & set(keys):
            self.rows[key] = *self.rows[key][:2], True

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 9))
    def use_a_key_for_another_call(self, which: int) -> None:
        key = list(self.rows)[which % len(self.rows)]
        assert self.file.write([record(key, State.BEGUN, b"another")]) == [Written.ANOTHER_CALL]

    @rule()
    def crash(self) -> None:
        run = self.file.run
        self.crash_now(commit=[])
        assert self.file.run == run + 1

    @rule()
    def crash_in_a_commit(self) -> None:
        """A commit that did not return leaves nothing behind."""
        self.crash_now(commit=[record("a", State.DONE), record("e", State.BEGUN)])

    @invariant()
    def all_records_are_present(self) -> None:
        rows = dict(zip("abcde", self.file.look([CallId("a", f"={key}") for key in "abcde"]), strict=True))
        found = {key: (row.state, row.run, row.delivered) for key, row in rows.items() if row is not None}
        assert found == self.rows
        assert self.file.counts() == Counter((state, delivered) for state, _, delivered in self.rows.values())
        for row in rows.values():
            assert row is None or (row.result == b"r") == (row.state in FINAL and not row.delivered)
        assert self.file.fresh or self.file.run > 1

    def teardown(self) -> None:
        self.file.close()


class JournalFileMachine(JournalMachine):
    """A journal in a file."""

    file: JournalFile

    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="refold-journal-"))
        self.crashes = 0
        self.file = self._open()

    def _open(self) -> JournalFile:
        return JournalFile(self.folder / f"{self.crashes}.sqlite", job="j", base_url="http://h")

    def crash_now(self, *, commit: list[JournalWrite]) -> None:
        """Copy the file and its write-ahead log as they are on disk now, as the next process would find them."""
        if commit:
            self.file._db.execute("BEGIN IMMEDIATE")
            self.file._put_all(commit)
        before, self.crashes = self.crashes, self.crashes + 1
        for suffix in ("", "-wal"):
            source = self.folder / f"{before}.sqlite{suffix}"
            if source.exists():
                shutil.copy(source, self.folder / f"{self.crashes}.sqlite{suffix}")
        self.file.close()
        self.file = self._open()

    @invariant()
    def another_reads_it_meanwhile(self) -> None:
        path = self.folder / f"{self.crashes}.sqlite"
        assert len(list(Journal.read(path))) == len(self.rows)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class JournalDatabaseMachine(JournalMachine):
    """A journal in PostgreSQL, with a lease that is over as soon as nothing renews it."""

    url = ""
    jobs = itertools.count()

    def start(self) -> None:
        self.job = f"job {next(self.jobs)}"
        self.file = self._open()

    def _open(self) -> "PostgresJournal":
        from refold_async.batch.journal.postgres.store import PostgresJournal

        return PostgresJournal(self.url, job=self.job, shard=0, base_url="http://h", lease=0.0)

    def crash_now(self, *, commit: list[JournalWrite]) -> None:
        """Leave the transaction and the connection as they are, as a process that was killed."""
        stale = cast("PostgresJournal", self.file)
        db = stale._session._db
        assert db is not None
        if commit:
            db.execute("BEGIN")
            stale.write(commit)
            db.close()
        self.file = self._open()
        if not commit:
            with pytest.raises(JournalInUseError):
                stale.write([record("e", State.BEGUN)])
        stale.close()


TestTokenBucket = TokenBucketMachine.TestCase
TestResponseCache = ResponseCacheMachine.TestCase
TestRetryBudget = RetryBudgetMachine.TestCase
TestJournalFile = JournalFileMachine.TestCase
TestTokenBucket.settings = TestResponseCache.settings = TestRetryBudget.settings = settings(
    max_examples=25, stateful_step_count=30
)
TestJournalFile.settings = settings(max_examples=10, stateful_step_count=20)


@needs("postgres")
def test_journal_database(database: str) -> None:
    JournalDatabaseMachine.url = database
    run_state_machine_as_test(
        JournalDatabaseMachine, settings=settings(max_examples=5, stateful_step_count=20)
    )
