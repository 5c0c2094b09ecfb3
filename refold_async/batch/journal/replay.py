"""What a journal means for a batch: which calls are not run again, and what is recorded."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Self

import msgspec

from refold_async._core.effects import effect_of_action
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.failures import name_call
from refold_async.batch.journal import Journal, journal_of
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.journal.store import CallId, JournalRow, JournalWrite, State, Written
from refold_async.batch.runner import CallRunner, RecordingError, Settled, Skip
from refold_async.batch.scheduler import QueuedCall
from refold_async.calls import (
    Absent,
    Call,
    Done,
    Failed,
    Outcome,
    Reason,
    Skipped,
    Unresolved,
    encoded_params,
)
from refold_async.errors import InterruptedRunError, InvalidCallError, JournalError, RefoldError, name_error
from refold_async.results import ActionResult

_Kept = tuple[str, int | None, bytes]
_FINAL: Final = frozenset({State.DONE, State.FOUND})


class _JournalKey:
    """How the journal identifies a call, and what it records of it."""

    __slots__ = ("action", "begun", "fingerprint", "id", "is_write")

    def __init__(self, queued: QueuedCall) -> None:
        call = queued.call
        # The prefix keeps a key "3" apart from the fourth call of the input.
        self.id = (
            CallId("", f"#{queued.index:09d}")
            if call.key is None
            else CallId(call.linked_account_id, f"={call.key}")
        )
        self.fingerprint = _fingerprint(call)
        effect = call.effect or effect_of_action(call.action_id)
        self.action = (call.linked_account_id, self.fingerprint, call.slug, call.action_id, effect)
        self.is_write = effect == "write"
        self.begun = False

    def write(
        self,
        state: State,
        attempts: int = 0,
        error: str | None = None,
        *,
        result: bytes | None = None,
        params: bytes | None = None,
        before: int = 0,
    ) -> JournalWrite:
        return JournalWrite(self.id, *self.action, state, attempts, error, result, params, before)


class JournalReplay:
    """Keeps a batch and its journal in step.

    Args:
        journal: The journal, open.
        owns: Whether it is this batch's own, and closed at its end.
        settles: Whether unknown writes are settled, so that their parameters are kept until then.

    Attributes:
        run: The number of this run.
        recorded: When what the journal knew already was recorded: the first and the last time.
    """

    def __init__(self, journal: OpenJournal, *, owns: bool = True, settles: bool = False) -> None:
        self._open: Final = journal
        self._owns: Final = owns
        self._commits: Final = journal.commits
        self._batch: Final = journal.number_batch()
        self.run: Final = journal.store.run
        self._journal: Final = journal.setting
        self._settles: Final = settles
        self._undelivered: Final[dict[int, CallId]] = {}
        self._error: JournalError | None = None
        self.fresh: Final = journal.store.fresh
        self.recorded: tuple[float, float] | None = None

    @classmethod
    async def open(
        cls, journal: str | os.PathLike[str] | Journal | OpenJournal, base_url: str, *, settles: bool = False
    ) -> Self:
        """Open a journal, or use one that is open.

        Raises:
            JournalInUseError: If another batch or process uses it.
            JournalError: If it cannot be used.
            SettingsError: If it is open, and of calls to another service.
        """
        if isinstance(journal, OpenJournal):
            journal.check_base_url(base_url)
            return cls(journal, owns=False, settles=settles)
        return cls(await OpenJournal.open(journal_of(journal), base_url), settles=settles)

    @property
    def error(self) -> JournalError | None:
        """Why the journal failed, or `None`."""
        return self._error or self._commits.error

    def record_run(self, figures: bytes) -> None:
        """Queue the figures of this batch so far, to be written with the next rows."""
        self._commits.put_run(self._batch, figures)

    async def aclose(self) -> None:
        """Write pending records and close the journal, if it is this batch's own."""
        await (self._open.aclose() if self._owns else self._commits.flush())

    def recording(self, runner: CallRunner) -> RecordingRunner:
        """Return a runner that makes a runner's attempts and records them."""
        return RecordingRunner(runner, self)

    async def known_outcomes(self, calls: Sequence[QueuedCall]) -> list[Outcome | None]:
        """Return the outcome of each call that is not to be run, as an earlier run left it, else `None`.

        Raises:
            JournalError: If the journal cannot be read or written, or a key belongs to another call.
        """
        outcomes = [self._identify(queued) for queued in calls]
        if self.fresh:
            return outcomes
        valid = [queued for queued, outcome in zip(calls, outcomes, strict=True) if outcome is None]
        rows = await self._commits.look([queued.journal_key.id for queued in valid])
        found = {queued: row for queued, row in zip(valid, rows, strict=True) if row}
        known = {queued: self._outcome_of(queued, row) for queued, row in found.items()}
        known |= self._duplicates(found)
        await self._mark_unknown(
            {queued: found[queued] for queued, outcome in known.items() if isinstance(outcome, Failed)}
        )
        return [outcome or known.get(queued) for queued, outcome in zip(calls, outcomes, strict=True)]

    def delivered(self, index: int) -> None:
        """Note that the outcome of a call was delivered: its result need not be kept."""
        id_ = self._undelivered.pop(index, None)
        if id_ is not None:
            self._commits.deliver(id_)

    async def begin(self, queued: QueuedCall) -> Reason | None:
        """Record that a write is about to be sent.

        Returns:
            Why it must not be sent, or `None`.

        Raises:
            JournalError: If it cannot be recorded, or its key belongs to another call.
        """
        key: _JournalKey = queued.journal_key
        if not key.is_write:
            return None
        if key.begun:
            await self._hold()
            return None
        params = encoded_params(queued.call).json if self._settles else None
        try:
            written = await self._commits.write(
                key.write(State.BEGUN, params=params, before=self._may_begin_before(queued))
            )
            if written is Written.ANOTHER_CALL:
                raise _another_call(queued)
        except JournalError as error:
            self._error = self._error or error
            raise
        if written is Written.TAKEN:
            return "duplicate_key"
        key.begun = True
        await self._hold()
        return None

    async def _hold(self) -> None:
        """Look at the lease just before a write is sent: the process may have been stopped since it began."""
        try:
            await self._commits.hold()
        except JournalError as error:
            self._error = self._error or error
            raise

    async def succeeded(self, queued: QueuedCall, result: object) -> None:
        """Record that a call succeeded, with its result until it is delivered.

        Raises:
            RecordingError: If it cannot be recorded.
        """
        kept = _kept(result) if isinstance(result, ActionResult) else None
        await self._record(queued, queued.journal_key.write(State.DONE, queued.attempts, result=kept), result)

    async def failed(self, queued: QueuedCall, error: RefoldError) -> None:
        """Record that a call failed for good.

        Raises:
            RecordingError: If it cannot be recorded.
        """
        await self._record(queued, _failure(queued, error), error)

    async def settled(self, queued: QueuedCall, answer: Settled) -> None:
        """Record what look-ups told of a write whose fate was unknown.

        Raises:
            RecordingError: If it cannot be recorded.
        """
        await self._record(queued, _settlement(queued, answer), answer)

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Record what is known of a call that will not be attempted again."""
        # A call that waited for its first attempt has no row, and needs none: it never began.
        if queued.journal_key.begun:
            self._commits.put(_failure(queued, error))
            self._undelivered[queued.index] = queued.journal_key.id

    async def _record(self, queued: QueuedCall, record: JournalWrite, answer: object) -> None:
        try:
            written = await self._commits.write(record)
        except JournalError as error:
            self._error = self._error or error
            raise RecordingError(answer) from error
        # `TAKEN` is harmless: another read with this key is done, and stays so.
        if written is Written.ANOTHER_CALL:
            self._error = self._error or JournalError(
                f"the key {queued.call.key!r} of account {queued.call.linked_account_id!r} "
                "belongs to two calls of this input"
            )
            raise RecordingError(answer)
        self._undelivered[queued.index] = record.id

    def _may_begin_before(self, queued: QueuedCall) -> int:
        """Return before which run an unknown write must have been recorded to begin again; 0 is none."""
        if queued.settling is not None:
            return self.run + 1  # it was looked up, and is absent
        return self.run if self._journal.retry_unknown else 0

    def _identify(self, queued: QueuedCall) -> Outcome | None:
        try:
            queued.journal_key = _JournalKey(queued)
            if (longest := self._open.store.longest_id) is not None:
                _check_length(queued.journal_key.id, longest)
        except InvalidCallError as error:
            return Failed(queued.call, error, index=queued.index)
        return None

    def _outcome_of(self, queued: QueuedCall, row: JournalRow) -> Outcome | None:
        call, index = queued.call, queued.index
        if row.call != queued.journal_key.fingerprint:
            raise _another_call(queued)
        if row.state is State.FAILED:
            return None
        if row.run == self.run:
            return Skipped(call, "duplicate_key", index=index)
        if row.state in _FINAL:
            self._note_recorded(row.at)
            return self._done_before(queued, row)
        if self._journal.retry_unknown or not queued.journal_key.is_write:
            return None
        self._undelivered[index] = queued.journal_key.id
        return Failed(call, _interrupted(call, row), index=index, verdict=_verdict(row))

    def _duplicates(self, rows: Mapping[QueuedCall, JournalRow]) -> dict[QueuedCall, Outcome]:
        """Return the outcomes of writes of which another one with the same key was read at the same time."""
        # Else each of them would be settled, and run again if it is absent.
        seen: set[CallId] = set()
        found: dict[QueuedCall, Outcome] = {}
        for queued, row in rows.items():
            key: _JournalKey = queued.journal_key
            if key.is_write and row.state is not State.FAILED and key.id in seen:
                self._undelivered.pop(queued.index, None)
                found[queued] = Skipped(queued.call, "duplicate_key", index=queued.index)
            seen.add(key.id)
        return found

    def _done_before(self, queued: QueuedCall, row: JournalRow) -> Outcome:
        if row.result is None:
            return Skipped(queued.call, "done_before", index=queued.index)
        if not row.delivered:
            self._undelivered[queued.index] = queued.journal_key.id
        elif not self._journal.replay:
            return Skipped(queued.call, "done_before", index=queued.index)
        settled = row.state is State.FOUND
        return Done(queued.call, _restored(row.result), replayed=True, settled=settled, index=queued.index)

    def _note_recorded(self, at: float) -> None:
        first, last = self.recorded or (at, at)
        self.recorded = min(first, at), max(last, at)

    async def _mark_unknown(self, rows: Mapping[QueuedCall, JournalRow]) -> None:
        """Record which writes this run reports as unknown, so that it reports each once."""
        pending = [
            self._commits.put(
                queued.journal_key.write(
                    State.UNKNOWN if row.state is State.BEGUN else row.state, error=row.error
                )
            )
            for queued, row in rows.items()
        ]
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
        slot = self._runner.acquire(queued)
        return slot if slot is None or not queued.attempts else self._wait_for(slot, queued)

    async def _wait_for(self, slot: Awaitable[None], queued: QueuedCall) -> None:
        """Wait for a slot for another attempt, and record that there will be none."""
        try:
            await slot
        except RefoldError as error:
            self._replay.abandon(queued, error)
            raise

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


def _check_length(id_: CallId, longest: int) -> None:
    """Check that a journal takes a call's names; refused later, they would fail all calls written with it.

    Raises:
        InvalidCallError: If they are too long.
    """
    if (size := len("".join(id_).encode()) - 1) > longest:
        raise InvalidCallError(
            f"the linked account and key have {size:,} bytes; a journal in a database takes {longest:,}: "
            "use a hash of the key"
        )


def _fingerprint(call: Call) -> bytes:
    """Return what tells a call from others; the order of its parameters makes no other call."""
    # Of the bytes that are sent: a dict that changed since could not match them.
    what = (call.linked_account_id, call.slug, call.action_id, msgspec.Raw(encoded_params(call).canonical()))
    try:
        return blake2b(msgspec.json.encode(what), digest_size=16).digest()
    except UnicodeEncodeError as error:
        raise InvalidCallError(f"an id is not valid Unicode: {error.reason}") from None


def _failure(queued: QueuedCall, error: RefoldError) -> JournalWrite:
    """Return what is recorded after a failure; a read is always run again."""
    key: _JournalKey = queued.journal_key
    unknown = key.begun and error.fate == "unknown"
    # Named as for a log: an app's message may quote the parameters.
    return key.write(State.UNKNOWN if unknown else State.FAILED, queued.attempts, name_error(error))


def _settlement(queued: QueuedCall, answer: Settled) -> JournalWrite:
    key: _JournalKey = queued.journal_key
    if answer.result is not None:
        return key.write(State.FOUND, queued.attempts, result=_kept(answer.result))
    if isinstance(answer.verdict, Unresolved):
        return key.write(State.UNRESOLVED, queued.attempts, answer.verdict.reason)
    return key.write(State.ABSENT, queued.attempts, name_error(answer.error))


def _verdict(row: JournalRow) -> Absent | Unresolved | None:
    if row.state is State.ABSENT:
        return Absent()
    return Unresolved(row.error or "") if row.state is State.UNRESOLVED else None


def _kept(result: ActionResult) -> bytes:
    return msgspec.msgpack.encode((result.node_status, result.http_status, bytes(result.raw)))


def _restored(kept: bytes) -> ActionResult:
    node_status, http_status, raw = msgspec.msgpack.decode(kept, type=_Kept)
    return ActionResult(node_status, http_status, msgspec.Raw(raw))


def _interrupted(call: Call, row: JournalRow) -> InterruptedRunError:
    began = datetime.fromtimestamp(row.began, UTC).isoformat(timespec="seconds")
    if row.error is None:
        message = f"an earlier run ended while this write, begun at {began}, was under way"
    else:
        message = f"an earlier run left unknown whether this write, begun at {began}, was done: {row.error}"
    error = InterruptedRunError(message, fate="unknown")
    error.effect = call.effect or effect_of_action(call.action_id)
    name_call(error, call)
    return error


def _another_call(queued: QueuedCall) -> JournalError:
    call = queued.call
    key = (
        f"position {queued.index} of the input"
        if call.key is None
        else f"key {call.key!r} of account {call.linked_account_id!r}"
    )
    return JournalError(
        f"the journal has {key} as another call: it belongs to another job, or the input changed; "
        "give calls keys of their own, or start a new journal"
    )
