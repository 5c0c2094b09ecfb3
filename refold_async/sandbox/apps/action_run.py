"""One action about to run, and how its parameters are read.

Parameters are usually strings (`{"limit": "1"}`), but a client may send JSON values; the methods here
accept both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import msgspec

from refold_async.sandbox.apps.model import App, AppAction
from refold_async.sandbox.apps.records import RecordTable
from refold_async.sandbox.apps.shapes import SHAPES, AppShape, ProblemKind

PagingFault = Literal["stuck", "cyclic", "late", "empty", "capped", "double", "dead_cursor", "lying_total"]
"""What a page does wrong.

- `stuck`: it is the first page again, and says that there is more.
- `cyclic`: it is one of the first two pages, which lead to each other.
- `late`: it says that there is more, even if it is the last; the page after that is empty.
- `empty`: it has no records, and says that there is more.
- `capped`: it holds at most three records, whatever the requested limit.
- `double`: it has the records of the page before.
- `dead_cursor`: it is refused, unless it is the first.
- `lying_total`: it announces five records more than there are.
"""


class AppAnswer(NamedTuple):
    """The result of an action: the app's body, and whether the app carried it out."""

    data: object
    ok: bool = True
    node_status: str = "Success"
    http_status: int | None = None
    delay: float = 0.0


class AppProblemError(Exception):
    """Raised by a verb if the app refuses; the engine turns it into the app's own error."""

    def __init__(self, problem: ProblemKind, message: str, object_name: str = "") -> None:
        super().__init__(message)
        self.problem: ProblemKind = problem
        self.object_name = object_name


class ActionRun(NamedTuple):
    """One action about to run: its app, parameters and tables."""

    app: App
    action: AppAction
    params: Mapping[str, object]
    table_of: Callable[[str], RecordTable]
    paging_fault: PagingFault | None = None

    @property
    def shape(self) -> AppShape:
        """The format of the app's answers."""
        return SHAPES[self.app.shape]

    @property
    def table(self) -> RecordTable:
        """The records that the action works on."""
        return self.table_of(self.action.object)

    def text(self, name: str) -> str:
        """Return a parameter as a string, empty if it is absent."""
        return as_text(self.params.get(name))

    def number(self, name: str, default: float, most: float = math.inf) -> float:
        """Return a parameter as a number from 0 to `most`."""
        text = self.text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most or math.isinf(value):
            raise AppProblemError("invalid", f"{name} is not a number from 0 to {most:g}: {text}")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return a parameter of type `json` as an object, sent as an object or as JSON text."""
        value = self.params.get(name)
        if isinstance(value, str) and value:
            try:
                value = msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                raise AppProblemError("invalid", f"{name} is not JSON") from error
        if value in (None, ""):
            return {}
        if not isinstance(value, Mapping):
            raise AppProblemError("invalid", f"{name} is not a JSON object")
        return value


def as_text(value: object) -> str:
    """Return a JSON value as the app would store it in a text field."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
