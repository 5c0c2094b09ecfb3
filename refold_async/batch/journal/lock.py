"""Who owns a journal: a lock on a file beside it, so that others can read the journal itself meanwhile."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Final

from refold_async.errors import JournalInUseError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


# `is_owned` holds the lock for a moment to find out, which must not make a run fail.
_TRIES: Final = 5
_WAIT: Final = 0.01


class OwnerLock:
    """Holds the lock of a journal; the system releases it when the process ends.

    The file `{journal}-lock` stays when it is released: removing it would let two processes lock two files.

    Args:
        path: The journal.

    Raises:
        JournalInUseError: If another batch or process holds it.
        OSError: If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(lock_path(path), os.O_CREAT | os.O_RDWR, 0o600)
        for left in reversed(range(_TRIES)):
            try:
                _lock(self._descriptor)
            except OSError as error:
                if left:
                    time.sleep(_WAIT)
                    continue
                self.release()
                raise JournalInUseError(
                    f"the journal {path} is in use by another batch or process"
                ) from error
            _held.add(self)
            return

    def release(self) -> None:
        """Release the lock. Idempotent."""
        _held.discard(self)
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_held: Final[set[OwnerLock]] = set()


def _release_in_child() -> None:
    """Close the locks in a process that was forked: it would hold them after its parent was killed."""
    for lock in tuple(_held):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)


def lock_path(path: Path) -> Path:
    """Return the lock file of a journal: one, also if the journal has several names."""
    real = Path(os.path.realpath(path))
    return real.with_name(f"{real.name}-lock")


def is_owned(path: Path) -> bool:
    """Whether a batch or process owns a journal now."""
    if not lock_path(path).exists():
        return False
    try:
        OwnerLock(path).release()
    except JournalInUseError:
        return True
    except OSError:  # another user's: unreadable, so it cannot be told
        return False
    return False


class FileIdentity:
    """Notices that files were deleted or replaced while they are open.

    Args:
        paths: The files, as they are now.
    """

    def __init__(self, *paths: Path) -> None:
        self._known: Final = [(path, _identity(path)) for path in paths]

    def lost(self) -> Path | None:
        """Return the first file that is no longer the same, or `None`."""
        for path, known in self._known:
            with contextlib.suppress(FileNotFoundError):
                if _identity(path) == known:
                    continue
            return path
        return None


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino
