"""The files that reports are written to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from refold_async._core.private_files import open_private
from refold_async.batch.figures import RunFigures
from refold_async.errors import SettingsError
from refold_async.reports.page import as_html


def as_json(run: RunFigures) -> bytes:
    """Return figures as indented JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(run)
    fields["summary"]["reconnect"] = [each._asdict() for each in run.summary.reconnect]
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def form_of(path: str | os.PathLike[str]) -> Callable[[RunFigures], bytes]:
    """Return what turns figures into a file, by its suffix.

    Raises:
        SettingsError: If the suffix is not one of a report.
    """
    forms = {".html": as_html, ".json": as_json}
    suffix = Path(path).suffix.lower()
    if suffix not in forms:
        raise SettingsError(f"a report ends in .html or .json, not {os.fspath(path)!r}")
    return forms[suffix]


def write(path: str | os.PathLike[str], report: bytes) -> None:
    """Write a report, readable by its owner alone, as a whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    target = Path(path)
    # Renamed, so that a report which replaces one is never half of it, and has this mode whatever that had.
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open_private(part, "wb") as file:
            file.write(report)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
