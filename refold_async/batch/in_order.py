"""The outcomes of a batch in the order of its input."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Self

from refold_async.calls import Outcome


class InOrder:
    """Iterates over outcomes in the order of the input, keeping those that come early.

    Args:
        get: Returns the next outcome as it comes, or `None` at the end.
        handed: Called with each outcome handed over, and their number so far.
        deliver: Called when the next outcome is asked for: those handed over are delivered.
        finish: Raises the error that ended the batch, if any.
    """

    def __init__(
        self,
        get: Callable[[], Awaitable[Outcome | None]],
        handed: Callable[[Outcome, int], object],
        deliver: Callable[[], object],
        finish: Callable[[], object],
    ) -> None:
        self._get: Final = get
        self._handed: Final = handed
        self._deliver: Final = deliver
        self._finish: Final = finish
        self._early: dict[int, Outcome] = {}
        self._next = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome:
        self._deliver()
        while self._next not in self._early:
            outcome = await self._get()
            if outcome is None:
                self._skip_a_gap()
                break
            self._early[outcome.index] = outcome
        outcome = self._early.pop(self._next)
        self._next += 1
        self._handed(outcome, self._next)
        return outcome

    def _skip_a_gap(self) -> None:
        """Skip calls without an outcome: the batch was closed while they were under way."""
        if not self._early:
            self._finish()
            raise StopAsyncIteration
        self._next = min(self._early)
