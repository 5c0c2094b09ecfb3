"""The exit codes of the `refold` command, which scripts rely on."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from refold_async.errors import (
    AuthenticationError,
    InvalidCallError,
    JournalError,
    PermissionDeniedError,
    RateLimitedError,
    RefoldError,
    SettingsError,
)


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    AUTH = 3
    THROTTLED = 4
    NOT_SENT = 5
    UNKNOWN = 6
    INTERRUPTED = 130
    PIPE = 141


def exit_of(error: RefoldError) -> Exit:
    """Give the exit code of a call that failed.

    An unknown fate comes before being throttled: a script must look before it goes on.
    """
    if isinstance(error, SettingsError | InvalidCallError | JournalError):
        return Exit.USAGE
    if error.needs_reconnect or isinstance(error, AuthenticationError | PermissionDeniedError):
        return Exit.AUTH
    if error.fate == "unknown":
        return Exit.UNKNOWN
    if is_throttled(error):
        return Exit.THROTTLED
    return Exit.NOT_SENT if error.fate == "not_sent" else Exit.REFUSED


_WORST_FIRST: Final = (
    Exit.UNKNOWN,
    Exit.AUTH,
    Exit.THROTTLED,
    Exit.NOT_SENT,
    Exit.PIPE,
    Exit.REFUSED,
    Exit.USAGE,
)


def worst(codes: Iterable[Exit]) -> Exit:
    """Give the exit code of many calls: that of the one that most needs a person."""
    seen = frozenset(codes)
    return next((code for code in _WORST_FIRST if code in seen), Exit.OK)


def is_throttled(error: RefoldError) -> bool:
    """Whether Refold, or the connected app, answered that it was too much."""
    from refold_async.results import ActionFailed  # noqa: PLC0415 - the help, which knows no error, needs no msgspec

    by_app = isinstance(error, ActionFailed) and error.result.http_status == 429
    return by_app or isinstance(error, RateLimitedError)
