"""An output that takes no more: a reader that has seen enough (`refold … | head -1`), or a full disk."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from refold_async.cli.exits import Exit

_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


@contextmanager
def quiet_without_reader() -> Iterator[None]:
    """End the program quietly, with the code that shells have for it, where nobody reads its output.

    Raises:
        click.ClickException: The output cannot be written: its disk is full, or fails.
    """
    try:
        yield
    except BrokenPipeError:
        forget_stdout()
        raise click.exceptions.Exit(Exit.PIPE) from None
    except OSError as error:
        if error.errno not in _DISK:
            raise
        forget_stdout()
        raise click.ClickException(f"the output cannot be written: {error.strerror}") from None


def forget_stdout() -> None:
    """Send stdout nowhere from now on: what is left in its buffer would fail again at the program's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
