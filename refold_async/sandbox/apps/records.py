"""The records of one object type in one account's app.

Seeded records are computed on access and never stored, so that thousands of accounts cost nothing;
only created, changed and deleted records are kept.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

import msgspec

from refold_async.sandbox.apps.model import ObjectType
from refold_async.sandbox.apps.values import SeededChoices, generate, past_moment, timestamp


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """One record: its object name (e.g. `contacts`), id, fields and timestamps."""

    object_name: str
    id: str
    fields: Mapping[str, object]
    created_at: str
    updated_at: str


class RecordTable:
    """Records in the order of their ids.

    Args:
        object_name: The name of the object type, e.g. `contacts`.
        object_type: The object type.
        seed: The text that seeded records are derived from; the same text yields the same records.
        search_lag: Seconds until a search finds what was created, updated or deleted.
        clock: The monotonic clock of `search_lag`, in seconds.
    """

    def __init__(
        self,
        object_name: str,
        object_type: ObjectType,
        seed: str,
        *,
        search_lag: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = object_name
        self._type = object_type
        self._seed = seed
        self._next = object_type.first + object_type.seeded
        self._changes: dict[str, StoredRecord | None] = {}
        self._search_lag = search_lag
        self._clock = clock
        self._unindexed: deque[tuple[float, str, StoredRecord | None]] = deque()

    def get(self, record_id: str) -> StoredRecord | None:
        """Return the record with this id, or `None` if it never existed or was deleted."""
        if record_id in self._changes:
            return self._changes[record_id]
        number = self._type.number_of(record_id)
        return None if number is None else self._seeded(number)

    def is_place(self, after: str) -> bool:
        """Return whether `scan` can start after this id: that of an existing or deleted record."""
        return self._type.number_of(after) is not None

    def scan(self, after: str | None = None) -> Iterator[StoredRecord]:
        """Yield the records after the id `after`, or all of them."""
        for number in self._numbers(after):
            record = self._at(number)
            if record is not None:
                yield record

    def __len__(self) -> int:
        removed = sum(record is None for record in self._changes.values())
        return self._next - self._type.first - removed

    def slice(self, start: int, number: int) -> list[StoredRecord]:
        """Return some records from a position, counted from 0."""
        # By id while none is deleted: computing the records before them would take as long as all pages.
        if len(self) == self._next - self._type.first:
            after = self._type.id_of(self._type.first + start - 1) if start else None
            return list(islice(self.scan(after), number))
        return list(islice(self.scan(), start, start + number))

    def search(self, after: str | None = None) -> Iterator[StoredRecord]:
        """Yield the records after the id `after` as they were `search_lag` seconds ago."""
        earlier = self._versions_found()
        for number in self._numbers(after):
            record_id = self._type.id_of(number) if earlier else ""
            record = earlier[record_id] if record_id in earlier else self._at(number)
            if record is not None:
                yield record

    def create(self, fields: Mapping[str, object]) -> StoredRecord:
        """Add a record."""
        now = timestamp(datetime.now(UTC))
        record = StoredRecord(self._name, self._type.id_of(self._next), dict(fields), now, now)
        self._change(record.id, record)
        self._next += 1
        return record

    def update(self, record: StoredRecord, fields: Mapping[str, object]) -> StoredRecord:
        """Update the given fields and keep the others."""
        changed = msgspec.structs.replace(
            record, fields={**record.fields, **fields}, updated_at=timestamp(datetime.now(UTC))
        )
        self._change(record.id, changed)
        return changed

    def delete(self, record: StoredRecord) -> None:
        """Delete a record."""
        self._change(record.id, None)

    def _at(self, number: int) -> StoredRecord | None:
        record_id = self._type.id_of(number) if self._changes else ""
        return self._changes[record_id] if record_id in self._changes else self._seeded(number)

    def _numbers(self, after: str | None) -> range:
        passed = None if after is None else self._type.number_of(after)
        start = self._type.first if passed is None else max(passed + 1, self._type.first)
        return range(start, self._next)

    def _change(self, record_id: str, record: StoredRecord | None) -> None:
        if self._search_lag:
            self._unindexed.append((self._clock() + self._search_lag, record_id, self.get(record_id)))
        self._changes[record_id] = record

    def _versions_found(self) -> dict[str, StoredRecord | None]:
        """Return the earlier version, `None` for a new record, of each one that changed within the lag."""
        changes, now = self._unindexed, self._clock() if self._unindexed else 0.0
        while changes and changes[0][0] <= now:
            changes.popleft()
        versions: dict[str, StoredRecord | None] = {}
        for _, record_id, earlier in changes:
            versions.setdefault(record_id, earlier)
        return versions

    def _seeded(self, number: int) -> StoredRecord | None:
        if not self._type.first <= number < self._type.first + self._type.seeded:
            return None
        return _seeded_record(self._name, self._type, self._seed, number)


# Bounded: the seeded records of thousands of accounts are computed, not kept.
@lru_cache(maxsize=4096)
def _seeded_record(name: str, kind: ObjectType, table_seed: str, number: int) -> StoredRecord:
    seed = SeededChoices(f"{table_seed}\x1f{number}")
    created = timestamp(past_moment(seed))
    fields = generate(kind.fields, seed, number - kind.first)
    return StoredRecord(name, kind.id_of(number), fields, created, created)
