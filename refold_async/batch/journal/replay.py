"""What a journal means for a batch: what is not run again, and what is noted down."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Self

import msgspec

from refold_async._core.effects import effect_of_action
from refold_async._core.pipeline import RetryAfter
from refold_async._core.requests import plain
from refold_async.batch.failures import name_call
from refold_async.batch.journal import Journal, journal_of
from refold_async.batch.journal.group_commits import GroupCommits
from refold_async.batch.journal.sqlite import JournalFile, Record, Row, State, Written
from refold_async.batch.scheduler import QueuedCall
from refold_async.batch.worker_pool import Attempt, Skip
from refold_async.calls import Call, Done, Failed, Outcome, Reason, Skipped
from refold_async.errors import InterruptedRunError, InvalidCallError, JournalError, RefoldError
from refold_async.results import ActionResult

_encoder: Final = msgspec.json.Encoder(order="sorted", enc_hook=plain)
_Kept = tuple[str, int | None, bytes]


class _Entry:
    """How the journal knows a call."""

    __slots__ = ("begun", "call", "is_write", "key")

    def __init__(self, item: QueuedCall) -> None:
        call = item.call
        self.key = f"#{item.index}" if call.key is None else f"={call.key}"
        self.call = _fingerprint(call)
        self.is_write = (call.effect or effect_of_action(call.action_id)) == "write"
        self.begun = False

    def record(self, state: State, result: bytes | None = None) -> Record:
        return Record(self.key, self.call, state, result)


class JournalReplay:
    """Keeps a batch and its journal in step.

    Attributes:
        error: Why the journal failed, where it did.
        on_failure: Called when it does.
    """

    def __init__(self, commits: GroupCommits, file: JournalFile, journal: Journal) -> None:
        self._commits: Final = commits
        self._run: Final = file.run
        self._fresh: Final = file.fresh
        self._journal: Final = journal
        self.error: JournalError | None = None
        self.on_failure: Callable[[], object] = lambda: None

    @classmethod
    async def open(cls, journal: str | os.PathLike[str] | Journal, base_url: str) -> Self:
        """Open a journal.

        Raises:
            JournalError: It cannot be used.
        """
        setting = journal_of(journal)
        commits, file = await GroupCommits.open(
            lambda: JournalFile(setting.path, job=setting.job, base_url=base_url, again=setting.retry_unknown)
        )
        return cls(commits, file, setting)

    async def aclose(self) -> None:
        """Write what is left, and close the journal."""
        await self._commits.aclose()

    async def screen(self, items: Sequence[QueuedCall]) -> list[Outcome | None]:
        """Give the outcome of each call that is not to be run, as an earlier run had it.

        Raises:
            JournalError: It cannot be read or written, or a key stands for another call.
        """
        outcomes = [self._enter(item) for item in items]
        if self._fresh:
            return outcomes
        known = [item for item, outcome in zip(items, outcomes, strict=True) if outcome is None]
        rows = await self._commits.look([item.row.key for item in known])
        told = {item: self._recall(item, row) for item, row in zip(known, rows, strict=True) if row}
        await self._report([item for item, outcome in told.items() if isinstance(outcome, Failed)])
        return [outcome or told.get(item) for item, outcome in zip(items, outcomes, strict=True)]

    def around(self, attempt: Attempt) -> Attempt:
        """Give an attempt that is noted down once it is answered."""

        async def noted(item: QueuedCall) -> object:
            try:
                answer = await attempt(item)
            except JournalError as error:
                self._fail(error)
                raise
            except RefoldError as error:
                await self._note(_after(item, error))
                raise
            if not isinstance(answer, RetryAfter | Skip):
                kept = _kept(answer) if self._journal.replay and isinstance(answer, ActionResult) else None
                await self._note(item.row.record(State.DONE, kept))
            return answer

        return noted

    async def before_sending(self, item: QueuedCall) -> Reason | None:
        """Note down that a write is about to be sent; gives a reason where it must not be.

        Raises:
            JournalError: It cannot be noted down, or its key stands for another call.
        """
        entry: _Entry = item.row
        if not entry.is_write or entry.begun:
            return None
        written = await self._commits.write(entry.record(State.BEGUN))
        if written is Written.ANOTHER_CALL:
            raise _another_call(item)
        if written is Written.TAKEN:
            return "duplicate_key"
        entry.begun = True
        return None

    def abandon(self, item: QueuedCall, error: RefoldError) -> None:
        """Note down what is known of a call that was to be tried again, and is not."""
        record = _after(item, error)
        if record is not None:
            self._commits.put(record)

    def _enter(self, item: QueuedCall) -> Outcome | None:
        try:
            item.row = _Entry(item)
        except InvalidCallError as error:
            return Failed(item.call, error, index=item.index)
        return None

    def _recall(self, item: QueuedCall, row: Row) -> Outcome | None:
        call, index = item.call, item.index
        if row.call != item.row.call:
            raise _another_call(item)
        if row.state is State.FAILED:
            return None
        if row.run == self._run:
            return Skipped(call, "duplicate_key", index=index)
        if row.state is State.DONE:
            return self._done_before(item, row)
        if self._journal.retry_unknown:
            return None
        if row.state is State.UNKNOWN:
            return Skipped(call, "unknown_before", index=index)
        return Failed(call, _interrupted(call, row), index=index)

    def _done_before(self, item: QueuedCall, row: Row) -> Outcome:
        if self._journal.replay and row.result is not None:
            return Done(item.call, _restored(row.result), replayed=True, index=item.index)
        return Skipped(item.call, "done_before", index=item.index)

    async def _report(self, items: Sequence[QueuedCall]) -> None:
        """Note down which writes are reported as unknown, so that each is so once."""
        waiting = [self._commits.put(item.row.record(State.UNKNOWN)) for item in items]
        for written in waiting:
            if isinstance(answer := await written, JournalError):
                raise answer

    async def _note(self, record: Record | None) -> None:
        """Write a record of what is over; a failure ends the batch, and takes no outcome away."""
        if record is None:
            return
        try:
            written = await self._commits.write(record)
        except JournalError as error:
            self._fail(error)
        else:
            if written is not Written.DONE:
                self._fail(JournalError(f"the key {record.key[1:]!r} stands for two calls of this input"))

    def _fail(self, error: JournalError) -> None:
        self.error = self.error or error
        self.on_failure()


def _fingerprint(call: Call) -> bytes:
    what = (call.linked_account_id, call.slug, call.action_id, call.params or {})
    try:
        return blake2b(_encoder.encode(what), digest_size=16).digest()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidCallError(f"the parameters cannot be written as JSON: {error}") from None


def _after(item: QueuedCall, error: RefoldError) -> Record | None:
    """Give what is noted down after a failure: a read is run again, whatever became of it."""
    entry: _Entry = item.row
    if not entry.begun:
        return None
    return entry.record(State.UNKNOWN if error.fate == "unknown" else State.FAILED)


def _kept(result: ActionResult) -> bytes:
    return msgspec.msgpack.encode((result.node_status, result.http_status, bytes(result.raw)))


def _restored(kept: bytes) -> ActionResult:
    node_status, http_status, raw = msgspec.msgpack.decode(kept, type=_Kept)
    return ActionResult(node_status, http_status, msgspec.Raw(raw))


def _interrupted(call: Call, row: Row) -> InterruptedRunError:
    begun = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds")
    error = InterruptedRunError(
        f"an earlier run ended while this write, begun at {begun}, was under way", fate="unknown"
    )
    name_call(error, call)
    return error


def _another_call(item: QueuedCall) -> JournalError:
    key = f"place {item.index} of the input" if item.call.key is None else f"key {item.call.key!r}"
    return JournalError(
        f"the journal knows {key} as another call: it is of another job, or the input changed. "
        "Give calls keys of their own, or start a new journal"
    )
