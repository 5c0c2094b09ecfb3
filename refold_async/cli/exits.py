"""The exit codes of the `refold` command, which scripts rely on."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

import click

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


def exit_code_of(error: RefoldError) -> Exit:
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


def worst_exit(codes: Iterable[Exit]) -> Exit:
    """Give the exit code of many calls: that of the one that most needs a person."""
    seen = frozenset(codes)
    return next((code for code in _WORST_FIRST if code in seen), Exit.OK)


def is_throttled(error: RefoldError) -> bool:
    """Whether Refold, or the connected app, answered that it was too much."""
    from refold_async.results import ActionFailed  # noqa: PLC0415 - the help, which knows no error, needs no msgspec

    by_app = isinstance(error, ActionFailed) and error.result.http_status == 429
    return by_app or isinstance(error, RateLimitedError)


_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


@contextmanager
def exit_on_broken_stdout() -> Iterator[None]:
    """End the program quietly, with the code that shells have for it, where nobody reads its output.

    Raises:
        click.ClickException: The output cannot be written: its disk is full, or fails.
    """
    try:
        yield
    except BrokenPipeError:
        discard_stdout()
        raise click.exceptions.Exit(Exit.PIPE) from None
    except OSError as error:
        if error.errno not in _DISK:
            raise
        discard_stdout()
        raise click.ClickException(f"the output cannot be written: {error.strerror}") from None


def discard_stdout() -> None:
    """Send stdout nowhere from now on: what is left in its buffer would fail again at the program's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
