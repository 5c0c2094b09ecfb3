"""No JSON that the grammar allows, in any field, key or depth, loses a result."""

import asyncio
import json
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import ActionResult
from refold_async._core import responses
from refold_async._core.decoding import BOM, decode_any, read_as
from refold_async._core.encoding import dump
from refold_async._core.lenient_json import loads, members, repair
from refold_async._core.responses import Response, status_error
from refold_async.api.action_replies import read_result
from refold_async.api.action_schema import ActionParameter, ActionSchema
from refold_async.api.actions import Action
from refold_async.api.paging import Page, Paginator, read_page
from refold_async.errors import NotFoundError, ReconnectRequiredError, RefoldError, UnreadableReplyError
from refold_async.testing.exchanges import Scrubber
from refold_async.typed import TypedResult
from refold_async.webhooks import UnknownEvent, parse_webhook

HALF = r"\ud83d"

# JSON by its grammar: any escape, any number, any space, the same key twice.
SPACE = st.sampled_from(["", " ", "\n", "\t \r\n"])
HEX = st.integers(0, 0xFFFF).map("\\u{:04x}".format) | st.integers(0xD800, 0xDFFF).map("\\u{:04X}".format)
PART = HEX | st.sampled_from(
    [
        *[r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t"],
        HALF,
        r"\\ud83d",
        "é",
        "😀",
        "\x7f",
        "{",
        "]",
        ",",
    ]
)
STRING = st.lists(
    PART | st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters='"\\')
).map(lambda parts: '"' + "".join(parts) + '"')
NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


def spaced(opening: str, items: list[str], closing: str, space: str) -> str:
    return opening + space + f"{space},{space}".join(items) + space + closing


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(STRING | st.just('"twice"'), SPACE, inner).map(
        lambda each: f"{each[0]}{each[1]}:{each[2]}"
    )
    return st.tuples(st.lists(inner, max_size=4), SPACE).map(
        lambda made: spaced("[", made[0], "]", made[1])
    ) | st.tuples(st.lists(member, max_size=4), SPACE).map(lambda made: spaced("{", made[0], "}", made[1]))


SCALAR = (
    STRING
    | NUMBER
    | st.sampled_from(["true", "false", "null", "9" * 5000, "1e999", "-1E+999", "123456789" * 9])
)
VALUE = st.recursive(SCALAR, containers, max_leaves=8)


def reply(status: int, body: str) -> Response:
    return Response(status, {}, body.encode())


class Holder(msgspec.Struct):
    id: int
    rest: Any = None
    raw: msgspec.Raw = msgspec.Raw(b"null")


@given(VALUE, STRING)
def test_no_result_is_lost(value: str, key: str) -> None:
    data = f'{{"id":7, "rest":{value}, {key}: {value}}}'
    result = read_result(
        ActionResult, reply(200, f'{{{key}:{value}, "node_status":"Success", "data" : {data} }}')
    )
    assert bytes(result.raw) == data.encode()
    assert result.node_status == "Success"
    assert result.data["id"] == 7 or key == '"id"'
    dump(result.data).decode()
    assert pickle.loads(pickle.dumps(result)) == result
    if key not in {'"id"', '"raw"'}:
        held: Holder = result.into(Holder)
        assert held.id == 7
        assert held.rest == result.data["rest"]
        assert result.into(dict[str, Any])["id"] == 7
        assert TypedResult(result, Holder).data.id == 7


@given(VALUE)
def test_valid_json_is_decoded_as_by_a_strict_decoder(value: str) -> None:
    strict = json.loads(value.replace("9" * 5000, "9"))
    if any(0xD800 <= ord(character) < 0xE000 for character in json.dumps(strict, ensure_ascii=False)):
        return
    assert loads(value.replace("9" * 5000, "9").encode()) == strict
    assert json.loads(repair(value.replace("9" * 5000, "9").encode())) == strict


@given(VALUE, STRING)
def test_no_page_and_no_model_is_lost(value: str, key: str) -> None:
    item = f'{{"name":{value}, "label":{value}, {key}:{value}}}'
    answers: tuple[type[list[Any]], ...] = (list[Action], list[ActionParameter])
    for answer in answers:
        first, last = read_as(answer, f'[{item}, {{"name":"last"}}]'.encode())
        assert last.name == "last"
        assert isinstance(first, (Action, ActionParameter))
    ActionSchema(read_as(list[ActionParameter], f"[{item}]".encode())).check({"name": 1})
    page = read_page(Page[Any], reply(200, f'[{item}, {{"name":"last"}}]'))
    assert len(page.items) == 2


@given(VALUE, STRING)
def test_paginators_continue(value: str, key: str) -> None:
    bodies = [
        f'{{"docs":[{{"n":{number}, {key}:{value}}}], "hasNextPage":{more}}}'
        for number, more in ((1, "true"), (2, "false"))
    ]

    class Pages:
        async def fetch(self, number: int | None) -> Page[Any]:
            return read_page(Page[Any], reply(200, bodies[(number or 1) - 1]))

        def describe(self, error: RefoldError) -> None: ...

    async def walk() -> list[Any]:
        return [item async for item in Paginator(Pages())]

    if key != '"n"':
        assert [item["n"] for item in asyncio.run(walk())] == [1, 2]


@given(VALUE, STRING)
def test_errors_keep_what_the_service_said(value: str, key: str) -> None:
    error = status_error(
        reply(403, f'{{{key}:{value}, "error_code":{value}, "message":"reconnect", "reauth_required":true}}')
    )
    if key not in {'"message"', '"reauth_required"'}:
        assert isinstance(error, ReconnectRequiredError)
        assert error.message == "reconnect"
    str(error).encode()


@given(VALUE, STRING)
def test_webhooks_are_parsed(value: str, key: str) -> None:
    if key in {'"event"', '"linked_account_id"'}:
        return
    for event in ("Connection Created", "Workflow Errored", "other"):
        delivery = parse_webhook(
            f'{{"event":"{event}", "linked_account_id":"a", "createdAt":{value}, {key}:{value}}}'.encode()
        )
        assert delivery.event == event
        assert delivery.linked_account_id == "a"
        assert isinstance(delivery, UnknownEvent) == (event == "other")


def test_half_a_character_becomes_the_replacement_character() -> None:
    data = read_result(
        ActionResult,
        reply(200, r'{"node_status":"Success","data":["a\ud83d","\\ud83d","\ud83d\ude00","\ude00b"]}'),
    ).data
    assert data == ["a\ufffd", r"\ud83d", "😀", "\ufffdb"]
    assert decode_any(b'"\xed\xa0\xbd\xed\xb8\x80 \xed\xa0\xbd"') == "😀 \ufffd"
    assert status_error(reply(404, r'{"message":"no \ud83d"}')).message == "no \ufffd"
    assert isinstance(status_error(reply(404, r'{"message":"no \ud83d"}')), NotFoundError)


def test_a_number_beyond_a_float_is_infinite() -> None:
    result = read_result(
        ActionResult, reply(200, '{"node_status":"Success","data":{"id":1,"rest":[1e999,-1e999]}}')
    )
    assert result.data["rest"] == [float("inf"), -float("inf")]
    assert result.into(Holder).rest == [float("inf"), -float("inf")]
    assert read_as(Action, b'{"name":"a","tag":1e999}') == Action(name="a", tag=float("inf"))  # type: ignore[arg-type]


def test_data_nested_too_deeply_to_decode_keeps_its_json() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    result = read_result(
        ActionResult, reply(200, f'{{"data":{deep},"node_status":"Success","http_status":201}}')
    )
    assert bytes(result.raw) == deep.encode()
    assert result.http_status == 201
    with pytest.raises(UnreadableReplyError, match="nested too deeply"):
        _ = result.data


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "null", "{", '{"a"}', '{"a":1', '{"a":1}}', '{"a":NaN}', '{"data":' + "[" * 100_000 + "}",
        r'{"node_status":"Success","data":"\ud83d"', r'{"node_status":"Success","data":"\ud83"}',
        r'{"node_status":"\ud83d","data":"\x"}',
    ],
    ids=lambda body: body[:40],
)  # fmt: skip
def test_a_body_that_is_not_json_is_not_a_result(body: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_result(ActionResult, reply(200, body))
    with pytest.raises(ValueError):
        members(body.encode())


def test_a_page_after_a_byte_order_mark_is_a_page() -> None:
    assert read_page(Page[Any], Response(200, {}, BOM + b"[1]")).items == [1]
    assert responses.read(list[Any], Response(200, {}, BOM + b"[1]")) == [1]


@given(VALUE, STRING)
def test_records_are_decoded_one_by_one(value: str, key: str) -> None:
    body = f'{{"node_status":"Success","data":{{"rows":[{{{key}:{value},"id":1}},{{"id":2,"rest":{value}}}],{key}:{value}}}}}'

    async def walk(**options: Any) -> list[Any]:
        result = read_result(ActionResult, reply(200, body))
        return [record async for record in result.records("rows", **options)]

    if key not in {'"rows"', '"raw"', '"rest"', '"id"'}:
        assert [record["id"] for record in asyncio.run(walk())] == [1, 2]
        assert [record.id for record in asyncio.run(walk(into=Holder))] == [1, 2]


@pytest.mark.parametrize("half", [HALF, "1e999", "9" * 5000], ids=["half", "huge", "long"])
def test_a_recording_cuts_secrets_beside_what_strict_decoders_refuse(half: str) -> None:
    value = half if half[0] != "\\" else f'"{half}"'
    body = f'{{"name":{value},"access_token":"abc","rest":1}}'.encode()
    recorded = Scrubber().answer(body)
    assert "abc" not in recorded
    assert json.loads(recorded)["rest"] == 1
    assert Scrubber().body(body)["access_token"] != "abc"
    plain = f'{{"name":{value}}}'
    assert Scrubber().answer(plain.encode()) == plain
