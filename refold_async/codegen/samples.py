"""Samples of results, from recordings and from files of JSON."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec

_EXECUTE: Final = re.compile(r"/api/v2/integration-schema/([^/?]+)/actions/([^/?]+)/execute(?:\?|$)")


class _Asked(msgspec.Struct):
    target: str


class _Answered(msgspec.Struct):
    body: str


class _SampledExchange(msgspec.Struct):
    """A request and its response as `refold_async.testing.recording` saves them."""

    asked: _Asked
    answered: _Answered


def read_samples(path: Path, slug: str) -> Iterator[tuple[str, Any]]:
    """Yield action ids with the data of their results, from a file, or from all `*.json` below a folder.

    A file is a recording of `refold_async.testing`, or one result: its `data`, or the whole response, in a
    file named for the action, e.g. `get_contact.json` or `get_contact.2.json`.

    Args:
        path: The file or the folder.
        slug: The app's slug; results of other apps in a recording are skipped.

    Raises:
        OSError: If a file cannot be read.
        msgspec.MsgspecError: If a file is not JSON.
    """
    for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
        yield from _samples_of(file, slug)


def _samples_of(file: Path, slug: str) -> Iterator[tuple[str, Any]]:
    text = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        exchanges = msgspec.json.decode(text, type=list[_SampledExchange])
    except msgspec.ValidationError:
        exchanges = []
    if not exchanges:
        yield from _data_of(re.sub(r"\.\d+$", "", file.stem), msgspec.json.decode(text))
    for each in exchanges:
        found = _EXECUTE.search(each.asked.target)
        if found is not None and unquote(found[1]) == slug:
            yield from _data_of(unquote(found[2]), _json_of(each.answered.body))


def _json_of(body: str) -> Any:
    """Return a recorded body; a service that failed may have sent anything."""
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return {"node_status": "unreadable"}


def _data_of(action_id: str, result: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(result, dict) or "node_status" not in result:
        yield action_id, result
    elif result["node_status"] == "Success":
        yield action_id, result.get("data")
