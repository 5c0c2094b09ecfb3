"""Reads the input ahead of the workers, as far as turns between accounts need it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from refold_async.batch import call as calls
from refold_async.batch.call import Call
from refold_async.batch.engine import Engine
from refold_async.batch.lanes import Lanes
from refold_async.batch.outcomes import Failed, Outcome, Skipped
from refold_async.batch.source import Source
from refold_async.batch.tickets import Ticket
from refold_async.errors import InvalidCallError, JournalError

_DRAUGHT: Final = 256
"""Calls read at a time, so that a long read does not hold up the event loop."""

Screen = Callable[[Sequence[Ticket]], Awaitable[Sequence[Outcome | None]]]
"""Gives the outcome of each call that need not be run, as a journal knows."""


class Reader:
    """Reads calls into the lanes while there is room for them.

    Args:
        source: The input.
        engine: Who runs the calls.
        lanes: Where they go.
        screen: Knows which need not be run, where there is a journal.

    Attributes:
        read: Calls read.
        error: Why reading ended early.
    """

    def __init__(self, source: Source, engine: Engine, lanes: Lanes, screen: Screen | None) -> None:
        self._source: Final = source
        self._engine: Final = engine
        self._lanes: Final = lanes
        self._screen: Final = screen
        self._clock: Final = asyncio.get_running_loop().time
        self._horizon: int | None = None
        self._delivered = 0
        self._asking: asyncio.Timeout | None = None
        self.read = 0
        self.error: BaseException | None = None

    async def work(self) -> None:
        """Read until the input ends or the batch stops: the life of the reader."""
        engine, source = self._engine, self._source
        while not source.ended and engine.stopped is None and not engine.over:
            room = self._room()
            if room <= 0:
                await engine.reading.rest()
                continue
            await self._admit(await self._ask(room))
            await asyncio.sleep(0)
        if source.error is not None:
            self.error = source.error
            engine.stop("input_failed")
        engine.exhausted = True
        engine.look_for_the_end()

    async def _ask(self, room: int) -> list[Call]:
        """Read from the input; none where the batch stops while the input lets wait."""
        try:
            async with asyncio.timeout(None) as self._asking:
                return await self._source.read(room)
        except TimeoutError:
            return []
        finally:
            self._asking = None

    def stop(self) -> None:
        """Wait for the input no longer: what it has still to give is not to be run."""
        if self._asking is not None:
            self._asking.reschedule(self._clock())

    def _room(self) -> int:
        if not self._engine.has_room():
            return 0
        room = min(self._lanes.room(), _DRAUGHT)
        if self._horizon is None:
            return room
        return min(room, self._delivered + self._horizon - self.read)

    def keep_within(self, horizon: int) -> None:
        """Read no further than some calls past the last one that was delivered in order."""
        self._horizon = horizon

    def deliver(self, number: int) -> None:
        """Hear how many calls were delivered in order."""
        self._delivered = number
        if self._horizon is None:
            return
        if 2 * (self.read - number) <= self._horizon or self._engine.is_idle():
            self._engine.reading.wake()

    async def _admit(self, read: list[Call]) -> None:
        """Put calls into the lanes, but for those whose outcome is known."""
        now = self._clock()
        tickets = []
        for index, call in enumerate(read, self.read):
            ticket = Ticket(call, index, now)
            try:
                calls.check(call)
            except InvalidCallError as error:
                self._engine.refuse(ticket, error)
            else:
                tickets.append(ticket)
        self.read += len(read)
        if self._screen is not None and tickets:
            tickets = await self._screened(tickets, self._screen)
        reason = self._engine.stopped
        for ticket in tickets:
            if reason is None:
                self._lanes.add(ticket)
            else:
                self._engine.put(Skipped(ticket.call, reason, index=ticket.index))
        self._engine.added()

    async def _screened(self, tickets: list[Ticket], screen: Screen) -> list[Ticket]:
        try:
            outcomes = await screen(tickets)
        except JournalError as error:
            self.error = error
            self._engine.stop("journal_failed")
            return tickets
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                self._engine.count_failure(outcome)
            elif outcome is not None:
                self._engine.put(outcome)
        return [ticket for ticket, outcome in zip(tickets, outcomes, strict=True) if outcome is None]
