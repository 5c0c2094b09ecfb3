"""The exit codes of the `refold` command, which scripts rely on."""

from __future__ import annotations

from enum import IntEnum

from refold_async.errors import (
    ActionFailed,
    AuthenticationError,
    InvalidCallError,
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


def exit_of(error: RefoldError) -> Exit:
    """Give the exit code of a call that failed.

    An unknown fate comes before being throttled: a script must look before it goes on.
    """
    if isinstance(error, SettingsError | InvalidCallError):
        return Exit.USAGE
    if error.needs_reconnect or isinstance(error, AuthenticationError | PermissionDeniedError):
        return Exit.AUTH
    if error.fate == "unknown":
        return Exit.UNKNOWN
    if is_throttled(error):
        return Exit.THROTTLED
    return Exit.NOT_SENT if error.fate == "not_sent" else Exit.REFUSED


def is_throttled(error: RefoldError) -> bool:
    """Whether Refold, or the connected app, answered that it was too much."""
    by_app = isinstance(error, ActionFailed) and error.result.http_status == 429
    return by_app or isinstance(error, RateLimitedError)
