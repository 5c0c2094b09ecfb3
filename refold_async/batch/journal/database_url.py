"""URLs of databases that hold journals: which they are, and that they contain no password."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import parse_qs, urlsplit

from refold_async.errors import SettingsError

_SCHEMES: Final = ("postgresql://", "postgres://")


def is_database(path: object) -> bool:
    """Whether a journal's path is the URL of a database."""
    return isinstance(path, str) and path.startswith(_SCHEMES)


def check_database(url: str) -> None:
    """Check that a database can be used as a journal.

    Raises:
        SettingsError: If the URL is invalid or contains a password, or the extra is missing.
    """
    # Nothing of the URL is shown: what it contains may be a password.
    try:
        parts = urlsplit(url)
        secret = parts.password or {"password", "sslpassword"} & parse_qs(parts.query).keys()
    except ValueError:
        raise SettingsError("journal: the URL of the database cannot be parsed") from None
    if parts.fragment:
        raise SettingsError("journal: the URL of the database contains a '#'; pass the job as job=")
    if secret:
        # Settings are pickled, shown and logged: a password that is not in them cannot leak.
        raise SettingsError(
            "journal: the URL contains a password; remove it, and set PGPASSWORD or PGPASSFILE on each worker"
        )
    check_driver()


def check_driver() -> None:
    """Check that a database can be talked to.

    Raises:
        SettingsError: If the extra is missing.
    """
    if find_spec("psycopg") is None:
        raise SettingsError("a PostgreSQL journal needs psycopg: pip install 'refold-async[postgres]'")
