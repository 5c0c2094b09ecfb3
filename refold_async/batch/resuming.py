"""What a journal means for a batch: what is not run again, and what is noted down."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Self

import msgspec

from refold_async.batch.call import Call
from refold_async.batch.engine import Attempt, Skip
from refold_async.batch.failures import name_call
from refold_async.batch.group_commits import GroupCommits
from refold_async.batch.journal import Journal, journal_of
from refold_async.batch.journal_file import JournalFile, Record, Row, State, Written
from refold_async.batch.outcomes import Done, Failed, Outcome, Reason, Skipped
from refold_async.batch.tickets import Ticket
from refold_async.errors import InterruptedRunError, InvalidCallError, JournalError, RefoldError
from refold_async.operation import effect_of_action
from refold_async.pipeline import Again
from refold_async.results import ActionResult
from refold_async.wire import plain

_encoder: Final = msgspec.json.Encoder(order="sorted", enc_hook=plain)
_Kept = tuple[str, int | None, bytes]


class _Entry:
    """How the journal knows a call."""

    __slots__ = ("begun", "call", "is_write", "key")

    def __init__(self, ticket: Ticket) -> None:
        call = ticket.call
        self.key = f"#{ticket.index}" if call.key is None else f"={call.key}"
        self.call = _fingerprint(call)
        self.is_write = (call.effect or effect_of_action(call.action_id)) == "write"
        self.begun = False

    def record(self, state: State, result: bytes | None = None) -> Record:
        return Record(self.key, self.call, state, result)


class Resuming:
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

    async def screen(self, tickets: Sequence[Ticket]) -> list[Outcome | None]:
        """Give the outcome of each call that is not to be run, as an earlier run had it.

        Raises:
            JournalError: It cannot be read or written, or a key stands for another call.
        """
        outcomes = [self._enter(ticket) for ticket in tickets]
        if self._fresh:
            return outcomes
        known = [ticket for ticket, outcome in zip(tickets, outcomes, strict=True) if outcome is None]
        rows = await self._commits.look([ticket.row.key for ticket in known])
        told = {ticket: self._recall(ticket, row) for ticket, row in zip(known, rows, strict=True) if row}
        await self._report([ticket for ticket, outcome in told.items() if isinstance(outcome, Failed)])
        return [outcome or told.get(ticket) for ticket, outcome in zip(tickets, outcomes, strict=True)]

    def around(self, attempt: Attempt) -> Attempt:
        """Give an attempt that is noted down once it is answered."""

        async def noted(ticket: Ticket) -> object:
            try:
                answer = await attempt(ticket)
            except JournalError as error:
                self._fail(error)
                raise
            except RefoldError as error:
                await self._note(_after(ticket, error))
                raise
            if not isinstance(answer, Again | Skip):
                kept = _kept(answer) if self._journal.replay and isinstance(answer, ActionResult) else None
                await self._note(ticket.row.record(State.DONE, kept))
            return answer

        return noted

    async def before_sending(self, ticket: Ticket) -> Reason | None:
        """Note down that a write is about to be sent; gives a reason where it must not be.

        Raises:
            JournalError: It cannot be noted down, or its key stands for another call.
        """
        entry: _Entry = ticket.row
        if not entry.is_write or entry.begun:
            return None
        written = await self._commits.write(entry.record(State.BEGUN))
        if written is Written.ANOTHER_CALL:
            raise _another_call(ticket)
        if written is Written.TAKEN:
            return "duplicate_key"
        entry.begun = True
        return None

    def abandon(self, ticket: Ticket, error: RefoldError) -> None:
        """Note down what is known of a call that was to be tried again, and is not."""
        record = _after(ticket, error)
        if record is not None:
            self._commits.put(record)

    def _enter(self, ticket: Ticket) -> Outcome | None:
        try:
            ticket.row = _Entry(ticket)
        except InvalidCallError as error:
            return Failed(ticket.call, error, index=ticket.index)
        return None

    def _recall(self, ticket: Ticket, row: Row) -> Outcome | None:
        call, index = ticket.call, ticket.index
        if row.call != ticket.row.call:
            raise _another_call(ticket)
        if row.state is State.FAILED:
            return None
        if row.run == self._run:
            return Skipped(call, "duplicate_key", index=index)
        if row.state is State.DONE:
            return self._done_before(ticket, row)
        if self._journal.retry_unknown:
            return None
        if row.state is State.UNKNOWN:
            return Skipped(call, "unknown_before", index=index)
        return Failed(call, _interrupted(call, row), index=index)

    def _done_before(self, ticket: Ticket, row: Row) -> Outcome:
        if self._journal.replay and row.result is not None:
            return Done(ticket.call, _restored(row.result), replayed=True, index=ticket.index)
        return Skipped(ticket.call, "done_before", index=ticket.index)

    async def _report(self, tickets: Sequence[Ticket]) -> None:
        """Note down which writes are reported as unknown, so that each is so once."""
        waiting = [self._commits.put(ticket.row.record(State.UNKNOWN)) for ticket in tickets]
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


def _after(ticket: Ticket, error: RefoldError) -> Record | None:
    """Give what is noted down after a failure: a read is run again, whatever became of it."""
    entry: _Entry = ticket.row
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


def _another_call(ticket: Ticket) -> JournalError:
    key = f"place {ticket.index} of the input" if ticket.call.key is None else f"key {ticket.call.key!r}"
    return JournalError(
        f"the journal knows {key} as another call: it is of another job, or the input changed. "
        "Give calls keys of their own, or start a new journal"
    )
