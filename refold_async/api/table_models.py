"""What is known of a persistent table, its records and its columns."""

from __future__ import annotations

from typing import Any

import msgspec

from refold_async.api.common import Dated, Environment, Record
from refold_async.api.paging import Page


class Table(Dated, frozen=True, kw_only=True):
    """A table.

    Attributes:
        name: Its name.
        org_id: The organisation's id.
        linked_account_id: The customer whose it is.
        environment: `test` or `production`.
        table_type: `persistent`.
        is_deleted: Whether it was deleted.
        associated_instance: The execution that made it.
        record_count: How many records it holds.
        group: The group that it is filed under.
    """

    name: str | None = None
    org_id: str | None = None
    linked_account_id: str | None = None
    environment: Environment | None = None
    table_type: str | None = None
    is_deleted: bool | None = None
    associated_instance: str | None = None
    record_count: int | None = None
    group: str | None = None


class TableRecords(Page[Record], frozen=True, kw_only=True):
    """A page of a table's records; each has its `record_id`.

    Attributes:
        name: The table's name.
        columns: The names of its columns.
    """

    name: str | None = None
    columns: list[str] | None = None


class CreatedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that was asked for.

    Attributes:
        table_id: Its id.
        already_exists: Whether there was one of that name.
    """

    table_id: str | None = None
    already_exists: bool | None = None


class AddedRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records that were added.

    Attributes:
        add_record_result: The records as they stand in the table, each with its `record_id`.
        transformed_add_data: What was made of what was sent.
    """

    add_record_result: list[Record] | None = None
    transformed_add_data: Any = None


class TableColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a table after a change.

    Attributes:
        columns: Their names.
    """

    columns: list[str] | None = None
