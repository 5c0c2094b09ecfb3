"""Journals of both kinds, for tests that must hold for each."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refold_async import Journal
from refold_async.batch.journal.opened import open_store
from refold_async.batch.journal.store import CallId, JournalStore, JournalWrite, State

Settings = Callable[..., Journal]
"""Returns the setting of the test's journal, with options."""

KINDS = ["sqlite", "postgres"]


@pytest.fixture(params=KINDS)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return the settings of one journal, in a file or a database."""
    path = tmp_path / "job.sqlite" if request.param == "sqlite" else request.getfixturevalue("database")

    def setting(**options: Any) -> Journal:
        return Journal(path, **{"job": "j", **options})

    return setting


def opened(journal: Journal, base_url: str = "http://h") -> JournalStore:
    return open_store(journal, base_url)


def record(
    key: str, state: State = State.BEGUN, call: bytes | None = None, account: str = "a", **more: Any
) -> JournalWrite:
    return JournalWrite(
        CallId(account, f"={key}"),
        account,
        call or key.encode() * 16,
        "hubspot",
        "create_contact",
        "write",
        state,
        **more,
    )


def query(journal: Journal, text: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; the calls of a journal are in the table `calls`."""
    if isinstance(journal.path, Path):
        with contextlib.closing(sqlite3.connect(journal.path)) as db:
            return db.execute(text).fetchall()
    import psycopg

    with psycopg.connect(str(journal.path)) as database:
        return database.execute(text.replace("FROM calls", "FROM refold_calls").encode()).fetchall()
