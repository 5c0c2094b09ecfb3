"""The exit codes of the `refold` command, and exiting when stdout is closed or full."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from refold_async.errors import RefoldError


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
    """Return the exit code of a failed call.

    An unknown fate ranks above throttling, and of a write above a refused key: a script must check the app
    before it continues.
    """
    from refold_async import errors  # noqa: PLC0415 - `--help` needs none

    if isinstance(error, errors.SettingsError | errors.InvalidCallError | errors.JournalError):
        return Exit.USAGE
    if error.fate == "unknown" and error.effect == "write":
        return Exit.UNKNOWN
    if error.needs_reconnect or isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError):
        return Exit.AUTH
    if error.fate in {"unknown", "done"}:  # neither may be repeated without a look
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
    """Return the most severe of many exit codes, `OK` if there are none."""
    seen = frozenset(codes)
    return next((code for code in _WORST_FIRST if code in seen), Exit.OK)


def is_throttled(error: RefoldError) -> bool:
    """Whether Refold or the connected app responded with a rate limit."""
    from refold_async.errors import RateLimitedError  # noqa: PLC0415
    from refold_async.results import ActionFailed  # noqa: PLC0415 - keeps `--help` from importing msgspec

    by_app = isinstance(error, ActionFailed) and error.result.http_status == 429
    return by_app or isinstance(error, RateLimitedError)


_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


@contextmanager
def exit_on_broken_stdout() -> Iterator[None]:
    """Exit quietly, with the shells' code for it, if stdout is a closed pipe.

    Raises:
        click.ClickException: If the output cannot be written: the disk is full or fails, or stdout is closed.
    """
    try:
        yield
    except BrokenPipeError:
        discard_stdout()
        raise click.exceptions.Exit(Exit.PIPE) from None
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        discard_stdout()
        raise click.ClickException(f"cannot write the output: {error.strerror}") from None


def discard_stdout() -> None:
    """Redirect stdout to /dev/null."""
    # Whatever is left in its buffer is flushed at exit, and would fail there once more, with a traceback.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def prepare_streams() -> None:
    """Open standard streams that are closed, and let stdout take any text.

    A stdin that was closed is empty, what is written to such a stderr is dropped, and writing to such a
    stdout fails. A character that stdout's encoding does not have is written as an escape.
    """
    # Lowest number first. Left closed, the next file or socket would get the number, and e.g. what a library
    # writes to stderr would end up in a journal.
    while (opened := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a descriptor, open until the process ends
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as that of stderr
