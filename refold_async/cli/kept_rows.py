"""Which row of each call is kept, if several runs of a job have written one."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

P = TypeVar("P")

_WEIGHTS: Final = {"done": 2, "skipped": 0}
_FAILED: Final = 1

IDENTITY: Final = ("linked_account_id", "key", "index", "outcome")
"""The fields of a row that say which call's it is, and how that ended."""

CallId = tuple[str, str] | int


def call_id(account: str, key: str | None, index: int) -> CallId:
    """Return what identifies a call across runs: its customer and key, else its position in the input."""
    return index if key is None else (account, key)


class KeptRows(Generic[P]):
    """The places of the rows to keep: of each call its result if it has one, else its last failure.

    A row that says that a call was skipped is kept only if there is no other.
    """

    def __init__(self) -> None:
        self._kept: dict[CallId, tuple[int, P]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, call: CallId, outcome: str, place: P) -> P | None:
        """Add a row; return the place of the row that is not to be kept, this one or an earlier one."""
        weight = _WEIGHTS.get(outcome, _FAILED)
        earlier = self._kept.get(call)
        # A result stays the first one; of two failures, the later one counts.
        if earlier is not None and weight <= earlier[0] and not weight == earlier[0] == _FAILED:
            return place
        self._kept[call] = weight, place
        return None if earlier is None else earlier[1]
