"""What does a 1 MB response cost to decode, if its data is read and if it is not?"""

import json

import msgspec

from benchmarks.options import RunOptions
from benchmarks.payloads import LARGE, envelope
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave_sync
from refold_async import ActionResult
from refold_async._core.responses import Response
from refold_async.api import action_replies

_LOADS, _BARE = "json.loads", "msgspec, data into its type"
_UNREAD, _RAW = "response read, data not decoded", "response read, and result.raw"
_INTO, _DATA = "result.into(Contacts)", "response read, and result.data"
_WHOLE, _READ_INTO = "msgspec, whole response into its type", "response read, and into(Contacts)"


class Person(msgspec.Struct):
    """A contact's own fields."""

    email: str
    firstname: str
    lastname: str


class Contact(msgspec.Struct):
    """One contact of the response."""

    id: str
    properties: Person
    createdAt: str  # noqa: N815 - the app's field name
    archived: bool


class Contacts(msgspec.Struct):
    """The response's `data`."""

    results: list[Contact]
    note: str


class WholeResponse(msgspec.Struct):
    """The whole response, for a decoder that knows its type beforehand."""

    node_status: str
    http_status: int
    data: Contacts


def ask(options: RunOptions) -> Table:
    """Compare, in memory, ways from the bytes of a response to the caller's data."""
    body = envelope(LARGE)
    reply = Response(200, {}, body)
    result = _read(reply)
    data = bytes(result.raw)
    bare, whole = msgspec.json.Decoder(Contacts), msgspec.json.Decoder(WholeResponse)
    functions = {
        _UNREAD: lambda: _read(reply),
        _RAW: lambda: memoryview(_read(reply).raw),
        _BARE: lambda: bare.decode(data),
        _INTO: lambda: result.into(Contacts),
        _WHOLE: lambda: whole.decode(body),
        _READ_INTO: lambda: _read(reply).into(Contacts),
        _DATA: lambda: _read(reply).data,
        _LOADS: lambda: json.loads(body),
    }
    rounds = interleave_sync(functions, rounds=options.rounds, seconds=options.seconds)
    return Table(
        "What does a 1 MB response cost to decode?",
        (f"x {_LOADS}", f"x {_BARE}", f"x {_WHOLE}", "µs"),
        tuple(_row(rounds, name) for name in functions),
        note=(
            "In memory: a complete response is read, or an existing result is decoded. Reading a response "
            "without decoding its data still scans it once: the price of lazy decoding."
        ),
        bounds=(
            Bound("1 MB not decoded, x json.loads", rounds.ratio(_UNREAD, _LOADS).median, 0.1),
            Bound("into(Contacts) of a result, x bare msgspec", rounds.ratio(_INTO, _BARE).median, 1.1),
            Bound("read and into(Contacts), x whole response", rounds.ratio(_READ_INTO, _WHOLE).median, 1.5),
        ),
    )


def _row(rounds: Rounds, name: str) -> Row:
    ratios = [rounds.ratio(name, to) for to in (_LOADS, _BARE, _WHOLE)]
    return Row(name, (*ratios, rounds.cost(name)))


def _read(reply: Response) -> ActionResult:
    return action_replies.read_result(ActionResult, reply)
