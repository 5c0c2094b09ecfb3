"""The verbs over records: list, get, search, create, update, upsert, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from refold_async.sandbox.apps.action_run import ActionRun, AppAnswer, AppProblemError, as_text
from refold_async.sandbox.apps.records import StoredRecord
from refold_async.sandbox.apps.shapes import ResponsePage


class RecordFilter(NamedTuple):
    """One condition of a search, and the words that must occur in any field."""

    name: str
    operator: str
    value: str
    query: str

    def accepts(self, record: StoredRecord) -> bool:
        """Return whether the record matches."""
        if self.query and not any(self.query in as_text(value).lower() for value in record.fields.values()):
            return False
        if not self.operator:
            return True
        return OPERATORS[self.operator](_held(record, self.name), self.value)


_ATTRIBUTES: Mapping[str, Callable[[StoredRecord], str]] = {
    "id": lambda record: record.id,
    "hs_object_id": lambda record: record.id,
    "createdAt": lambda record: record.created_at,
    "createdate": lambda record: record.created_at,
    "updatedAt": lambda record: record.updated_at,
    "hs_lastmodifieddate": lambda record: record.updated_at,
}


def _held(record: StoredRecord, name: str) -> str:
    return _ATTRIBUTES[name](record) if name in _ATTRIBUTES else as_text(record.fields.get(name))


def make_filter(name: str, operator: str, value: str, query: str) -> RecordFilter:
    """Return a filter; an unknown operator is the app's own error."""
    if operator and operator.upper() not in OPERATORS:
        raise AppProblemError("invalid", f"{operator} is not a valid operator")
    return RecordFilter(name, operator.upper(), value, query.lower())


def _order(held: str, value: str) -> int:
    """Return a number below, equal to or above 0: numeric order if both are numbers, else by text."""
    try:
        left, right = float(held), float(value)
    except ValueError:
        return (held > value) - (held < value)
    return (left > right) - (left < right)


def _among(held: str, value: str) -> bool:
    return held.lower() in {option.strip().lower() for option in value.split(",")}


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda held, value: held.lower() == value.lower(),
    "NEQ": lambda held, value: held.lower() != value.lower(),
    "LT": lambda held, value: held != "" and _order(held, value) < 0,
    "LTE": lambda held, value: held != "" and _order(held, value) <= 0,
    "GT": lambda held, value: held != "" and _order(held, value) > 0,
    "GTE": lambda held, value: held != "" and _order(held, value) >= 0,
    "IN": _among,
    "NOT_IN": lambda held, value: not _among(held, value),
    "HAS_PROPERTY": lambda held, _: held != "",
    "NOT_HAS_PROPERTY": lambda held, _: held == "",
    "CONTAINS_TOKEN": lambda held, value: value.strip("*").lower() in held.lower(),
    "NOT_CONTAINS_TOKEN": lambda held, value: value.strip("*").lower() not in held.lower(),
}

PAGE_SIZE = 10
LARGEST_PAGE = 100


def list_records(run: ActionRun) -> AppAnswer:
    """Return a page of records, or the one named by the action's id parameter."""
    if run.text(run.action.id_parameter):
        return get_record(run)
    owners = _references(run)
    records: Iterable[StoredRecord] = run.table.scan(_start(run))
    if owners:
        records = (
            record
            for record in records
            if all(as_text(record.fields.get(name)) == owner for name, owner in owners.items())
        )
    return _page(run, records)


def get_record(run: ActionRun) -> AppAnswer:
    """Return one record by its id."""
    return AppAnswer(run.shape.record(_find(run)))


def search_records(run: ActionRun) -> AppAnswer:
    """Return the records that match `propertyName`, `operator` and `value`, and the words of `query`."""
    condition = make_filter(
        run.text("propertyName"), run.text("operator"), run.text("value"), run.text("query")
    )
    total = sum(1 for record in run.table.search() if condition.accepts(record))
    return _page(run, filter(condition.accepts, run.table.search(_start(run))), total)


def create_record(run: ActionRun) -> AppAnswer:
    """Create a record from the parameters that are fields."""
    owners = _references(run)
    record = run.table.create({**_fields(run), **owners})
    return AppAnswer(run.shape.record(record))


def update_record(run: ActionRun) -> AppAnswer:
    """Update the given fields of a record."""
    record = run.table.update(_find(run), _fields(run))
    return AppAnswer(run.shape.record(record))


def upsert_record(run: ActionRun) -> AppAnswer:
    """Update the record whose id parameter's field has the given value, or create one."""
    name = run.action.id_parameter
    fields = {**_fields(run), name: run.text(name)}
    records = (record for record in run.table.scan() if as_text(record.fields.get(name)) == fields[name])
    record = next(records, None)
    written = run.table.create(fields) if record is None else run.table.update(record, fields)
    return AppAnswer(run.shape.record(written))


def delete_record(run: ActionRun) -> AppAnswer:
    """Delete a record."""
    record = _find(run)
    run.table.delete(record)
    return AppAnswer(run.shape.deleted(record))


def _find(run: ActionRun) -> StoredRecord:
    record_id = run.text(run.action.id_parameter)
    record = run.table.get(record_id)
    if record is None:
        raise AppProblemError("missing", f"Object not found. objectId: {record_id}")
    return record


def _fields(run: ActionRun) -> dict[str, object]:
    action, params = run.action, run.params
    return {
        name: as_text(params[name])
        for name in (parameter.name for parameter in action.parameters)
        if params.get(name) is not None and name != action.id_parameter
    }


def _references(run: ActionRun) -> dict[str, str]:
    """Return the ids of the records that parameters refer to, each found by id or by name."""
    ids: dict[str, str] = {}
    for name, object_name in run.action.refers.items():
        wanted = run.text(name)
        if not wanted:
            continue
        table = run.table_of(object_name)
        record = table.get(wanted) or next(
            (each for each in table.scan() if each.fields.get("name") == wanted.lstrip("#")), None
        )
        if record is None:
            raise AppProblemError("missing", f"{object_name} has no {wanted}", object_name)
        ids[name] = record.id
    return ids


def _start(run: ActionRun) -> str | None:
    """Return the id that the page starts after: `after`, or Slack's `cursor`."""
    start = run.text("after") or run.text("cursor")
    if start and not run.table.is_place(start):
        raise AppProblemError("invalid", f"{start} is not a valid cursor")
    return start or None


def _page(run: ActionRun, records: Iterable[StoredRecord], total: int | None = None) -> AppAnswer:
    limit = int(run.number("limit", PAGE_SIZE, LARGEST_PAGE)) or PAGE_SIZE
    page = list(islice(records, limit + 1))
    after = page[limit - 1].id if len(page) > limit else None
    return AppAnswer(run.shape.page(ResponsePage(run.action.object, page[:limit], after, total)))
