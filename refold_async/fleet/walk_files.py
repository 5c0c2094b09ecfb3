"""Reads the state of walks from another process, as far as the run that has it allows."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Final

from refold_async.batch.journal.sqlite import journal_errors
from refold_async.row_files.manifests import read_manifest

_COMPLETE: Final = "SELECT count(*) FROM walks WHERE point IS NULL"
_FILES: Final = "SELECT name FROM files ORDER BY name"


def complete_walks(path: Path) -> int | None:
    """Return how many walks of a state are complete, or `None` while a run has it.

    Raises:
        JournalError: If it cannot be read.
    """
    rows = _read(path, _COMPLETE)
    return None if rows is None else rows[0][0] if rows else 0


def walk_parts(path: Path, folder: Path) -> list[Path]:
    """Return the files that a state owns, or while a run has it, those that it had at the run's start.

    Raises:
        JournalError: If it cannot be read.
    """
    rows = _read(path, _FILES)
    if rows is not None:
        return [folder / name for (name,) in rows]
    manifest = read_manifest(folder, "pull")
    return [] if manifest is None else [folder / each.name for each in manifest.files]


def _read(path: Path, query: str) -> list[tuple[Any, ...]] | None:
    """Return the rows of a query, none if there are no tables yet, or `None` while a run has the state."""
    url = f"{path.absolute().as_uri()}?mode=ro"
    with journal_errors(path):
        try:
            with contextlib.closing(sqlite3.connect(url, uri=True, timeout=0)) as db:
                (objects,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                return db.execute(query).fetchall() if objects else []
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                return None
            raise
