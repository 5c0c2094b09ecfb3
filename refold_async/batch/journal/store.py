"""What a journal needs of its store: SQLite, PostgreSQL, or any database with transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from refold_async.batch.journal.lease import LeaseClock


class State(IntEnum):
    """The recorded state of a call.

    `DONE` and `FOUND` are final. Whether a call's outcome was delivered is a flag beside its state.
    """

    BEGUN = 1
    DONE = 2
    FAILED = 3
    UNKNOWN = 4
    FOUND = 5
    ABSENT = 6
    UNRESOLVED = 7


class CallId(NamedTuple):
    """How a journal identifies a call.

    Attributes:
        scope: The linked account, within which the key is unique; empty for a call without a key.
        key: `=` and the key, or `#` and the position in the input.
    """

    scope: str
    key: str


class JournalRow(NamedTuple):
    """The recorded row of a call.

    Attributes:
        call: The hash that tells it from other calls.
        state: Its state.
        delivered: Whether its outcome was delivered.
        run: The run that recorded the state.
        began: When its last attempt began, as far as it was recorded; seconds since 1970.
        at: When the state was recorded.
        error: Why it failed, or why look-ups did not tell.
        result: Its encoded result, from when it is done until it is delivered.
    """

    call: bytes
    state: State
    delivered: bool
    run: int
    began: float
    at: float
    error: str | None = None
    result: bytes | None = None


class JournalWrite(NamedTuple):
    """A row to be written.

    Attributes:
        id: The call.
        account: Its linked account.
        call: The hash that tells it from other calls.
        slug: The app.
        action_id: The action.
        effect: What running it twice does.
        state: The state.
        attempts: Its attempts in this run.
        error: Why it failed, or why look-ups did not tell.
        result: Its encoded result.
        params: Its encoded parameters, if they are kept until it is settled; for `BEGUN` alone.
        before: For `BEGUN`: it may begin again though it is unknown whether it was done, if that was
            recorded before this run.
    """

    id: CallId
    account: str
    call: bytes
    slug: str
    action_id: str
    effect: str | None
    state: State
    attempts: int = 0
    error: str | None = None
    result: bytes | None = None
    params: bytes | None = None
    before: int = 0


class RunRow(NamedTuple):
    """The recorded row of a run.

    Attributes:
        number: Its number, from 1.
        began: When it began; seconds since 1970.
        ended: When it ended; `None` if it is still running, or was killed.
        figures: The encoded figures of its batches, as they were last recorded.
    """

    number: int
    began: float
    ended: float | None
    figures: tuple[bytes, ...]


class Written(IntEnum):
    """The result of writing a row."""

    DONE = 0
    TAKEN = 1
    ANOTHER_CALL = 2


class JournalStore(Protocol):
    """An open journal, owned by one run until it is closed. Its methods are called in one thread.

    Attributes:
        run: The number of this run, from 1.
        fresh: Whether no earlier run recorded a call.
        longest_id: How many bytes a call's linked account and key may have together; `None` if any number.
        lease: Until when this run certainly owns it; `None` if no other run can take it over.
    """

    run: int
    fresh: bool

    @property
    def longest_id(self) -> int | None: ...  # noqa: D102 - an attribute
    @property
    def lease(self) -> LeaseClock | None: ...  # noqa: D102 - an attribute

    def look(self, ids: Sequence[CallId], /) -> list[JournalRow | None]:
        """Return the row of each call, or `None`.

        Raises:
            JournalError: If it cannot be read.
        """
        ...

    def write(self, records: Sequence[JournalWrite], delivered: Sequence[CallId] = (), /) -> list[Written]:
        """Write rows, and mark calls as delivered, in one durable commit.

        A call that is done or found keeps that state. A call begins if it has no row or failed, or if it
        is unknown whether it was done and `before` allows it.

        Returns:
            The result of each record: `TAKEN` if the row keeps its state, `ANOTHER_CALL` if its hash
            differs.

        Raises:
            JournalError: If it cannot be written, or another process owns it now; then no row was.
        """
        ...

    def counts(self) -> dict[tuple[State, bool], int]:
        """Return the number of calls by state and by whether they were delivered; 0 is left out.

        Read from counters that are kept in the same commits, so it costs the same for any number of calls.

        Raises:
            JournalError: If it cannot be read.
        """
        ...

    def write_run(self, figures: Mapping[int, bytes], /) -> None:
        """Record the figures of this run, by the number of each of its batches; they replace earlier ones.

        Raises:
            JournalError: If they cannot be written, or another process owns the journal now.
        """
        ...

    def runs(self) -> list[RunRow]:
        """Return the runs so far, the first one first.

        Raises:
            JournalError: If they cannot be read.
        """
        ...

    def parts(self) -> list[str] | None:
        """Return the names of the result files that were recorded; `None` if it records none.

        Raises:
            JournalError: If they cannot be read.
        """
        ...

    def add_part(self, name: str, /) -> None:
        """Record a result file that is on disk, so that it counts: unless another run owns the journal now.

        Raises:
            JournalError: If it cannot be recorded.
        """
        ...

    def renew(self) -> None:
        """Renew the lease, if there is one.

        Raises:
            JournalError: If it cannot be renewed, or another run has taken the journal over.
        """
        ...

    def interrupt(self) -> None:
        """Break off what another thread does here, if that may take longer than the lease."""
        ...

    def close(self) -> None:
        """Record the end of the run and release the journal. Idempotent.

        Raises:
            JournalError: If that cannot be recorded.
        """
        ...


class JournalTables(Protocol):
    """The tables of a journal, to read and edit by hand what runs have recorded."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        """Execute a statement with `?` for each value, and return a cursor."""
        ...

    def close(self) -> object:
        """Close them."""
        ...
