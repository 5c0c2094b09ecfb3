"""The answers to tool calls: within a size, whole records only, and without the host's secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from refold_async._core.encoding import dump
from refold_async._core.lenient_json import loads
from refold_async._core.operation import Effect
from refold_async._core.responses import redact
from refold_async.api.workflow_models import WorkflowFailed
from refold_async.calls import Verdict
from refold_async.errors import (
    AuthenticationError,
    ClosedError,
    Fate,
    InvalidCallError,
    RefoldError,
    RefusedError,
    SettingsError,
    StatusError,
)
from refold_async.results import ActionFailed

_ROOM: Final = 300
"""Bytes of an answer besides its data: the fields' names and the note on what was left out."""

_SHORTEST_HIDDEN: Final = 4
"""In an app's data, shorter account ids are left: hiding `1` would damage everything else."""

_STRINGS: Final = (2000, 300, 60)

UNKNOWN: Final = (
    "it is unknown whether this was done. Do not repeat it: this tool is closed until that is known. "
    "Tell the user"
)

_FINAL: Final = (AuthenticationError, ClosedError, SettingsError)
"""What no repetition by the model can change."""

_SAYS_WHY: Final = (StatusError, ActionFailed, RefusedError, WorkflowFailed, InvalidCallError)
"""Errors whose message comes from the service or the app, and may say what the model has to change."""


class ToolAnswer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The outcome of a tool call: `to_json()` is for the model, everything else for the host.

    Attributes:
        ok: Whether it was done.
        error: What went wrong, and what to do about it.
        fate: What became of a call that failed; `not_sent` if it was refused here.
        retry: Whether calling again may succeed, and cannot do anything twice.
        problems: What is wrong with the arguments.
        truncated: What was left out of the data to keep within `max_bytes`.
        exception: The SDK's error, which the model is not shown.
        verdict: Why the action is closed, if it is: what is known of an earlier call.
        json: The answer as JSON, as `to_json` returns it.
    """

    ok: bool
    error: str | None = None
    fate: Fate | None = None
    retry: bool = False
    problems: tuple[str, ...] = ()
    truncated: str | None = None
    exception: RefoldError | None = None
    verdict: Verdict | None = None
    json: bytes = b""

    def to_json(self) -> str:
        """Return what the model gets: valid JSON, at most `max_bytes` bytes of UTF-8."""
        return self.json.decode()

    @property
    def data(self) -> Any:
        """The data that the model gets."""
        return loads(self.json).get("data")

    @property
    def needs_reconnect(self) -> bool:
        """Whether the customer must connect its app again; `Tools.reconnect_link` returns the page."""
        return self.exception is not None and self.exception.needs_reconnect


def done(raw: bytes, hidden: Hidden, max_bytes: int, note: str | None = None) -> ToolAnswer:
    """Return the answer of a call that was done, from its data's JSON."""
    raw, truncated = _fitting(raw, hidden, max_bytes - _ROOM)
    notes = {"note": note, "truncated": truncated}
    told = {name: text for name, text in notes.items() if text is not None}
    return ToolAnswer(ok=True, truncated=truncated, json=dump({"ok": True, "data": msgspec.Raw(raw), **told}))


def failed(
    error: str,
    max_bytes: int,
    *,
    fate: Fate = "not_sent",
    retry: bool = False,
    problems: Iterable[str] = (),
    exception: RefoldError | None = None,
    verdict: Verdict | None = None,
    record: bytes | None = None,
) -> ToolAnswer:
    """Return the answer of a call that was not done, or may not have been."""
    told: dict[str, Any] = {"ok": False, "error": error, "fate": fate, "retry": retry}
    listed = list(problems)
    if listed:
        told["problems"] = listed
    if record is not None:
        told["data"] = msgspec.Raw(record)
    json = dump(told)
    while len(json) > max_bytes:
        _shorten(told)
        json = dump(told)
    return ToolAnswer(
        ok=False,
        error=told["error"],
        fate=fate,
        retry=retry,
        problems=tuple(told.get("problems", ())),
        exception=exception,
        verdict=verdict,
        json=json,
    )


def of_error(error: RefoldError, effect: Effect, hidden: Hidden, max_bytes: int) -> ToolAnswer:
    """Return the answer of a call that raised an error."""
    if error.fate == "done":
        return done(b"null", hidden, max_bytes, "this was done, but its result cannot be read")
    if error.fate == "unknown" and effect == "write":
        return failed(UNKNOWN, max_bytes, fate="unknown", exception=error)
    text = hidden.out_of(_words(error), error.request_id, error.linked_account_id)
    retry = not isinstance(error, _FINAL) and not error.needs_reconnect
    return failed(text, max_bytes, fate=error.fate, retry=retry, exception=error)


def _words(error: RefoldError) -> str:
    if error.needs_reconnect:
        return "the user must connect the app again before this can work. Tell them, and do not repeat it"
    if isinstance(error, _FINAL):
        return "the tools cannot be used at the moment. Do not repeat it"
    return error.message if isinstance(error, _SAYS_WHY) else "the service could not be reached in time"


def _shorten(told: dict[str, Any]) -> None:
    """Leave out what an answer needs least."""
    if told.pop("data", None) is not None:
        return
    if problems := told.get("problems"):
        told["problems"] = [f"{each[:200]}…" if len(each) > 200 else each for each in problems[:-1]]
    else:
        told["error"] = f"{told['error'][: len(told['error']) // 2]}…"


class Hidden(msgspec.Struct, frozen=True):
    """What no model is shown: the account's id, the host's name, the key.

    Attributes:
        secret: The key or token.
        names: Whole words to hide, e.g. the account id.
    """

    secret: str = ""
    names: tuple[str, ...] = ()

    def out_of(self, text: str, *extra: str | None) -> str:
        """Return a string without them."""
        names = (*self.names, *(each for each in extra if each))
        return _cleaned(text, self.secret, _pattern(names))

    def out_of_data(self, raw: bytes) -> bytes:
        """Return JSON whose strings do not hold them; untouched if it holds none."""
        names = tuple(name for name in self.names if len(name) >= _SHORTEST_HIDDEN)
        sought = [each for each in (self.secret, *names) if each]
        # An escape may spell any of them.
        if b"\\" not in raw and not any(each.encode(errors="replace") in raw for each in sought):
            return raw
        pattern = _pattern(names)
        return dump(_mapped(loads(raw), lambda text: _cleaned(text, self.secret, pattern)))


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None


def _cleaned(text: str, secret: str, pattern: re.Pattern[str] | None) -> str:
    text = redact(text, secret)
    return pattern.sub("***", text) if pattern else text


def _mapped(value: Any, change: Any) -> Any:
    """Return JSON data with each string changed, names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    if isinstance(value, dict):
        return {change(name): _mapped(each, change) for name, each in value.items()}
    return value


def _fitting(raw: bytes, hidden: Hidden, limit: int) -> tuple[bytes, str | None]:
    """Return data within a size, and what was left out of it."""
    try:
        raw = hidden.out_of_data(raw)
        if len(raw) <= limit:
            raw.decode()
            return raw, None
        return _trimmed(loads(raw), limit)
    except (ValueError, RecursionError):
        return b"null", "the data cannot be shown: it is not plain JSON"


def _trimmed(data: Any, limit: int) -> tuple[bytes, str | None]:
    total = {path: len(items) for path, items in _lists(data)}
    for least in (1, 0):
        for _ in range(len(total)):
            encoded = dump(data)
            if len(encoded) <= limit or not _cut_longest(data, len(encoded) - limit, least):
                break
        for length in _STRINGS:
            if len(dump(data)) > limit:
                data = _mapped(data, lambda text, most=length: _cut(text, most))
    encoded = dump(data)
    if len(encoded) > limit:
        return b"null", f"{len(encoded)} bytes of data are too many to show: ask for less"
    left = {path: len(items) for path, items in _lists(data)}
    parts = [
        f"{path or 'data'}: {left.get(path, 0)} of {count} shown"
        for path, count in total.items()
        if left.get(path, 0) < count
    ]
    return encoded, "; ".join(parts)[: _ROOM // 3] or "long texts were cut"


def _lists(data: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists in nested objects with their paths; not those within records."""
    if isinstance(data, list):
        yield path, data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _lists(value, f"{path}.{name}" if path else name)


def _cut_longest(data: Any, excess: int, least: int) -> bool:
    """Drop whole records from the end of the longest list; return whether any was dropped."""
    lists = [items for _, items in _lists(data) if len(items) > least]
    if not lists:
        return False
    longest = max(lists, key=lambda items: len(dump(items)))
    while len(longest) > least and excess > 0:
        excess -= len(dump(longest.pop())) + 1
    return True


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
