"""Fuzz targets: pure functions that parse input from a server, an app or a caller.

A target accepts any bytes and raises nothing except `AssertionError`, if something is wrong.
"""

import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict
from urllib.parse import parse_qsl, unquote

import msgspec

from refold_async._core import checks, requests
from refold_async._core.effects import effect_of_action
from refold_async._core.responses import Response, read, retry_after, status_error
from refold_async.api import action_replies, actions, applications
from refold_async.api.action_schema import ActionParameter, ActionSchema
from refold_async.errors import InvalidCallError, RefoldError, UnreadableReplyError
from refold_async.results import ActionResult
from refold_async.webhooks import parse_webhook, verify_webhook
from tests.declared import answers

SECRET: Final = "tk_fuzzed"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Contact(msgspec.Struct):
    """A typical result type of a caller."""

    id: int
    name: str | None = None
    tags: list[str] = []


class Loose(TypedDict, total=False):
    """A typical partial result type."""

    id: int
    data: dict[str, float]


def _read(answer: Any, body: bytes) -> Any:
    try:
        return read(answer, Response(200, {}, body), SECRET)
    except UnreadableReplyError as error:
        _check_error(error)
        return None


def _check_error(error: RefoldError) -> None:
    """Check that an error is one short line, survives pickling, and contains no secret."""
    text = str(error)
    assert len(text) < 4000
    assert SECRET not in text
    assert not _CONTROL.search(text)
    text.encode()
    assert str(pickle.loads(pickle.dumps(error))) == text


def list_(data: bytes) -> None:
    """Decode a list of actions."""
    for action in _read(list[actions.Action], data) or ():
        repr(action)
        if isinstance(action, actions.Action) and isinstance(action.action_id, str):
            assert action.effect in {"read", "write"}


def schema(data: bytes) -> None:
    """Decode the parameters of an action and check a call against them."""
    parameters = _read(list[ActionParameter], data)
    if parameters is None:
        return
    schema = ActionSchema(parameters)
    names = [str(each.name) for each in schema if isinstance(each, ActionParameter)]
    value = data.decode(errors="replace")
    for params in ({}, dict.fromkeys(names, value), dict.fromkeys(names, 1.5), {value: names, "email": None}):
        for problem in schema.check(params):
            assert isinstance(problem.message, str)
            assert problem.kind in {"missing", "unknown", "ill_typed"}
    msgspec.json.encode(schema.json_schema())
    repr(schema)
    hash(schema)


def execute(data: bytes) -> None:
    """Decode an action's result in every way."""
    try:
        result = action_replies.read_result(ActionResult, Response(200, {}, data), SECRET)
    except RefoldError as error:
        _check_error(error)
        return
    repr(result)
    assert pickle.loads(pickle.dumps(result)) == result
    for decode in (lambda: result.data, lambda: result.into(Contact), lambda: result.into(list[Loose])):
        try:
            decode()
        except UnreadableReplyError as error:
            _check_error(error)


def apps(data: bytes) -> None:
    """Decode a list of apps with the state of each connection."""
    for app in _read(list[applications.Application], data) or ():
        if isinstance(app, applications.Application):
            assert app.connection in {"connect", "connected", "reconnect"}


def operation(data: bytes) -> None:
    """Decode a response of any operation; the first byte selects the operation."""
    every = list(answers().values())
    if data:
        repr(_read(every[data[0] % len(every)], data[1:]))


def status(data: bytes) -> None:
    """Decode an error response: two bytes of status, one header line, the body."""
    line, _, body = data[2:].partition(b"\n")
    text = line.decode("latin-1")
    headers: Mapping[str, str] = {"Retry-After": text, "X-Request-Id": text, "Content-Type": text}
    number = 100 + int.from_bytes(data[:2].ljust(2, b"\0"), "big") % 500
    error = status_error(Response(number, headers, body), secret=SECRET)
    assert error.fate == (
        "rejected" if 300 <= number < 500 and not getattr(error, "by_app", False) else "unknown"
    )
    _check_error(error)


def wait(data: bytes) -> None:
    """Parse a `Retry-After` header."""
    seconds = retry_after(data.decode("latin-1"))
    assert seconds is None or 0 <= seconds <= 86_400


def path(data: bytes) -> None:
    """Build a path, a header and a query from any string, and classify it as an action id."""
    value = data.decode(errors="surrogatepass") if _decodes(data) else data.decode("latin-1")
    assert effect_of_action(value) in {"read", "write"}
    try:
        segment = requests.segment("slug", value)
    except InvalidCallError:
        segment = None
    if segment is not None:
        assert re.fullmatch(r"[A-Za-z0-9_.~%-]+", segment)
        assert segment not in {".", ".."}
        assert unquote(segment, errors="strict") == value
    try:
        header = checks.check_header("linked_account_id", value)
    except InvalidCallError:
        pass
    else:
        assert header == value == value.strip()
        assert not _CONTROL.search(header)
    try:
        query = requests.query_of({"q": value, "n": len(value)})
    except InvalidCallError:
        return
    assert parse_qsl(query[1:], keep_blank_values=True) == [("q", value), ("n", str(len(value)))]


def _decodes(data: bytes) -> bool:
    try:
        data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def webhook(data: bytes) -> None:
    """Verify and parse a webhook; the first line is the signature header."""
    line, _, body = data.partition(b"\n")
    assert not verify_webhook(body, line.decode("latin-1"), SECRET)
    try:
        delivery = parse_webhook(body)
    except UnreadableReplyError as error:
        _check_error(error)
    else:
        repr(delivery)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "list": list_,
    "schema": schema,
    "execute": execute,
    "apps": apps,
    "operation": operation,
    "status": status,
    "wait": wait,
    "path": path,
    "webhook": webhook,
}
