"""`manifest.json`, which names the files of a folder: what it does not name does not count."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from refold_async._core.private_files import write_file
from refold_async.errors import SettingsError

_NAME: Final = "manifest.json"


class ListedFile(msgspec.Struct):
    """A file, as a manifest names it."""

    name: str
    rows: int


class Manifest(msgspec.Struct):
    """What all manifests say.

    Attributes:
        kind: What wrote the folder: `pull` or `batch`.
        format: The format of the files.
        rows: How many rows they have.
        columns: Their columns with their types.
        files: The files.
    """

    kind: str = "pull"
    format: str = ""
    rows: int = 0
    columns: dict[str, str] = {}
    files: list[ListedFile] = []


def read_manifest(folder: Path, kind: str) -> Manifest | None:
    """Return the manifest of a folder, if it has one.

    Raises:
        SettingsError: If it cannot be read, or is of another kind.
    """
    try:
        read = msgspec.json.decode((folder / _NAME).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise SettingsError(f"{folder / _NAME} cannot be read ({error}): choose another folder") from error
    if read.kind != kind:
        raise SettingsError(f"{folder} has files of a {read.kind}, not of a {kind}: choose another folder")
    return read


def write_manifest(folder: Path, manifest: object) -> None:
    """Write the manifest of a folder.

    Raises:
        OSError: If it cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest))
    write_file(folder / _NAME, text + b"\n")
