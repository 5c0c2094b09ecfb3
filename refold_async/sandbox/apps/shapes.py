"""How each app dresses its answers: records, pages and errors in the app's native JSON.

A shape also undresses the body of a raw ``httprequest`` into plain parameters.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from refold_async.sandbox.apps.records import Record

Problem = Literal["missing", "invalid", "throttled", "no_endpoint"]

STATUSES: Mapping[Problem, int] = {"missing": 404, "invalid": 400, "throttled": 429, "no_endpoint": 404}


class Shape(Protocol):
    """One app's way to answer."""

    def record(self, record: Record, object_name: str) -> object:
        """One record."""

    def page(
        self, records: Sequence[Record], object_name: str, after: str | None, total: int | None
    ) -> object:
        """A page of records; ``after`` is where the next begins, ``total`` is known after a search."""

    def deleted(self, record: Record) -> object:
        """The answer to a deletion."""

    def error(self, problem: Problem, message: str, object_name: str) -> tuple[int, object]:
        """The app's HTTP status and body for a problem."""

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """The parameters in the body of a raw request."""


class Plain:
    """An app of no particular manners."""

    def record(self, record: Record, object_name: str) -> object:
        """The fields beside the id and the dates."""
        return {
            "id": record.id,
            **record.fields,
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
        }

    def page(
        self, records: Sequence[Record], object_name: str, after: str | None, total: int | None
    ) -> object:
        """``records``, and ``next`` where there are more."""
        page = {"records": [self.record(record, object_name) for record in records], "next": after}
        return page if total is None else {"total": total, **page}

    def deleted(self, record: Record) -> object:
        """The id that is gone."""
        return {"id": record.id, "deleted": True}

    def error(self, problem: Problem, message: str, object_name: str) -> tuple[int, object]:
        """A code and a message."""
        return STATUSES[problem], {"code": problem.upper(), "message": message}

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """The body itself."""
        return dict(body)


class HubSpot:
    """HubSpot's CRM objects API, version 3."""

    CATEGORIES: Mapping[Problem, str] = {
        "missing": "OBJECT_NOT_FOUND",
        "invalid": "VALIDATION_ERROR",
        "throttled": "RATE_LIMITS",
        "no_endpoint": "NOT_FOUND",
    }

    def record(self, record: Record, object_name: str) -> object:
        """Fields under ``properties``, all values as strings."""
        return {
            "id": record.id,
            "properties": {**record.fields, "createdate": record.created_at},
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
            "archived": False,
        }

    def page(
        self, records: Sequence[Record], object_name: str, after: str | None, total: int | None
    ) -> object:
        """``results`` and ``paging``, which is empty on the last page."""
        paging = {"next": {"after": after, "link": f"?after={after}"}} if after is not None else {}
        page = {"results": [self.record(record, object_name) for record in records], "paging": paging}
        return page if total is None else {"total": total, **page}

    def deleted(self, record: Record) -> object:
        """Nothing: HubSpot answers 204."""
        return {}

    def error(self, problem: Problem, message: str, object_name: str) -> tuple[int, object]:
        """HubSpot's error body, with its category."""
        body = {"status": "error", "message": message, "category": self.CATEGORIES[problem]}
        if problem == "throttled":
            body |= {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        return STATUSES[problem], body

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """``properties``, and the first filter of a search, beside the rest of the body."""
        parameters = dict(body)
        for nested in (
            parameters.pop("properties", None),
            _first_filter(parameters.pop("filterGroups", None)),
        ):
            if isinstance(nested, Mapping):
                parameters |= nested
        return parameters


class Slack:
    """Slack's web API: 200 with ``ok`` false for an error, throttling aside."""

    def record(self, record: Record, object_name: str) -> object:
        """A message by its ``ts``, anything else by its ``id``."""
        if object_name == "messages":
            message = {"type": "message", "ts": record.id, **record.fields}
            return {"ok": True, "channel": record.fields.get("channel"), "ts": record.id, "message": message}
        return {"ok": True, object_name.removesuffix("s"): self._item(record, object_name)}

    def page(
        self, records: Sequence[Record], object_name: str, after: str | None, total: int | None
    ) -> object:
        """The items under their own name, and Slack's cursor."""
        name = "members" if object_name == "users" else object_name
        items = [self._item(record, object_name) for record in records]
        return {"ok": True, name: items, "response_metadata": {"next_cursor": after or ""}}

    def deleted(self, record: Record) -> object:
        """The channel and the ``ts`` that is gone."""
        return {"ok": True, "channel": record.fields.get("channel"), "ts": record.id}

    def error(self, problem: Problem, message: str, object_name: str) -> tuple[int, object]:
        """One word in ``error``."""
        words: Mapping[Problem, str] = {
            "missing": f"{object_name.removesuffix('s')}_not_found",
            "invalid": "invalid_arguments",
            "throttled": "ratelimited",
            "no_endpoint": "unknown_method",
        }
        return (429 if problem == "throttled" else 200), {"ok": False, "error": words[problem]}

    def parameters(self, body: Mapping[str, object]) -> dict[str, object]:
        """The body itself."""
        return dict(body)

    def _item(self, record: Record, object_name: str) -> object:
        name = "ts" if object_name == "messages" else "id"
        return {name: record.id, **record.fields}


SHAPES: Mapping[str, Shape] = {"plain": Plain(), "hubspot": HubSpot(), "slack": Slack()}


def _first_filter(groups: object) -> object:
    match groups:
        case [{"filters": [first, *_]}, *_]:
            return first
        case _:
            return None
