"""Arguments of the wrong type: each is refused by its name before anything is sent, whatever the method."""

import asyncio
import codecs
import contextlib
import datetime as dt
import inspect
import io
import math
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from refold_async import (
    Call,
    Failed,
    File,
    InvalidCallError,
    KeyAccount,
    Refold,
    RefoldError,
    SettingsError,
    TokenAccount,
    deadline,
)

from .recorder import Recorder
from .surface import Method, methods


class Odd:
    """What is of no use anywhere."""

    def __repr__(self) -> str:
        return "odd"


ODD = Odd()
NO_MAPPINGS: list[Any] = ["abc", b"x", 5, True, math.nan, ["a"], [("a", 1)], {"a"}, ODD]
NO_LISTS: list[Any] = ["abc", b"x", 5, True, math.nan, ODD]
NO_DATES: list[Any] = ["2031-05-01", b"x", 5, True, ["a"], {"a": 1}, ODD]


def odd_values(annotation: str) -> list[Any]:
    """Return what a parameter of this annotation must refuse by its name."""
    wanted = [] if annotation.endswith("| None") else [None]
    if "Sequence" in annotation or annotation.startswith(("Fields", "ConfigWorkflows")):
        return NO_LISTS + ([] if annotation.startswith("Mapping") else [{"a": 1}]) + wanted
    if annotation.startswith("Mapping"):
        return NO_MAPPINGS + wanted
    return NO_DATES + wanted if annotation.startswith("date") else []


TYPED = [
    pytest.param(method, parameter, id=f"{method.scope}:{method.key}({parameter.name})")
    for method in methods()
    for parameter in inspect.signature(method.function).parameters.values()
    if odd_values(str(parameter.annotation))
]


@pytest.fixture
def scopes(refold: Refold, account: KeyAccount, token_account: TokenAccount) -> dict[str, Any]:
    return {"Refold": refold, "KeyAccount": account, "TokenAccount": token_account}


async def run(scopes: dict[str, Any], method: Method, /, **odd: Any) -> None:
    """Call a method as its sample does, but for one argument."""
    sample = next(iter(method.samples.values()))
    function = getattr(getattr(scopes[method.scope], method.resource), method.name)
    given = inspect.signature(function).bind(*sample.args, **sample.kwargs).arguments
    await function(**{**given, **odd})
    if method.paginates:
        async for _ in function(**{**given, **odd}):
            break


def test_the_parameters_exist() -> None:
    assert len(TYPED) > 70


@pytest.mark.parametrize(("method", "parameter"), TYPED)
async def test_a_wrong_type_is_refused_by_name(
    method: Method, parameter: inspect.Parameter, recorder: Recorder, scopes: dict[str, Any]
) -> None:
    for odd in odd_values(str(parameter.annotation)):
        with pytest.raises(InvalidCallError, match=rf"^{parameter.name} must be a \w+, not ") as caught:
            await run(scopes, method, **{parameter.name: odd})
        assert type(odd).__name__ in caught.value.message
        assert caught.value.fate == "not_sent"
    assert recorder.arrived == []


@pytest.mark.parametrize("scope", ["Refold", "KeyAccount", "TokenAccount"])
async def test_no_argument_raises_anything_but_the_documented_errors(
    scope: str, recorder: Recorder, scopes: dict[str, Any]
) -> None:
    for method in (method for method in methods() if method.scope == scope):
        names = [name for name in inspect.signature(method.function).parameters if name != "self"]
        for name, odd in product(names, (ODD, {"a": b"x"}, [1])):
            with contextlib.suppress(RefoldError):
                await run(scopes, method, **{name: odd})


TIMES: list[Any] = ["5", b"5", math.nan, -1, 0, True, [5], ODD]


@pytest.mark.parametrize("odd", TIMES, ids=repr)
async def test_an_invalid_time_is_refused(odd: Any, account: KeyAccount, recorder: Recorder) -> None:
    words = "must be a positive number of seconds, not "
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: account.call("GET", "/api/v2/public/linked-account", timeout=odd),
        lambda: account.actions.execute("hubspot", "get_contact", timeout=odd),
        lambda: account.executions.follow("x-1", timeout=odd),
    ]
    for call in calls:
        with pytest.raises(SettingsError, match=f"timeout {words}") as caught:
            await call()
        assert caught.value.fate == "not_sent"
    with pytest.raises(SettingsError, match=f"deadline {words}"), deadline(odd):
        await asyncio.sleep(0)
    assert recorder.arrived == []


async def test_a_deadline_without_seconds_is_refused() -> None:
    nothing: Any = None
    with (
        pytest.raises(SettingsError, match="deadline must be a positive number of seconds, not None"),
        deadline(nothing),
    ):
        await asyncio.sleep(0)


RAW: list[tuple[dict[str, Any], str]] = [
    ({"query": [("a", 1)]}, "query must be a mapping, not list"),
    ({"query": []}, "query must be a mapping, not list"),
    ({"query": "a=1"}, "query must be a mapping, not str"),
    ({"query": {"a": [1]}}, "a must be a string, a number or a bool, not list"),
    ({"query": {"a": {"b": 1}}}, "a must be a string, a number or a bool, not dict"),
    ({"query": {"a": b"x"}}, "a must be a string, a number or a bool, not bytes"),
    ({"query": {"a": math.inf}}, "a must be a finite number, not inf"),
    ({"query": {1: "x"}}, "a query parameter's name must be a string, not int"),
    ({"query": {"\ud800": "x"}}, "a query parameter's name is not valid Unicode: '\\ud800'"),
    ({"headers": "X-Team: blue"}, "headers must be a mapping, not str"),
    ({"headers": [("X-Team", "blue")]}, "headers must be a mapping, not list"),
    ({"headers": {"X-Team": b"blue"}}, "X-Team must be a string, not bytes"),
    ({"headers": {"X-Team": ["blue"]}}, "X-Team must be a string, not list"),
    ({"headers": {b"X-Team": "blue"}}, "a header's name must be a string, not bytes"),
    ({"body": b"{}"}, "body must not be bytes; pass JSON that is already encoded as msgspec.Raw(...)"),
    (
        {"body": ODD},
        "body cannot be encoded as JSON: Encoding objects of type Odd is unsupported",
    ),
    ({"effect": "reading"}, "effect must be 'read', 'idempotent' or 'write', not 'reading'"),
    ({"effect": ["read"]}, "effect must be 'read', 'idempotent' or 'write', not ['read']"),
    ({"method": ["GET"]}, "method must be one of GET, POST, PUT, PATCH, DELETE, not ['GET']"),
    ({"path": b"/api"}, "path must be a string, not bytes"),
    ({"path": None}, "path must be a string, not NoneType"),
]


@pytest.mark.parametrize(("odd", "words"), RAW, ids=[words for _, words in RAW])
async def test_a_raw_call_refuses_by_name(
    odd: dict[str, Any], words: str, refold: Refold, account: KeyAccount, recorder: Recorder
) -> None:
    for scope in (refold, account):
        with pytest.raises(InvalidCallError) as caught:
            await scope.call(**{"method": "POST", "path": "/api/v2/public/linked-account", **odd})
        assert (caught.value.message, caught.value.fate) == (words, "not_sent")
    assert recorder.arrived == []


class Awaited:
    """As the files that web frameworks hand over."""

    async def read(self, size: int = -1) -> bytes:
        return b""


def text_reader() -> Any:
    return codecs.getreader("utf-8")(io.BytesIO(b"text"))


FILES: list[tuple[Any, str]] = [
    ({1: b"x"}, "a file's name in the form must be a string, not int"),
    ({"": b"x"}, "a file's name in the form must not be empty"),
    ({"a": "x"}, "the file for 'a' must be a path, a binary file object or bytes, not str"),
    ({"a": ["x"]}, "the file for 'a' must be a path, a binary file object or bytes, not list"),
    ({"a": None}, "the file for 'a' must be a path, a binary file object or bytes, not NoneType"),
    ({"a": Awaited()}, "the file for 'a' must be a path, a binary file object or bytes, not Awaited"),
    ({"a": File("x")}, "the file for 'a' must be a path, a binary file object or bytes, not str"),  # type: ignore[arg-type]
    ({"a": File(b"x", filename=5)}, "the file name of 'a' must be a string, not int"),  # type: ignore[arg-type]
    ({"a": File(b"x", content_type=b"y")}, "the content type of 'a' must be a string, not bytes"),  # type: ignore[arg-type]
    ({"a": io.StringIO("x")}, "the file for 'a' is open in text mode; open it in binary mode"),
    ({"a": text_reader()}, "the file for 'a' is open in text mode; open it in binary mode"),
]


@pytest.mark.parametrize(("files", "words"), FILES, ids=[words for _, words in FILES])
async def test_a_value_that_is_not_a_file_is_refused(
    files: Any, words: str, account: KeyAccount, recorder: Recorder
) -> None:
    with pytest.raises(InvalidCallError) as caught:
        await account.events.trigger("paid", files=files)
    assert (caught.value.message, caught.value.fate) == (words, "not_sent")
    assert recorder.arrived == []


class BytesPath:
    """A path as the system has it, which need not be text."""

    def __init__(self, path: Path) -> None:
        self._path = bytes(path)

    def __fspath__(self) -> bytes:
        return self._path


async def test_a_path_of_bytes_is_a_path(account: KeyAccount, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "é.txt").write_bytes(b"text")
    await account.events.trigger("paid", files={"a": BytesPath(tmp_path / "é.txt")})  # type: ignore[dict-item]
    assert recorder.last.form["a"][::2] == ("é.txt", b"text")


@pytest.mark.parametrize("at", [["2031-05-01"], [dt.date(2031, 5, 1)], [None]], ids=repr)
async def test_an_invalid_time_of_a_schedule_is_refused(at: Any, account: KeyAccount) -> None:
    with pytest.raises(InvalidCallError, match=r"^`at` takes datetimes, not "):
        await account.schedules.create("hubspot", "w-1", at=at)


@pytest.mark.parametrize("odd", [None, 5, True, b"a", ["a"], {"a": 1}, ODD, ""], ids=repr)
async def test_an_invalid_linked_account_id_is_refused(odd: Any, refold: Refold, recorder: Recorder) -> None:
    words = "^linked_account_id (must be a string, not |must not be empty)"
    with pytest.raises(InvalidCallError, match=words):
        refold.account(odd)
    for call in (refold.linked_accounts.get, refold.linked_accounts.delete, refold.session_tokens.create):
        with pytest.raises(InvalidCallError, match=words):
            await call(odd)
    [outcome] = (await refold.run([Call(odd, "hubspot", "get_contact")])).outcomes
    assert isinstance(outcome, Failed)
    assert "linked_account_id" in str(outcome.error)
    assert recorder.arrived == []


CALLS: list[tuple[Any, str]] = [
    (Call("a", 5, "get"), "slug must be a string, not int"),  # type: ignore[arg-type]
    (Call("a", "hubspot", None), "action_id must be a string, not NoneType"),  # type: ignore[arg-type]
    (Call("a", "hubspot", "get", ["x"]), "params must be a mapping, not list"),  # type: ignore[arg-type]
    (Call("a", "hubspot", "get", "x"), "params must be a mapping, not str"),  # type: ignore[arg-type]
    (Call("a", "hubspot", "get", {"x": ODD}), "params.x cannot be encoded as JSON: "),
    (Call("a", "hubspot", "get", key=5), "key must be a non-empty string of valid Unicode, not 5"),  # type: ignore[arg-type]
    (Call("a", "hubspot", "get", effect=[]), "effect must be 'read', 'idempotent' or 'write', not []"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "words"), CALLS, ids=[words for _, words in CALLS])
async def test_an_odd_call_of_a_batch_fails_alone(
    call: Any, words: str, refold: Refold, recorder: Recorder
) -> None:
    [outcome] = (await refold.run([call])).outcomes
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, InvalidCallError)
    assert outcome.error.message.startswith(words)
    assert (outcome.error.fate, recorder.arrived) == ("not_sent", [])
