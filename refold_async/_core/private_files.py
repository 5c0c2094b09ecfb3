"""Files that hold customers' data: new ones are readable and writable by their owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Literal, cast


def open_private(path: Path | str, mode: Literal["ab", "wb", "xb"]) -> BinaryIO:
    """Open a file for writing; if it is created, only its owner may read it. An existing one keeps its mode.

    Raises:
        OSError: If it cannot be opened.
    """
    # By the opener: with a chmod afterwards, others could open the file in between.
    opened = open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    return cast("BinaryIO", opened)
