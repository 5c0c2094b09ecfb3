"""What does an answer of 1 MB cost to decode, where it is read and where it is not?"""

import json

import msgspec

from benchmarks.payloads import LARGE, envelope
from benchmarks.plan import Plan
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import interleave_sync
from refold_async.api import actions
from refold_async.wire import Reply

_LOADS, _BARE = "json.loads", "msgspec, straight into the type"
_UNREAD, _RAW = "an answer read, its data not", "…, and result.raw taken"
_INTO, _DATA = "result.into(Contacts)", "an answer read, and result.data"


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


def ask(plan: Plan) -> Table:
    """In memory: from the bytes of a reply to what the caller asked of the result."""
    body = envelope(LARGE)
    reply = Reply(200, {}, body)
    result = _read(reply)
    data = bytes(result.raw)
    bare = msgspec.json.Decoder(Contacts)
    functions = {
        _UNREAD: lambda: _read(reply),
        _RAW: lambda: memoryview(_read(reply).raw),
        _BARE: lambda: bare.decode(data),
        _INTO: lambda: result.into(Contacts),
        _DATA: lambda: _read(reply).data,
        _LOADS: lambda: json.loads(body),
    }
    rounds = interleave_sync(functions, rounds=plan.rounds, seconds=plan.seconds)
    return Table(
        "What does an answer of 1 MB cost to decode?",
        (f"x {_LOADS}", f"x {_BARE}", "µs"),
        tuple(Row(n, (rounds.ratio(n, _LOADS), rounds.ratio(n, _BARE), rounds.cost(n))) for n in functions),
        note="In memory: a whole reply is read, or a result in hand is decoded.",
        bounds=(
            Bound("1 MB unread, x json.loads", rounds.ratio(_UNREAD, _LOADS).median, 0.1),
            Bound("into(Contacts), x bare msgspec", rounds.ratio(_INTO, _BARE).median, 1.1),
        ),
    )


def _read(reply: Reply) -> actions.ActionResult:
    return actions.read_result(actions._EXECUTE, reply)
