"""What really ran: one row per run, written at the moment of its effect and before its response."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from threading import Lock
from typing import IO, Literal

import msgspec

Effect = Literal["read", "write"]

_encode = msgspec.json.Encoder(order="sorted").encode


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One action that reached the connected app.

    Attributes:
        number: Its position in the order of effects, from 1.
        linked_account_id: The customer.
        slug: The app.
        action_id: The action.
        params: The parameters as they were sent.
        effect: `"write"` if it changes something in the app, else `"read"`.
        ok: Whether the app carried it out; false if the app refused, e.g. an unknown record.
        at: When, in seconds since the epoch.
    """

    number: int
    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object]
    effect: Effect
    ok: bool
    at: float

    @property
    def key(self) -> tuple[str, str, str, bytes]:
        """Account, app, action and canonical parameters: equal for a repeated call."""
        return (self.linked_account_id, self.slug, self.action_id, _encode(self.params))


class Ledger:
    """The runs of a sandbox, in the order of their effects. Safe to read from any thread.

    Args:
        limit: How many of the latest runs are kept; `forgotten` counts the dropped ones.
        path: A file to which each run is appended as a JSON line, from `open` to `close`.
        check: Raises if an app or action that is asked for cannot have run, e.g. because it is misspelt.
    """

    def __init__(
        self,
        limit: int = 500_000,
        path: str | Path | None = None,
        check: Callable[[str | None, str | None], None] = lambda _slug, _action_id: None,
    ) -> None:
        self._check = check
        self._runs: deque[Run] = deque(maxlen=limit)
        self._lock = Lock()
        self._path = path
        self._file: IO[bytes] | None = None
        self._number = 0

    @property
    def runs(self) -> list[Run]:
        """All runs kept, oldest first."""
        with self._lock:
            return list(self._runs)

    @property
    def forgotten(self) -> int:
        """How many runs were dropped because of the limit; 0 means that every count is complete."""
        with self._lock:
            return self._number - len(self._runs)

    def record(
        self,
        *,
        linked_account_id: str,
        slug: str,
        action_id: str,
        params: Mapping[str, object],
        effect: Effect,
        ok: bool,
    ) -> Run:
        """Add a run, in the same step of the event loop as its effect."""
        with self._lock:
            self._number += 1
            run = Run(
                number=self._number,
                linked_account_id=linked_account_id,
                slug=slug,
                action_id=action_id,
                params=params,
                effect=effect,
                ok=ok,
                at=time.time(),
            )
            self._runs.append(run)
            if self._file is not None:
                # Flushed per row (a few microseconds to the page cache): a killed process loses no run.
                self._file.write(_encode(run) + b"\n")
                self._file.flush()
        return run

    def select(
        self,
        slug: str | None = None,
        action_id: str | None = None,
        linked_account_id: str | None = None,
        effect: Effect | None = None,
    ) -> list[Run]:
        """Return the runs that match all given values.

        Raises:
            UnknownNameError: If the sandbox does not have the app or action.
        """
        self._check(slug, action_id)
        return [
            run
            for run in self.runs
            if slug in (None, run.slug)
            and action_id in (None, run.action_id)
            and linked_account_id in (None, run.linked_account_id)
            and effect in (None, run.effect)
        ]

    def writes(
        self,
        slug: str | None = None,
        action_id: str | None = None,
        linked_account_id: str | None = None,
    ) -> list[Run]:
        """Return the writes that match all given values."""
        return self.select(slug, action_id, linked_account_id, "write")

    def reads(
        self,
        slug: str | None = None,
        action_id: str | None = None,
        linked_account_id: str | None = None,
    ) -> list[Run]:
        """Return the reads that match all given values."""
        return self.select(slug, action_id, linked_account_id, "read")

    def count(
        self,
        slug: str | None = None,
        action_id: str | None = None,
        linked_account_id: str | None = None,
        effect: Effect | None = None,
    ) -> int:
        """Return how many runs match all given values."""
        return len(self.select(slug, action_id, linked_account_id, effect))

    def duplicates(self, by: Callable[[Run], Hashable] = lambda run: run.key) -> dict[Hashable, list[Run]]:
        """Return the writes that ran more than once, by key.

        Args:
            by: The key that makes two writes the same; by default account, app, action and parameters.
        """
        groups: dict[Hashable, list[Run]] = {}
        for run in self.writes():
            groups.setdefault(by(run), []).append(run)
        return {key: runs for key, runs in groups.items() if len(runs) > 1}

    def clear(self) -> None:
        """Forget all runs; numbers start again from 1. The file keeps its lines."""
        with self._lock:
            self._runs.clear()
            self._number = 0

    def open(self) -> None:
        """Open the file, if any, for appending."""
        if self._path is not None and self._file is None:
            self._file = Path(self._path).open("ab")  # noqa: SIM115 - `close` is called by the sandbox

    def close(self) -> None:
        """Close the file, if any."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
