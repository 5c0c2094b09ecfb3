"""The formats of apps' answers: records, pages and errors in each app's native JSON.

A shape also converts the body of a raw `httprequest` into plain parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from refold_async.sandbox.apps.records import StoredRecord

ProblemKind = Literal["missing", "invalid", "throttled", "no_endpoint"]

STATUSES: Mapping[ProblemKind, int] = {"missing": 404, "invalid": 400, "throttled": 429, "no_endpoint": 404}


class ResponsePage(NamedTuple):
    """Records of one type; `after` is the next page's start, `total` the count of a search."""

    object_name: str
    records: Sequence[StoredRecord]
    after: str | None
    total: int | None


class AppProblem(NamedTuple):
    """A refusal by an app: the kind of problem, the reason and the object type concerned."""

    kind: ProblemKind
    message: str
    object_name: str


class AppShape(Protocol):
    """The format of one app's answers."""

    def record(self, record: StoredRecord) -> object:
        """Return one record."""

    def page(self, page: ResponsePage) -> object:
        """Return a page of records."""

    def deleted(self, record: StoredRecord) -> object:
        """Return the answer to the deletion of a record."""

    def error(self, problem: AppProblem) -> tuple[int, object]:
        """Return the app's HTTP status and body for a refusal."""
        ...

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return the parameters in the body of a raw request."""
        ...


class PlainShape:
    """A generic REST format."""

    def record(self, record: StoredRecord) -> object:
        """Return the fields beside the id and the dates."""
        return {
            "id": record.id,
            **record.fields,
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
        }

    def page(self, page: ResponsePage) -> object:
        """Return `records`, `next`, and the `total` of a search."""
        answer = {"records": [self.record(record) for record in page.records], "next": page.after}
        return answer if page.total is None else {"total": page.total, **answer}

    def deleted(self, record: StoredRecord) -> object:
        """Return the deleted id."""
        return {"id": record.id, "deleted": True}

    def error(self, problem: AppProblem) -> tuple[int, object]:
        """Return a code and a message."""
        return STATUSES[problem.kind], {"code": problem.kind.upper(), "message": problem.message}

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return the body itself."""
        return dict(body)


class HubSpotShape:
    """HubSpot's CRM objects API, version 3."""

    CATEGORIES: Mapping[ProblemKind, str] = {
        "missing": "OBJECT_NOT_FOUND",
        "invalid": "VALIDATION_ERROR",
        "throttled": "RATE_LIMITS",
        "no_endpoint": "NOT_FOUND",
    }

    def record(self, record: StoredRecord) -> object:
        """Return the fields under `properties`, all values as strings."""
        return {
            "id": record.id,
            "properties": {**record.fields, "createdate": record.created_at},
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
            "archived": False,
        }

    def page(self, page: ResponsePage) -> object:
        """Return `results` and `paging`, which is empty on the last page."""
        after = page.after
        paging = {} if after is None else {"next": {"after": after, "link": f"?after={after}"}}
        answer = {"results": [self.record(record) for record in page.records], "paging": paging}
        return answer if page.total is None else {"total": page.total, **answer}

    def deleted(self, record: StoredRecord) -> object:  # noqa: ARG002 - HubSpot answers 204 without a body
        """Return an empty object."""
        return {}

    def error(self, problem: AppProblem) -> tuple[int, object]:
        """Return HubSpot's error body, with its category."""
        body = {
            "status": "error",
            "message": problem.message,
            "category": self.CATEGORIES[problem.kind],
        }
        if problem.kind == "throttled":
            body |= {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        return STATUSES[problem.kind], body

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return `properties`, and the first filter of a search, merged into the rest of the body."""
        parameters = dict(body)
        for nested in (
            parameters.pop("properties", None),
            _first_filter(parameters.pop("filterGroups", None)),
        ):
            if isinstance(nested, Mapping):
                parameters |= nested
        return parameters


class SlackShape:
    """Slack's web API: 200 with `ok` false for every error but throttling."""

    WORDS: Mapping[ProblemKind, str] = {
        "invalid": "invalid_arguments",
        "throttled": "ratelimited",
        "no_endpoint": "unknown_method",
    }

    def record(self, record: StoredRecord) -> object:
        """Return a message with its channel and `ts`, any other record under its own name."""
        item = self._item(record)
        if record.object_name != "messages":
            return {"ok": True, record.object_name.removesuffix("s"): item}
        return {"ok": True, "channel": record.fields.get("channel"), "ts": record.id, "message": item}

    def page(self, page: ResponsePage) -> object:
        """Return the items under their own name, and Slack's cursor."""
        name = "members" if page.object_name == "users" else page.object_name
        items = [self._item(record) for record in page.records]
        return {"ok": True, name: items, "response_metadata": {"next_cursor": page.after or ""}}

    def deleted(self, record: StoredRecord) -> object:
        """Return the channel and the deleted `ts`."""
        return {"ok": True, "channel": record.fields.get("channel"), "ts": record.id}

    def error(self, problem: AppProblem) -> tuple[int, object]:
        """Return a single word in `error`."""
        word = self.WORDS.get(problem.kind, f"{problem.object_name.removesuffix('s')}_not_found")
        return (429 if problem.kind == "throttled" else 200), {"ok": False, "error": word}

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """Return the body itself."""
        return dict(body)

    def _item(self, record: StoredRecord) -> object:
        name = "ts" if record.object_name == "messages" else "id"
        return {name: record.id, **record.fields}


SHAPES: Mapping[str, AppShape] = {"plain": PlainShape(), "hubspot": HubSpotShape(), "slack": SlackShape()}


def _first_filter(groups: object) -> object:
    match groups:
        case [{"filters": [first, *_]}, *_]:
            return first
        case _:
            return None
