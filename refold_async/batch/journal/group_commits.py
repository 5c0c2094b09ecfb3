"""Group commit: while one group of rows is being written, the next one is collected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from refold_async.batch.journal.lease import LeaseClock
from refold_async.batch.journal.own_thread import open_in_thread
from refold_async.batch.journal.store import CallId, JournalRow, JournalStore, JournalWrite, Written
from refold_async.errors import JournalError

T = TypeVar("T")

_LARGEST_GROUP: Final = 2**24
"""Bytes of results that are written at once: a commit that takes longer than a lease would lose it."""


class GroupCommits:
    """Reads and writes a journal in its own thread.

    Args:
        thread: An executor with one thread.
        store: The journal, opened in that thread.

    Attributes:
        error: Why nothing more can be written, or `None`.
    """

    def __init__(self, thread: ThreadPoolExecutor, store: JournalStore) -> None:
        self._thread: Final = thread
        self._store: Final = store
        self._loop: Final = asyncio.get_running_loop()
        self._pending: list[tuple[JournalWrite, asyncio.Future[Written | JournalError]]] = []
        self._pending_bytes = 0
        self._delivered: list[CallId] = []
        self._figures: dict[int, bytes] = {}
        self._busy = self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.error: JournalError | None = None
        lease = store.lease
        self._keeping = None if lease is None else self._loop.create_task(self._keep(lease))

    @classmethod
    async def open(cls, make: Callable[[], JournalStore]) -> tuple[GroupCommits, JournalStore]:
        """Open a journal in its own thread.

        Raises:
            JournalError: If it cannot be used.
        """
        thread, store = await open_in_thread(make, "refold-journal")
        return cls(thread, store), store

    async def look(self, ids: Sequence[CallId]) -> list[JournalRow | None]:
        """Return the row of each call, or `None`.

        Raises:
            JournalError: If it cannot be read.
        """
        return await self.call(lambda: self._store.look(ids))

    async def call(self, work: Callable[[], T]) -> T:
        """Run something in the journal's thread."""
        return await self._loop.run_in_executor(self._thread, work)

    async def write(self, record: JournalWrite) -> Written:
        """Write a row; it is on disk when this returns.

        Raises:
            JournalError: If it cannot be written.
        """
        answer = await self.put(record)
        if isinstance(answer, JournalError):
            raise answer
        return answer

    def put(self, record: JournalWrite) -> asyncio.Future[Written | JournalError]:
        """Queue a row to be written with the next group."""
        written: asyncio.Future[Written | JournalError] = self._loop.create_future()
        if self.error is not None:
            written.set_result(self.error)
            return written
        self._pending.append((record, written))
        if record.result:
            self._pending_bytes += len(record.result)
        self._commit_soon()
        return written

    def put_run(self, batch: int, figures: bytes) -> None:
        """Queue the figures of one of this run's batches, to be written before the next group."""
        if self.error is None and not self._closed:
            self._figures[batch] = figures
            self._commit_soon()

    def deliver(self, id_: CallId) -> None:
        """Queue the mark that a call's outcome was delivered, to be written with the next group."""
        if self.error is None and not self._closed:
            self._delivered.append(id_)
            self._commit_soon()

    async def flush(self) -> None:
        """Wait until everything is written that was queued."""
        await self._idle.wait()

    async def hold(self) -> None:
        """Return once the journal is certainly owned: at once, unless its lease is old.

        Raises:
            JournalError: If another run has taken it over, or the lease cannot be renewed.
        """
        lease = self._store.lease
        while lease is not None and not lease.holds:
            if self.error is not None:
                raise self.error
            await self._renew(lease)

    async def aclose(self) -> None:
        """Write what is queued and close the journal."""
        self._closed = True
        await self._idle.wait()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        try:
            await self._loop.run_in_executor(self._thread, self._store.close)
        finally:
            self._thread.shutdown()

    async def _keep(self, lease: LeaseClock) -> None:
        """Renew the lease until the journal is closed or lost."""
        try:
            while True:
                await asyncio.sleep(lease.renew_every)
                await self._renew(lease)
        except JournalError as error:
            self.error = self.error or error

    async def _renew(self, lease: LeaseClock) -> None:
        renewing = self._loop.run_in_executor(self._thread, self._store.renew)
        # Whoever waits may be cancelled: an error that nobody retrieves would be reported.
        renewing.add_done_callback(lambda done: done.cancelled() or done.exception())
        while not (await asyncio.wait([renewing], timeout=lease.seconds))[0]:
            # A database that is frozen or cut off answers never: give this connection up.
            self._store.interrupt()
        renewing.result()

    def _commit_soon(self) -> None:
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        size = len(self._pending)
        if self._pending_bytes > _LARGEST_GROUP:
            size = _size_of_group(self._pending)
        group, self._pending = self._pending[:size], self._pending[size:]
        self._pending_bytes = sum(len(record.result or b"") for record, _ in self._pending)
        delivered: list[CallId] = []
        if not self._pending:  # a call is marked after its own row was written
            delivered, self._delivered = self._delivered, []
        figures, self._figures = self._figures, {}
        records = [record for record, _ in group]
        writing = self._loop.run_in_executor(self._thread, self._write, records, delivered, figures)
        writing.add_done_callback(lambda done: self._committed(group, done))

    def _write(
        self, records: Sequence[JournalWrite], delivered: Sequence[CallId], figures: dict[int, bytes]
    ) -> list[Written]:
        # Before the rows: if it fails, none of them is written, as their callers are told.
        if figures:
            self._store.write_run(figures)
        return self._store.write(records, delivered) if records or delivered else []

    def _committed(
        self,
        group: list[tuple[JournalWrite, asyncio.Future[Written | JournalError]]],
        writing: asyncio.Future[list[Written]],
    ) -> None:
        failure = writing.exception()
        if failure is None:
            _resolve(group, writing.result())
        else:
            self.error = failure if isinstance(failure, JournalError) else JournalError(repr(failure))
            group, self._pending, self._delivered = [*group, *self._pending], [], []
            self._figures = {}
            _resolve(group, [self.error] * len(group))
        if self._pending or self._delivered or self._figures:
            self._commit()
        else:
            self._busy = False
            self._idle.set()


def _size_of_group(pending: Sequence[tuple[JournalWrite, object]]) -> int:
    """Return how many rows to write at once: one at least, and then as many as a database takes quickly."""
    held = 0
    for place, (record, _) in enumerate(pending):
        held += len(record.result or b"")
        if held > _LARGEST_GROUP and place:
            return place
    return len(pending)


def _resolve(
    group: Sequence[tuple[JournalWrite, asyncio.Future[Written | JournalError]]],
    answers: Sequence[Written | JournalError],
) -> None:
    for (_, written), answer in zip(group, answers, strict=True):
        if not written.done():
            written.set_result(answer)
