"""The verbs over records: list, get, search, create, update, delete."""

from collections.abc import Iterable
from itertools import islice

from refold_async.sandbox.apps.job import Answer, Job, ProblemError, as_text
from refold_async.sandbox.apps.records import Record
from refold_async.sandbox.apps.search import make_filter
from refold_async.sandbox.apps.shapes import Page

PAGE_SIZE = 10
LARGEST_PAGE = 100


def list_records(job: Job) -> Answer:
    """A page of records; where the action's id parameter is given, that record alone."""
    if job.text(job.action.id_parameter):
        return get_record(job)
    owners = _references(job)
    records: Iterable[Record] = job.table.scan(_start(job))
    if owners:
        records = (
            record
            for record in records
            if all(as_text(record.fields.get(name)) == owner for name, owner in owners.items())
        )
    return _page(job, records)


def get_record(job: Job) -> Answer:
    """One record by its id."""
    return Answer(job.shape.record(_find(job)))


def search_records(job: Job) -> Answer:
    """The records that fit ``propertyName``, ``operator`` and ``value``, and the words of ``query``."""
    condition = make_filter(
        job.text("propertyName"), job.text("operator"), job.text("value"), job.text("query")
    )
    total = sum(1 for record in job.table.scan() if condition.accepts(record))
    return _page(job, filter(condition.accepts, job.table.scan(_start(job))), total)


def create_record(job: Job) -> Answer:
    """A new record of those parameters that are fields."""
    owners = _references(job)
    record = job.table.create({**_fields(job), **owners})
    return Answer(job.shape.record(record))


def update_record(job: Job) -> Answer:
    """The record named, with the fields given changed."""
    record = job.table.update(_find(job), _fields(job))
    return Answer(job.shape.record(record))


def delete_record(job: Job) -> Answer:
    """The record named, gone."""
    record = _find(job)
    job.table.delete(record)
    return Answer(job.shape.deleted(record))


def _find(job: Job) -> Record:
    record_id = job.text(job.action.id_parameter)
    record = job.table.get(record_id)
    if record is None:
        raise ProblemError("missing", f"Object not found. objectId: {record_id}")
    return record


def _fields(job: Job) -> dict[str, object]:
    names = [p.name for p in job.action.parameters if p.name != job.action.id_parameter]
    return {name: as_text(job.params[name]) for name in names if job.params.get(name) is not None}


def _references(job: Job) -> dict[str, str]:
    """The ids of the records that the parameters refer to, each found by id or by name."""
    ids: dict[str, str] = {}
    for name, object_name in job.action.refers.items():
        wanted = job.text(name)
        if not wanted:
            continue
        table = job.table_of(object_name)
        record = table.get(wanted) or next(
            (each for each in table.scan() if each.fields.get("name") == wanted.lstrip("#")), None
        )
        if record is None:
            raise ProblemError("missing", f"{object_name} has no {wanted}", object_name)
        ids[name] = record.id
    return ids


def _start(job: Job) -> str | None:
    """Where the page begins: past the record named by ``after``, or ``cursor`` as Slack says."""
    start = job.text("after") or job.text("cursor")
    if start and not job.table.is_place(start):
        raise ProblemError("invalid", f"{start} is no place to go on from")
    return start or None


def _page(job: Job, records: Iterable[Record], total: int | None = None) -> Answer:
    limit = int(job.number("limit", PAGE_SIZE, LARGEST_PAGE)) or PAGE_SIZE
    page = list(islice(records, limit + 1))
    after = page[limit - 1].id if len(page) > limit else None
    return Answer(job.shape.page(Page(job.action.object, page[:limit], after, total)))
