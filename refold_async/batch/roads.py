"""What makes the attempts of a batch: Refold itself, or a function in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from refold_async.batch.engine import Attempt
from refold_async.batch.outcomes import Outcome, Reason
from refold_async.batch.tickets import Ticket
from refold_async.errors import RefoldError


class Road(Protocol):
    """What makes the attempts of a batch.

    Attributes:
        refusal: Says why a call whose turn has come must not be sent, if so.
        before_sending: Notes down that a call is about to be sent; says why it must not be, if so.
        on_outcome: Hears of each outcome, if anything does.
    """

    refusal: Callable[[Ticket], Reason | None]
    before_sending: Callable[[Ticket], Awaitable[Reason | None]] | None
    on_outcome: Callable[[Outcome], object] | None

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        ...

    async def open(self) -> None:
        """Get ready; raises where no call could be made."""

    def close(self) -> None:
        """Let go of what `open` took."""

    def stop(self) -> None:
        """Let those go who wait for a turn: their calls are not to be sent."""

    def abandon(self, ticket: Ticket, error: RefoldError) -> None:
        """Hear that a call which was to be attempted again is not."""

    def attempt(self, ticket: Ticket, /) -> Awaitable[object]:
        """Make one attempt; see `Attempt`."""
        ...


class PlainRoad:
    """A function in Refold's place."""

    base_url = "none"

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.refusal: Callable[[Ticket], Reason | None] = lambda _ticket: None
        self.before_sending: Callable[[Ticket], Awaitable[Reason | None]] | None = None
        self.on_outcome: Callable[[Outcome], object] | None = None

    async def open(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""

    def stop(self) -> None:
        """Have nothing to do."""

    def abandon(self, ticket: Ticket, error: RefoldError) -> None:
        """Have nothing to do."""
