"""What a batch reports of itself: its totals, its progress, and what holds it back."""

from __future__ import annotations

import asyncio
from typing import Final

from refold_async._core.pauses import moment
from refold_async.batch.reader import Reader
from refold_async.batch.runner import ManagedRunner
from refold_async.batch.source import CallSource
from refold_async.batch.summary import BatchProgress, BatchSummary, Counters, Waiting
from refold_async.batch.worker_pool import WorkerPool


class BatchStatus:
    """Reads the parts of a batch that runs or has ended.

    Attributes:
        seconds: How long the batch took; `None` until it has ended.
    """

    def __init__(
        self,
        counters: Counters,
        runner: ManagedRunner,
        pool: WorkerPool,
        reader: Reader,
        source: CallSource,
        *,
        began: float,
    ) -> None:
        self.seconds: float | None = None
        self._counters: Final = counters
        self._runner: Final = runner
        self._pool: Final = pool
        self._reader: Final = reader
        self._source: Final = source
        self._began: Final = began
        self._paused_before: Final = 0.0 if runner.key_pauses is None else runner.key_pauses.total

    def end(self) -> None:
        """Stop the clock."""
        self.seconds = self.elapsed()

    def summary(self, recorded: tuple[float, float] | None) -> BatchSummary:
        """Return the totals so far, or at the end."""
        return self._counters.summary(
            seconds=self.elapsed(),
            under_way=len(self._pool.under_way),
            stopped=self._pool.stopped,
            learnt_rate=self._runner.learnt_rate,
            waiting=self._waiting() or self._waited(),
            key_paused=self._key_paused(),
            recorded=recorded,
        )

    def progress(self) -> BatchProgress:
        """Return the progress so far."""
        pool, counters, elapsed = self._pool, self._counters, self.elapsed()
        read, total = self._reader.read, self._source.total
        ended = counters.done + counters.failed + counters.skipped
        from_journal = counters.from_journal
        rate = (ended - from_journal) / elapsed if elapsed > 0 else 0.0
        waiting = self._waiting()
        return BatchProgress(
            done=counters.done,
            failed=counters.failed,
            skipped=counters.skipped,
            under_way=len(pool.under_way),
            held=max(0, read - ended - len(pool.under_way)),
            read=read,
            total=total,
            elapsed=elapsed,
            rate=rate,
            left=(total - ended) / rate if total is not None and rate > 0 else None,
            ended=pool.over,
            waiting_for=None if waiting is None else waiting.reason,
            waiting_until=None if waiting is None else waiting.until,
            settled=counters.settled,
            absent=counters.absent,
            unresolved=counters.unresolved,
            replayed=counters.replayed,
            done_before=counters.reasons["done_before"],
        )

    def _waiting(self) -> Waiting | None:
        """Return what holds the calls back now."""
        if self._pool.over:
            return None
        now, pauses = asyncio.get_running_loop().time(), self._runner.key_pauses
        if pauses is not None and (left := pauses.left(now)) > 0:
            return Waiting(pauses.reason, moment(left))
        throttled = self._pool.throttled_next(now)
        if throttled is None:
            return None
        account, due = throttled
        return Waiting(f"the app throttles account {account!r}", moment(max(0.0, due - now)))

    def _waited(self) -> Waiting | None:
        """Return what held the calls back last."""
        pauses = self._runner.key_pauses
        return Waiting(pauses.reason, None) if pauses is not None and self._key_paused() else None

    def _key_paused(self) -> float:
        pauses = self._runner.key_pauses
        return 0.0 if pauses is None else pauses.total - self._paused_before

    def elapsed(self) -> float:
        """Return how long the batch has run, or took."""
        if self.seconds is not None:
            return self.seconds
        return asyncio.get_running_loop().time() - self._began
