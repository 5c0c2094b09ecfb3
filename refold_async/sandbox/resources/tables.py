"""Persistent tables: named columns and the records in them, for one linked account."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.resources.documents import Document, Documents, Ids
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.state import Account

MOST_COLUMNS = 20
MOST_RECORDS = 10_000


class Table:
    """One table; a deleted one is kept, and found no more."""

    def __init__(self, document: Document, columns: Sequence[str], ids: Ids) -> None:
        self.document = document
        self.columns: list[str] = []
        self.records: dict[str, Document] = {}
        self._ids = ids
        self.add_columns(columns)

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.document["name"])

    def summary(self) -> Document:
        """The table as lists show it."""
        return {**self.document, "record_count": len(self.records)}

    def add(self, rows: Sequence[Mapping[str, object]]) -> list[Document]:
        """Keep rows as records; what stands in no column of the table is left out."""
        if len(self.records) + len(rows) > MOST_RECORDS:
            raise refused(400, f"A table cannot have more than {MOST_RECORDS} records")
        added = [{"record_id": self._record_id(), **self._strip(row)} for row in rows]
        self.records |= {str(record["record_id"]): record for record in added}
        return added

    def remove(self, record_id: str) -> Document:
        """Let one record go, and give it; refuses an unknown one."""
        record = self.records.pop(record_id, None)
        if record is None:
            raise refused(404, "Record not found")
        return record

    def add_columns(self, columns: Sequence[str]) -> None:
        """Add columns, all or none."""
        if len({*self.columns, *columns}) < len(self.columns) + len(columns):
            raise refused(400, "Duplicate columns are not allowed")
        if len(self.columns) + len(columns) > MOST_COLUMNS:
            raise refused(400, f"A table cannot have more than {MOST_COLUMNS} columns")
        self.columns += columns

    def remove_columns(self, columns: Sequence[str]) -> None:
        """Remove columns with what stands in them, all or none; one column at least stays."""
        self._check_known(columns)
        if not set(self.columns) - set(columns):
            raise refused(400, "A table must keep at least one column")
        self.columns = [column for column in self.columns if column not in columns]
        for record in self.records.values():
            for column in columns:
                record.pop(column, None)

    def rename_columns(self, names: Mapping[str, str]) -> None:
        """Rename columns, in the table and in each record, all at one time: A to B and B to C go together."""
        self._check_known(names)
        renamed = [names.get(column, column) for column in self.columns]
        if len(set(renamed)) < len(renamed):
            raise refused(400, "Duplicate columns are not allowed")
        self.columns = renamed
        self.records = {
            record_id: {names.get(name, name): value for name, value in record.items()}
            for record_id, record in self.records.items()
        }

    def _check_known(self, columns: Sequence[str] | Mapping[str, str]) -> None:
        unknown = [column for column in columns if column not in self.columns]
        if unknown:
            raise refused(400, f"Columns not found: {', '.join(unknown)}")

    def _strip(self, row: Mapping[str, object]) -> Document:
        return {column: row[column] for column in self.columns if column in row}

    def _record_id(self) -> str:
        return str(UUID(hex=object_id(self._ids.next()) + self._ids.next()[:8]))


class Tables:
    """The tables of one linked account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ids = account.organisation.own(Ids)
        self._documents = Documents(account.organisation)
        self._tables: dict[str, Table] = {}

    def all(self) -> list[Table]:
        """Every table that was not deleted, oldest first."""
        return [table for table in self._tables.values() if not table.document["is_deleted"]]

    def get(self, table_id: str) -> Table:
        """The table with this id; refuses an unknown and a deleted one."""
        table = self._tables.get(table_id)
        if table is None or table.document["is_deleted"]:
            raise refused(404, "Table not found")
        return table

    def create(self, name: str, columns: Sequence[str]) -> Table:
        """A table of a name that is not taken."""
        organisation = self._account.organisation
        document: Document = {
            "org_id": organisation.id,
            "linked_account_id": self._account.account_id,
            "name": name,
            "environment": organisation.environment,
            "table_type": "persistent",
            "is_deleted": False,
        }
        table = Table(document, columns, self._ids)
        table.document = self._documents.add(document)
        self._tables[str(table.document["_id"])] = table
        return table

    def set_group(self, tables: Sequence[Table], group: str) -> None:
        """Put tables into a group, or out of theirs."""
        self._documents.set_group([table.document for table in tables], group)
