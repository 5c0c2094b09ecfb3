"""`Lookup` and `Settle`: how a write of unknown fate is looked up, and when."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from refold_async._core.checks import check_count, is_number
from refold_async._core.effects import effect_of_action
from refold_async._core.operation import Effect
from refold_async.calls import Call
from refold_async.errors import SettingsError


class _Search(msgspec.Struct, frozen=True):
    """The part of a look-up that is given by position."""

    action_id: str
    params: Mapping[str, object] | None = None


class Lookup(_Search, frozen=True, kw_only=True):
    """A read that finds what a write would have left in the customer's app.

    Args:
        action_id: The action to execute, for the same customer, e.g. `search_contacts`.
        params: Its parameters, by name; default: none.
        found: Called with the data of its result; returns the records that the write would have left. It
            must compare the records itself: many searches also return what is only similar.
        slug: The app's slug; default: the app of the call.
        effect: `"read"` if the action reads although its name does not say so.
    """

    found: Callable[[Any], Sequence[object]]
    slug: str | None = None
    effect: Literal["read"] | None = None

    @property
    def reads(self) -> bool:
        """Whether the action reads: no other is sent as a look-up."""
        effect: Effect = self.effect or effect_of_action(self.action_id)
        return effect == "read"


LookupFunction = Callable[[Call], Lookup | None]
"""Returns how to look a call up, or `None` if it cannot be."""

DEFAULT_AFTER: Final = (30.0, 120.0)


class Settle(msgspec.Struct, frozen=True):
    """How a batch finds out what became of its unknown writes: by looking for what they wrote.

    *Found* is proof: the call is `Done`. *Absent* is a judgement: it is right only if no server runs the
    lost attempt later than the last wait, and if the app's search has caught up by then. So absent calls are
    reported by default. `absent="run"` runs them again, on that assumption: choose waits longer than
    the app's slowest write and its slowest search index, or a write that was only late is done twice.

    While it settles, a batch with a journal keeps the parameters of each write from its beginning
    until it is settled.

    Args:
        lookup: Returns the `Lookup` of a call, or `None` to leave the call unknown.
        after: When to look, in seconds from the end of the last attempt (for a call that an earlier run
            left unknown, from the start of this run); default 30 and 120.
        absent: `"report"` (default) ends an absent call as `Failed`; `"run"` runs it again.
        max_runs: With `absent="run"`, the most runs of one call in one run of the batch, the first
            included; default 3.

    Raises:
        SettingsError: If a setting is invalid.
    """

    lookup: LookupFunction
    after: Sequence[float] = msgspec.field(default=DEFAULT_AFTER)
    absent: Literal["report", "run"] = "report"
    max_runs: int = 3

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_lookup(self.lookup)
        _check_after(self.after)
        if self.absent not in {"report", "run"}:
            raise SettingsError(f'Settle: absent must be "report" or "run", not {self.absent!r}')
        check_count("Settle: max_runs", self.max_runs)
        # A list that the caller changes later must not change the waits of a running batch.
        msgspec.structs.force_setattr(self, "after", tuple(self.after))


def check_lookup(lookup: object) -> None:
    """Check a look-up function.

    Raises:
        SettingsError: If it is not callable, or a coroutine function.
    """
    if not callable(lookup):
        raise SettingsError(f"the look-up must be a function of a Call, not {type(lookup).__name__}")
    if inspect.iscoroutinefunction(lookup):
        raise SettingsError("the look-up must be a plain function, not a coroutine function")


def _check_after(after: object) -> None:
    waits = list(after) if isinstance(after, Sequence) and not isinstance(after, str) else []
    valid = all(is_number(wait) and math.isfinite(wait) and wait >= 0 for wait in waits)
    if not waits or not valid or waits != sorted(waits):
        raise SettingsError(
            f"Settle: after must be ascending numbers of seconds, e.g. (30, 120), not {after!r}"
        )
