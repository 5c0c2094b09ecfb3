"""Documents: the JSON objects that resources store, with the ids and dates that the service sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from refold_async.sandbox.apps.values import object_id, timestamp
from refold_async.sandbox.responses import Refused, SandboxResponse, envelope
from refold_async.sandbox.state import Organisation

Document = dict[str, object]

NOT_FOUND = envelope(404, "Not found", code="RESOURCE_NOT_FOUND")


def now() -> str:
    """Return the current time as the API writes it."""
    return timestamp(datetime.now(UTC))


def given(fields: Mapping[str, object], names: Iterable[str]) -> Document:
    """Return the named fields that are present."""
    return {name: fields[name] for name in names if name in fields}


def without(document: Document, *names: str) -> Document:
    """Return the document without some fields."""
    return {name: value for name, value in document.items() if name not in names}


class IdSequence:
    """The ids that an organisation issues, the same in every run for the same seed and order."""

    def __init__(self, organisation: Organisation) -> None:
        self._seed = organisation.seed
        self._given = 0

    def next(self) -> str:
        """Return an unused id."""
        self._given += 1
        return object_id(self._seed, "given", self._given)


class DocumentStore:
    """The documents of one kind by id, oldest first.

    Args:
        organisation: Whose ids they take.
        missing: The refusal of an id that is not there, or no longer.
    """

    def __init__(self, organisation: Organisation, missing: SandboxResponse = NOT_FOUND) -> None:
        self._ids = organisation.own(IdSequence)
        self._missing = missing
        self._documents: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        # A copy, so that callers may add and remove documents while they iterate.
        return iter(tuple(self._documents.values()))

    def __len__(self) -> int:
        return len(self._documents)

    def add(self, fields: Mapping[str, object], document_id: str | None = None) -> Document:
        """Add a document with these fields, an id and its dates."""
        moment = now()
        document_id = document_id or self._ids.next()
        document = {"_id": document_id, **fields, "createdAt": moment, "updatedAt": moment}
        self._documents[document_id] = document
        return document

    def get(self, document_id: str) -> Document:
        """Return the document with this id; refuses an unknown one."""
        document = self._documents.get(document_id)
        if document is None:
            raise Refused(self._missing)
        return document

    def update(self, document_id: str, fields: Mapping[str, object]) -> Document:
        """Update fields of a document."""
        document = self.get(document_id)
        document.update(fields, updatedAt=now())
        return document

    def remove(self, document_id: str) -> Document:
        """Remove a document and return it."""
        document = self.get(document_id)
        del self._documents[document_id]
        return document

    def remove_where(self, **fields: object) -> int:
        """Remove all documents with these fields and return how many there were."""
        gone = [each for each in self if given(each, fields) == fields]
        for document in gone:
            del self._documents[str(document["_id"])]
        return len(gone)

    def set_group(self, documents: Iterable[Document], group: object) -> None:
        """Set the group of documents, or clear it if `group` is empty."""
        for document in documents:
            document.pop("group", None)
            document.update({"group": group} if group else {}, updatedAt=now())
