"""Empty databases for tests of journals: one PostgreSQL for the session, a schema of it for each test."""

import itertools
import os
from collections.abc import Iterator

import pytest

from . import missing, postgres
from .server import Server

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Run a PostgreSQL; tests must not end it."""
    reason = missing("postgres")
    if reason is not None and os.environ.get("REFOLD_SERVICES") != "required":
        pytest.skip(reason)
    with postgres("fsync=off") as server:  # quick, and it survives a kill of the server still
        yield server


@pytest.fixture
def database(postgres_server: Server) -> str:
    """Return the URL of an empty schema."""
    import psycopg

    schema = f"test_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server.url) as db:
        db.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{postgres_server.url}?options=-csearch_path%3D{schema}"
