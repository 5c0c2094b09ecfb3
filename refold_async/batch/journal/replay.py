"""What a journal means for a batch: which calls are not run again, and what is recorded."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Self

import msgspec

from refold_async._core.effects import effect_of_action
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.failures import name_call
from refold_async.batch.journal import Journal, journal_of
from refold_async.batch.journal.group_commits import GroupCommits
from refold_async.batch.journal.sqlite import JournalFile, JournalRow, JournalWrite, State, Written
from refold_async.batch.runner import CallRunner, RecordingError, Skip
from refold_async.batch.scheduler import QueuedCall
from refold_async.calls import Call, Done, Failed, Outcome, Reason, Skipped, encoded_params
from refold_async.errors import InterruptedRunError, InvalidCallError, JournalError, RefoldError
from refold_async.results import ActionResult

_Kept = tuple[str, int | None, bytes]


class _JournalKey:
    """How the journal identifies a call."""

    __slots__ = ("begun", "fingerprint", "is_write", "key")

    def __init__(self, queued: QueuedCall) -> None:
        call = queued.call
        # The prefix keeps a key "3" apart from the fourth call of the input.
        self.key = f"#{queued.index}" if call.key is None else f"={call.key}"
        self.fingerprint = _fingerprint(call)
        self.is_write = (call.effect or effect_of_action(call.action_id)) == "write"
        self.begun = False

    def write(self, state: State, result: bytes | None = None) -> JournalWrite:
        return JournalWrite(self.key, self.fingerprint, state, result)


class JournalReplay:
    """Keeps a batch and its journal in step.

    Args:
        commits: Writes to the file.
        file: The journal's file, open.
        journal: The setting.

    Attributes:
        error: Why the journal failed, or `None`.
    """

    def __init__(self, commits: GroupCommits, file: JournalFile, journal: Journal) -> None:
        self._commits: Final = commits
        self._run: Final = file.run
        self._fresh: Final = file.fresh
        self._journal: Final = journal
        self.error: JournalError | None = None

    @classmethod
    async def open(cls, journal: str | os.PathLike[str] | Journal, base_url: str) -> Self:
        """Open a journal.

        Raises:
            JournalError: If it cannot be used.
        """
        setting = journal_of(journal)
        commits, file = await GroupCommits.open(
            lambda: JournalFile(setting.path, job=setting.job, base_url=base_url, again=setting.retry_unknown)
        )
        return cls(commits, file, setting)

    async def aclose(self) -> None:
        """Write pending records and close the journal."""
        await self._commits.aclose()

    def recording(self, runner: CallRunner) -> RecordingRunner:
        """Return a runner that makes a runner's attempts and records them."""
        return RecordingRunner(runner, self)

    async def known_outcomes(self, calls: Sequence[QueuedCall]) -> list[Outcome | None]:
        """Return the outcome of each call that is not to be run, as an earlier run left it, else `None`.

        Raises:
            JournalError: If the journal cannot be read or written, or a key belongs to another call.
        """
        outcomes = [self._identify(queued) for queued in calls]
        if self._fresh:
            return outcomes
        valid = [queued for queued, outcome in zip(calls, outcomes, strict=True) if outcome is None]
        rows = await self._commits.look([queued.journal_key.key for queued in valid])
        known = {
            queued: self._outcome_of(queued, row) for queued, row in zip(valid, rows, strict=True) if row
        }
        await self._mark_unknown([queued for queued, outcome in known.items() if isinstance(outcome, Failed)])
        return [outcome or known.get(queued) for queued, outcome in zip(calls, outcomes, strict=True)]

    async def begin(self, queued: QueuedCall) -> Reason | None:
        """Record that a write is about to be sent.

        Returns:
            Why it must not be sent, or `None`.

        Raises:
            JournalError: If it cannot be recorded, or its key belongs to another call.
        """
        key: _JournalKey = queued.journal_key
        if not key.is_write or key.begun:
            return None
        try:
            written = await self._commits.write(key.write(State.BEGUN))
            if written is Written.ANOTHER_CALL:
                raise _another_call(queued)
        except JournalError as error:
            self.error = self.error or error
            raise
        if written is Written.TAKEN:
            return "duplicate_key"
        key.begun = True
        return None

    async def succeeded(self, queued: QueuedCall, result: object) -> None:
        """Record that a call succeeded.

        Raises:
            RecordingError: If it cannot be recorded.
        """
        kept = _kept(result) if self._journal.replay and isinstance(result, ActionResult) else None
        await self._record(queued.journal_key.write(State.DONE, kept), result)

    async def failed(self, queued: QueuedCall, error: RefoldError) -> None:
        """Record that a call failed for good.

        Raises:
            RecordingError: If it cannot be recorded.
        """
        record = _failure(queued, error)
        if record is not None:
            await self._record(record, error)

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Record what is known of a call that will not be attempted again."""
        record = _failure(queued, error)
        if record is not None:
            self._commits.put(record)

    async def _record(self, record: JournalWrite, answer: object) -> None:
        try:
            written = await self._commits.write(record)
        except JournalError as error:
            self.error = self.error or error
            raise RecordingError(answer) from error
        if written is not Written.DONE:
            self.error = self.error or JournalError(
                f"the key {record.key[1:]!r} belongs to two calls of this input"
            )
            raise RecordingError(answer)

    def _identify(self, queued: QueuedCall) -> Outcome | None:
        try:
            queued.journal_key = _JournalKey(queued)
        except InvalidCallError as error:
            return Failed(queued.call, error, index=queued.index)
        return None

    def _outcome_of(self, queued: QueuedCall, row: JournalRow) -> Outcome | None:
        call, index = queued.call, queued.index
        if row.call != queued.journal_key.fingerprint:
            raise _another_call(queued)
        if row.state is State.FAILED:
            return None
        if row.run == self._run:
            return Skipped(call, "duplicate_key", index=index)
        if row.state is State.DONE:
            return self._done_before(queued, row)
        if self._journal.retry_unknown:
            return None
        if row.state is State.UNKNOWN:
            return Skipped(call, "unknown_before", index=index)
        return Failed(call, _interrupted(call, row), index=index)

    def _done_before(self, queued: QueuedCall, row: JournalRow) -> Outcome:
        if self._journal.replay and row.result is not None:
            return Done(queued.call, _restored(row.result), replayed=True, index=queued.index)
        return Skipped(queued.call, "done_before", index=queued.index)

    async def _mark_unknown(self, calls: Sequence[QueuedCall]) -> None:
        """Record which writes are reported as unknown, so that each is reported once."""
        pending = [self._commits.put(queued.journal_key.write(State.UNKNOWN)) for queued in calls]
        for written in pending:
            if isinstance(answer := await written, JournalError):
                raise answer


class RecordingRunner:
    """Makes another runner's attempts, and records each write before it is sent and each end after it.

    Args:
        runner: Makes the attempts.
        replay: Records them.
    """

    def __init__(self, runner: CallRunner, replay: JournalReplay) -> None:
        self._runner: Final = runner
        self._replay: Final = replay

    def acquire(self, queued: QueuedCall) -> Awaitable[None] | None:
        """Prepare a call and acquire a slot of the rate limit; see `CallRunner`."""
        return self._runner.acquire(queued)

    async def attempt(self, queued: QueuedCall) -> object:
        """Make one attempt and record it; see `CallRunner`.

        Raises:
            RefoldError: If the call failed for good.
            RecordingError: If the journal failed.
        """
        try:
            reason = await self._replay.begin(queued)
        except JournalError as error:
            raise RecordingError(error) from error
        if reason is not None:
            return Skip(reason)
        try:
            answer = await self._runner.attempt(queued)
        except RefoldError as error:
            await self._replay.failed(queued, error)
            raise
        if not isinstance(answer, RetryAfter | Skip):
            await self._replay.succeeded(queued, answer)
        return answer

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls will not be sent."""
        self._runner.stop()

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Record that a call which failed with `error` will not be attempted again."""
        self._runner.abandon(queued, error)
        self._replay.abandon(queued, error)


def _fingerprint(call: Call) -> bytes:
    """Return what tells a call from others; the order of its parameters makes no other call."""
    # Of the bytes that are sent: a dict that changed since could not match them.
    what = (call.linked_account_id, call.slug, call.action_id, msgspec.Raw(encoded_params(call).canonical()))
    try:
        return blake2b(msgspec.json.encode(what), digest_size=16).digest()
    except UnicodeEncodeError as error:
        raise InvalidCallError(f"an id is not valid Unicode: {error.reason}") from None


def _failure(queued: QueuedCall, error: RefoldError) -> JournalWrite | None:
    """Return what is recorded after a failure; nothing for a read, which is always run again."""
    key: _JournalKey = queued.journal_key
    if not key.begun:
        return None
    return key.write(State.UNKNOWN if error.fate == "unknown" else State.FAILED)


def _kept(result: ActionResult) -> bytes:
    return msgspec.msgpack.encode((result.node_status, result.http_status, bytes(result.raw)))


def _restored(kept: bytes) -> ActionResult:
    node_status, http_status, raw = msgspec.msgpack.decode(kept, type=_Kept)
    return ActionResult(node_status, http_status, msgspec.Raw(raw))


def _interrupted(call: Call, row: JournalRow) -> InterruptedRunError:
    begun = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds")
    error = InterruptedRunError(
        f"an earlier run ended while this write, begun at {begun}, was under way", fate="unknown"
    )
    name_call(error, call)
    return error


def _another_call(queued: QueuedCall) -> JournalError:
    call = queued.call
    key = f"position {queued.index} of the input" if call.key is None else f"key {call.key!r}"
    return JournalError(
        f"the journal has {key} as another call: it belongs to another job, or the input changed; "
        "give calls keys of their own, or start a new journal"
    )
