"""The file that says to which job a folder belongs."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import msgspec

from refold_async._core.private_files import sync_folder, write_file


class JobFile(msgspec.Struct, frozen=True):
    """What the runs of a job must agree on: the content of `job.json`.

    Attributes:
        name: The name of the job.
        shards: Its number of shards.
        id: What tells its journal from a later one of the same name.
    """

    name: str
    shards: int
    id: str


def claim_folder(folder: Path, job: JobFile) -> JobFile:
    """Create a folder with a job's file, unless it has one; return the one that it has then.

    Raises:
        OSError: If it cannot be created or read.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "job.json"
    if not file.exists():
        aside = folder / f".job.{uuid4().hex}"
        write_file(aside, msgspec.json.encode(job))
        try:
            os.link(aside, file)  # unlike a rename, it never replaces what another worker wrote
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        sync_folder(folder)
    return msgspec.json.decode(file.read_bytes(), type=JobFile)
