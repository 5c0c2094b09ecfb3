"""What does an answer of 1 MB cost to decode, where it is read and where it is not?"""

import json

import msgspec

from benchmarks.payloads import LARGE, envelope
from benchmarks.plan import PreparedCall
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave_sync
from refold_async import ActionResult
from refold_async._core.responses import Response
from refold_async.api import actions

_LOADS, _BARE = "json.loads", "msgspec, the data into its type"
_UNREAD, _RAW = "an answer read, its data not", "…, and result.raw taken"
_INTO, _DATA = "result.into(Contacts)", "an answer read, and result.data"
_WHOLE, _READ_INTO = "msgspec, the whole answer into its type", "an answer read, and into(Contacts)"


class Person(msgspec.Struct):
    """A contact's own fields."""

    email: str
    firstname: str
    lastname: str


class Contact(msgspec.Struct):
    """One contact of the answer."""

    id: str
    properties: Person
    createdAt: str  # noqa: N815 - the app's own name
    archived: bool


class Contacts(msgspec.Struct):
    """The answer's `data`."""

    results: list[Contact]
    note: str


class Answer(msgspec.Struct):
    """The whole answer, as who knows its type beforehand would decode it."""

    node_status: str
    http_status: int
    data: Contacts


def ask(plan: PreparedCall) -> Table:
    """In memory: from the bytes of a reply to what the caller asked of the result."""
    body = envelope(LARGE)
    reply = Response(200, {}, body)
    result = _read(reply)
    data = bytes(result.raw)
    bare, whole = msgspec.json.Decoder(Contacts), msgspec.json.Decoder(Answer)
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
    rounds = interleave_sync(functions, rounds=plan.rounds, seconds=plan.seconds)
    return Table(
        "What does an answer of 1 MB cost to decode?",
        (f"x {_LOADS}", f"x {_BARE}", f"x {_WHOLE}", "µs"),
        tuple(_row(rounds, name) for name in functions),
        note=(
            "In memory: a whole reply is read, or a result in hand is decoded. To read an answer without its "
            "data is to pass over it once, and that is the price of lateness."
        ),
        bounds=(
            Bound("1 MB unread, x json.loads", rounds.ratio(_UNREAD, _LOADS).median, 0.1),
            Bound("into(Contacts) of a result, x bare msgspec", rounds.ratio(_INTO, _BARE).median, 1.1),
            Bound("read and into(Contacts), x whole answer", rounds.ratio(_READ_INTO, _WHOLE).median, 1.5),
        ),
    )


def _row(rounds: Rounds, name: str) -> Row:
    ratios = [rounds.ratio(name, to) for to in (_LOADS, _BARE, _WHOLE)]
    return Row(name, (*ratios, rounds.cost(name)))


def _read(reply: Response) -> ActionResult:
    return actions.read_result(ActionResult, reply)
