"""A job that settles, run again and again: killed, stopped, left by its consumer, read slowly, or to its end."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from refold_async import Absent, Done, Failed, Journal, Outcome, Settle, Skipped, Unresolved
from tests.batch.stubs import make_batch
from tests.batch.virtual_time import VirtualLoop

from .test_property import LONG, scripts
from .virtual_app import Script, VirtualApp

FINAL = {"done", "found"}
MOMENTS = st.sampled_from([0.05, 0.15, 0.35, 5.0, 13.05, 13.15, 13.3, 22.2, 26.5])


class SynchronousLoop(VirtualLoop):
    """A virtual loop that does the work of its threads at once."""

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done


class ConsumerError(Exception):
    """Raised by a consumer that leaves."""


class SettledJob(RuleBasedStateMachine):
    """One job, its journal, and the app that knows what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runs = 0
        self.journal = self.folder / "0.sqlite"
        self.loop = SynchronousLoop()
        self.states: dict[str, str] = {}
        self.delivered: set[int] = set()

    @initialize(planned=st.lists(scripts, min_size=1, max_size=5))
    def plan(self, planned: list[Script]) -> None:
        self.app = VirtualApp(planned)

    @rule(absent=st.sampled_from(["report", "run"]), lag=st.sampled_from([0.0, 0.0, 3.0]))
    def run_to_the_end(self, absent: Literal["report", "run"], lag: float) -> None:
        outcomes = self._run(absent, lag=lag)
        assert sorted(outcome.index for outcome in outcomes) == list(range(len(self.app.scripts)))

    @rule(absent=st.sampled_from(["report", "run"]), moment=MOMENTS)
    def kill(self, absent: Literal["report", "run"], moment: float) -> None:
        """Continue with what was on disk at a moment, whatever was written after it."""
        copy = self.folder / f"{self.runs + 1}.sqlite"

        def snapshot() -> None:
            for end in ("", "-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(f"{self.journal}{end}", f"{copy}{end}")

        self._run(absent, at=moment, act=snapshot)
        if copy.exists():
            self.journal = copy
        self._check_states()

    @rule(moment=MOMENTS)
    def stop(self, moment: float) -> None:
        outcomes = self._run("run", at=moment)
        assert sorted(outcome.index for outcome in outcomes) == list(range(len(self.app.scripts)))

    @rule(after=st.integers(0, 3))
    def leave(self, after: int) -> None:
        """The consumer raises: the outcome that it had was not delivered."""
        self._run("run", leave_after=after)

    def _run(
        self,
        absent: Literal["report", "run"],
        *,
        lag: float = 0.0,
        at: float | None = None,
        act: Callable[[], None] | None = None,
        leave_after: int | None = None,
    ) -> list[Outcome]:
        self.runs += 1
        outcomes: list[Outcome] = []
        timers: list[asyncio.TimerHandle] = []

        async def run() -> None:
            settle = Settle(self.app.lookup, after=LONG, absent=absent)
            inputs = [self.app.call(place) for place in range(len(self.app.scripts))]
            made = make_batch(inputs, self.app.attempt, journal=self.journal, settle=settle, concurrency=2)
            with contextlib.suppress(ConsumerError, asyncio.CancelledError):
                async with made as batch:
                    loop = asyncio.get_running_loop()
                    running = asyncio.current_task()
                    assert running is not None
                    if at is not None and act is not None:
                        timers.append(loop.call_later(at, self._kill, running, act))
                    elif at is not None:
                        timers.append(loop.call_later(at, batch.stop))
                    async for outcome in batch:
                        outcomes.append(outcome)
                        if leave_after is not None and len(outcomes) > leave_after:
                            raise ConsumerError
                        await asyncio.sleep(lag)
                        self._deliver(outcome)  # it asks for the next one

        self.loop.run_until_complete(run())
        self.app.alive = True
        for timer in timers:  # a run that ended before must not have the next one killed
            timer.cancel()
        for outcome in outcomes:
            self._check(outcome)
        if act is None:
            self._check_states()
        return outcomes

    def _kill(self, running: asyncio.Task[None], snapshot: Callable[[], None]) -> None:
        snapshot()
        self.app.alive = False
        running.cancel()

    def _deliver(self, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            self.delivered.add(outcome.index)

    def _check(self, outcome: Outcome) -> None:
        place = outcome.index
        ran = self.app.records[place]
        assert ran <= 1 + self.app.scripts[place].writes.count("twice"), "a write was done twice"
        match outcome:
            case Done() | Skipped(reason="done_before"):
                assert ran >= 1
            case Failed(verdict=Absent()):
                assert ran == 0
            case Failed(verdict=Unresolved()):
                assert outcome.error.fate == "unknown"
            case Failed():
                assert outcome.error.fate in {"rejected", "not_sent"} or outcome.verdict is None
            case Skipped(reason=reason):
                assert reason == "stopped"

    def _check_states(self) -> None:
        if not self.journal.exists():
            return
        now = {str(record.key): record.state for record in Journal.read(self.journal)}
        for key, state in self.states.items():
            assert state not in FINAL or now.get(key) == state, f"{state} became {now.get(key)}"
        self.states = dict(now)

    def teardown(self) -> None:
        """In the end, whatever is done was delivered, and nothing is unknown."""
        try:
            if hasattr(self, "app"):
                self._run("run")
                self._run("run")
                assert set(self.states.values()) <= {*FINAL, "failed", "absent", "unresolved"}
                done = {int(key) for key, state in self.states.items() if state in FINAL}
                assert done <= self.delivered, "a result was not delivered"
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)


TestSettledJob = SettledJob.TestCase
TestSettledJob.settings = settings(max_examples=25, stateful_step_count=5, deadline=None)
