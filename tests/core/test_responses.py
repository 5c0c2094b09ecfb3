"""Odd responses by table: the value, or the error with its fate and message."""

import gzip
import html
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from refold_async import errors
from refold_async._core import responses
from refold_async._core.responses import Response
from refold_async.api import action_replies
from refold_async.api.action_schema import ActionParameter
from refold_async.api.actions import Action
from refold_async.errors import Fate, RefoldError, StatusError
from refold_async.results import ActionFailed, ActionResult

SECRET = "tk_very-secret-0123456789"
ODD_SECRET = 'tk/"a"\\b+c='
BOM = b"\xef\xbb\xbf"


def reply(status: int, body: bytes | str | object = b"", **headers: str) -> Response:
    """Make a reply; what is neither bytes nor text is written as JSON."""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, CIMultiDictProxy(CIMultiDict(named)), data)


def envelope(status: int, message: str, **fields: object) -> Response:
    return reply(
        status, {"status_code": status, "message": message, **fields}, Content_Type="application/json"
    )


class Refused(NamedTuple):
    """The error for an unsuccessful reply, by any reader."""

    reply: Response
    error: type[RefoldError]
    message: str
    fate: Fate = "rejected"
    facts: Mapping[str, Any] = MappingProxyType({})


PLAIN = "with an empty body"
NO_ENVELOPE = "with a body that is not an error envelope"
DEEP = b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

REFUSED = [
    # the documented messages
    Refused(
        envelope(404, "Action no_such_action not found in Application hubspot", error="NOT_FOUND"),
        errors.NotFoundError, "Action no_such_action not found in Application hubspot",
        facts={"error_code": "NOT_FOUND", "status": 404},
    ),
    Refused(
        envelope(404, "Application app_type 'unknown' not found", error_code="APP_NOT_FOUND"),
        errors.NotFoundError, "Application app_type 'unknown' not found", facts={"error_code": "APP_NOT_FOUND"},
    ),
    Refused(envelope(401, "Invalid Credentials"), errors.AuthenticationError, "Invalid Credentials"),
    Refused(
        envelope(400, "Required parameter 'email' is missing", error_code="VALIDATION_ERROR"),
        errors.BadRequestError, "Required parameter 'email' is missing",
        facts={"error_code": "VALIDATION_ERROR"},
    ),
    Refused(
        envelope(403, "Workflow is private to another linked account"),
        errors.PermissionDeniedError, "Workflow is private to another linked account",
    ),
    Refused(
        envelope(501, "Batch details are not yet available for this execution type"),
        errors.ServerError, "Batch details are not yet available for this execution type", "unknown",
    ),
    Refused(
        envelope(500, "Schema not found for integration type: x"),
        errors.ServerError, "Schema not found for integration type: x", "unknown",
    ),
    # whose credential a 401 or 403 is about
    Refused(envelope(401, "x", error_code="REAUTH_REQUIRED"), errors.ReconnectRequiredError, "x"),
    Refused(envelope(401, "x", error="reauth_required"), errors.ReconnectRequiredError, "x"),
    Refused(envelope(403, "Please reconnect hubspot"), errors.ReconnectRequiredError, "Please reconnect hubspot"),
    Refused(envelope(401, "Account is not connected"), errors.ReconnectRequiredError, "Account is not connected"),
    Refused(envelope(403, "The connection has expired"), errors.ReconnectRequiredError, "The connection has expired"),
    Refused(envelope(401, "x", http_error_type="EXTERNAL_API_ERROR"), errors.ReconnectRequiredError, "x"),
    Refused(envelope(401, "x", reauth_required=True), errors.ReconnectRequiredError, "x"),
    Refused(envelope(403, "x", reauth_required=False), errors.ReconnectRequiredError, "x"),
    Refused(envelope(401, "x", error="CONNECTION_EXPIRED"), errors.ReconnectRequiredError, "x"),
    Refused(envelope(401, "x", error="invalid_grant"), errors.ReconnectRequiredError, "x"),
    Refused(envelope(403, "Connection to hubspot expired"), errors.ReconnectRequiredError, "Connection to hubspot expired"),
    Refused(envelope(404, "reconnect"), errors.NotFoundError, "reconnect"),
    Refused(envelope(401, "authentication failed"), errors.AuthenticationError, "authentication failed"),
    # a class for each status
    Refused(envelope(409, "x"), errors.ConflictError, "x"),
    Refused(envelope(422, "x"), errors.UnprocessableError, "x"),
    Refused(envelope(402, "x"), StatusError, "x"),
    Refused(envelope(408, "x"), StatusError, "x", "unknown"),
    Refused(envelope(418, "x"), StatusError, "x"),
    Refused(envelope(429, "x"), errors.RateLimitedError, "x", facts={"by_app": False, "retry_after": None}),
    Refused(
        envelope(429, "x", error_code="EXTERNAL_API_ERROR"),
        errors.RateLimitedError, "x", "unknown", {"by_app": True},
    ),
    Refused(envelope(499, "x"), StatusError, "x", "unknown"),
    Refused(envelope(500, "x"), errors.ServerError, "x", "unknown"),
    Refused(envelope(502, "x"), errors.ServerError, "x", "unknown"),
    Refused(envelope(503, "x"), errors.ServerError, "x", "unknown"),
    Refused(envelope(504, "x"), errors.ServerError, "x", "unknown"),
    Refused(envelope(599, "x"), errors.ServerError, "x", "unknown"),
    Refused(envelope(999, "x"), StatusError, "x", "unknown"),
    Refused(reply(600), StatusError, f"no known status, {PLAIN}", "unknown"),
    Refused(reply(101), StatusError, f"Switching Protocols, {PLAIN}", "unknown"),
    Refused(reply(301, Location="http://evil/"), errors.RedirectError, f"Moved Permanently, {PLAIN}"),
    Refused(reply(303), errors.RedirectError, f"See Other, {PLAIN}", "unknown"),
    Refused(reply(304), errors.RedirectError, f"Not Modified, {PLAIN}"),
    Refused(reply(308, {"message": "go away"}), errors.RedirectError, "go away"),
    # what an envelope may hold
    Refused(
        reply(400, {"error": "E", "error_code": "C", "message": "m", "http_error_type": "T", "request_id": "r"}),
        errors.BadRequestError, "m", facts={"error_code": "C", "error_type": "T", "request_id": "r"},
    ),
    Refused(reply(400, {"error": "E", "message": "m"}), errors.BadRequestError, "m", facts={"error_code": "E"}),
    Refused(reply(400, {"error": "E"}), errors.BadRequestError, f"Bad Request, {NO_ENVELOPE} (no content type, 14 bytes)", facts={"error_code": "E"}),
    Refused(reply(400, {"error": {"code": 7}, "message": "m"}), errors.BadRequestError, "m", facts={"error_code": '{"code":7}'}),
    Refused(reply(400, {"error": False, "message": ["a", 1]}), errors.BadRequestError, '["a",1]', facts={"error_code": None}),
    Refused(reply(400, {"error_code": 0, "error": "E", "message": 5}), errors.BadRequestError, "5", facts={"error_code": "E"}),
    Refused(reply(400, {"message": "m", "request_id": 12}, X_Request_Id="h"), errors.BadRequestError, "m", facts={"request_id": "12"}),
    Refused(reply(400, {"message": "m"}, X_Request_Id="h"), errors.BadRequestError, "m", facts={"request_id": "h"}),
    Refused(reply(400, {"message": "two\nlines\x00 and \t more"}), errors.BadRequestError, "two lines and more"),
    Refused(reply(400, {"message": "x" * 600}), errors.BadRequestError, "x" * 500 + "…"),
    Refused(reply(400, {"message": f"key {SECRET} is wrong"}), errors.BadRequestError, "key *** is wrong"),
    Refused(reply(400, {"message": {"key": SECRET}}), errors.BadRequestError, '{"key":"***"}'),
    Refused(reply(400, '{"message": "a", "message": "b"}'), errors.BadRequestError, "b"),
    Refused(reply(400, BOM + b'{"message": "m"}'), errors.BadRequestError, "m"),
    # bodies that are no envelope
    Refused(reply(400), errors.BadRequestError, f"Bad Request, {PLAIN}"),
    Refused(reply(502), errors.ServerError, f"Bad Gateway, {PLAIN}", "unknown"),
    Refused(
        reply(502, "<html><h1>502</h1></html>", Content_Type="text/html"),
        errors.ServerError, f"Bad Gateway, {NO_ENVELOPE} (text/html, 25 bytes)", "unknown",
    ),
    Refused(reply(503, "plain", Content_Type="text/plain"), errors.ServerError, f"Service Unavailable, {NO_ENVELOPE} (text/plain, 5 bytes)", "unknown"),
    Refused(reply(404, []), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 2 bytes)"),
    Refused(reply(404, '"text"'), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 6 bytes)"),
    Refused(reply(404, "null"), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 4 bytes)"),
    Refused(reply(404, '{"message": "cut'), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 16 bytes)"),
    Refused(reply(404, '{"message": NaN}'), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 16 bytes)"),
    Refused(reply(404, b'{"message": "\xff"}'), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 16 bytes)"),
    Refused(reply(404, '{"message": "ü"}'.encode("utf-16")), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 34 bytes)"),
    Refused(reply(404, '{"message": "no \\ud800"}'), errors.NotFoundError, "no \ufffd"),
    Refused(reply(404, gzip.compress(b"{}", mtime=0)), errors.NotFoundError, f"Not Found, {NO_ENVELOPE} (no content type, 22 bytes)"),
    Refused(reply(500, DEEP), errors.ServerError, f"Internal Server Error, {NO_ENVELOPE} (no content type, 200,012 bytes)".replace(",012", "012"), "unknown"),
    Refused(reply(400, "x", Content_Type="a\udcffb"), errors.BadRequestError, f"Bad Request, {NO_ENVELOPE} (a?b, 1 bytes)"),
    Refused(reply(400, "x", Content_Type=SECRET), errors.BadRequestError, f"Bad Request, {NO_ENVELOPE} (***, 1 bytes)"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", REFUSED, ids=lambda case: f"{case.reply.status}-{bytes(case.reply.body[:40])!r}"
)
@pytest.mark.parametrize("answer", [list[Action], list[ActionParameter], ActionResult], ids=str)
def test_responses_that_are_not_a_success(case: Refused, answer: Any) -> None:
    read = action_replies.read_result if answer is ActionResult else responses.read
    with pytest.raises(StatusError) as caught:
        read(answer, case.reply, SECRET)
    error = caught.value
    assert (type(error), error.message, error.fate, error.status) == (
        case.error, case.message, case.fate, case.reply.status,
    )  # fmt: skip
    assert {name: getattr(error, name) for name in case.facts} == case.facts
    assert error.needs_reconnect is (case.error is errors.ReconnectRequiredError)
    str(error).encode()


EMPTY = "the response is empty, expected JSON"
HTML = "the response is HTML, expected JSON"
NOT_JSON = "the response is not JSON: "

LISTS: list[tuple[bytes, object]] = [
    (b"[]", []),
    (b'[{"action_id": "a", "new": 1}]', [Action(action_id="a")]),
    (BOM + b'[{"name": "n"}]', [Action(name="n")]),
    (b" [ {} ] \n", [Action()]),
    (b'[{"action_id": null}]', [Action()]),
    (b'[{"action_id": 7, "name": "n"}]', [Action(action_id=7, name="n")]),  # type: ignore[arg-type]
    (b'[{"name": {"en": "n"}}, {"name": "m"}]', [Action(name={"en": "n"}), Action(name="m")]),  # type: ignore[arg-type]
    (b'[{"name": "a", "name": "b"}]', [Action(name="b")]),
    (b'[1, {"name": "n"}]', [1, Action(name="n")]),
    (b"", EMPTY),
    (b" \r\n", EMPTY),
    (b"<!doctype html><html>", HTML),
    (b"\n <html>", HTML),
    (b"null", "the response is null, expected a list"),
    (b"{}", "the response is an object, expected a list"),
    (b'"text"', "the response is a string, expected a list"),
    (b'[{"name": "cut', NOT_JSON),
    (b"[] []", NOT_JSON),
    (b"[NaN]", NOT_JSON),
    (b"\xff\xfe[\x00]\x00", NOT_JSON),
    (b'[{"name": "\xe9"}]', NOT_JSON),
    (b"OK", NOT_JSON),
    (b"[" * 100_000, "the response is JSON nested too deeply to decode"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), LISTS, ids=lambda case: repr(case)[:50])
@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_lists(status: int, body: bytes, expected: object) -> None:
    if not isinstance(expected, str):
        assert responses.read(list[Action], reply(status, body)) == expected
        return
    with pytest.raises(errors.UnreadableReplyError) as caught:
        responses.read(list[Action], reply(status, body))
    assert caught.value.message.startswith(expected)
    assert caught.value.fate == "unknown"


class Result(NamedTuple):
    """What an execute's body is read as: data, or an error."""

    body: bytes
    data: object = None
    http_status: int | None = None
    error: type[RefoldError] | None = None
    fate: Fate = "unknown"
    message: str = ""


def failed(body: bytes, message: str, fate: Fate = "unknown", http_status: int | None = None) -> Result:
    return Result(body, None, http_status, ActionFailed, fate, message)


def unreadable(body: bytes, message: str) -> Result:
    return Result(body, None, None, errors.UnreadableReplyError, "unknown", message)


NO_STATUS = "the reply has no node_status, so it is not the result of an action"

RESULTS = [
    Result(b'{"node_status":"Success","data":{"id":"1"}}', {"id": "1"}),
    Result(b'{"node_status":"Success"}', None),
    Result(b'{"node_status":"Success","data":[1,2.5,"x",null,true]}', [1, 2.5, "x", None, True]),
    Result(b'{"node_status":"Success","data":"text"}', "text"),
    Result(b'{"node_status":"Success","data":{"status":"Failed","node_status":"Errored"}}', {"status": "Failed", "node_status": "Errored"}),
    Result(b'{"node_status":"Success","http_status":201,"data":{}}', {}, 201),
    Result(b'{"node_status":"Success","http_status":"204","data":null}', None, 204),
    Result(b'{"node_status":"Success","http_status":true,"data":1}', 1),
    Result(b'{"node_status":"Success","http_status":"fine","data":1}', 1),
    Result(BOM + b'{"node_status":"Success","data":1}', 1),
    Result(b'{"node_status":"Errored","node_status":"Success","data":1}', 1),
    Result(b'{"data":{"a":1,"a":2},"node_status":"Success"}', {"a": 2}),
    failed(b'{"node_status":"Failed","data":{"message":"no"}}', 'the action ended as Failed: {"message":"no"}'),
    failed(b'{"node_status":"Errored","http_status":404,"data":{}}', "the action ended as Errored, http_status 404: {}", "rejected", 404),
    failed(b'{"node_status":"Errored","http_status":"400","data":{}}', "the action ended as Errored, http_status 400: {}", "rejected", 400),
    *(failed(b'{"node_status":"%s","http_status":404,"data":{}}' % status.encode(), f"the action ended as {status}, http_status 404: {{}}", "unknown", 404)
      for status in ("Ready", "Waiting", "Stopped", "Timed_Out")),
    failed(b'{"node_status":"Timed_Out","http_status":408,"data":{}}', "the action ended as Timed_Out, http_status 408: {}", "unknown", 408),
    failed(b'{"node_status":"Errored","http_status":500,"data":{}}', "the action ended as Errored, http_status 500: {}", "unknown", 500),
    failed(b'{"node_status":"Errored","http_status":200,"data":{}}', "the action ended as Errored, http_status 200: {}", "unknown", 200),
    *(failed(f'{{"node_status":"{status}"}}'.encode(), f"the action ended as {status}: null")
      for status in ("Ready", "Waiting", "Stopped", "Rejected", "Errored_and_Skipped", "Timed_Out", "success", "")),
    failed(f'{{"node_status":"Errored","data":"{SECRET}"}}'.encode(), 'the action ended as Errored: "***"'),
    failed(f'{{"node_status":"Errored {SECRET}","data":1}}'.encode(), "the action ended as Errored ***: 1"),
    unreadable(b'{"data":{}}', NO_STATUS),
    unreadable(b'{"node_status":null}', NO_STATUS),
    unreadable(b'{"node_status":1}', NO_STATUS),
    unreadable(b"{}", NO_STATUS),
    unreadable(b"[]", "the response is a list, expected an object"),
    unreadable(b"null", "the response is null, expected an object"),
    unreadable(b"", EMPTY),
    unreadable(b"<html>", HTML),
    unreadable(b'{"node_status":"Success","data":{"a":', NOT_JSON),
    unreadable(b'{"node_status":"Success","data":NaN}', NOT_JSON),
]  # fmt: skip


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: repr(case.body[:60]))
def test_results(case: Result) -> None:
    if case.error is None:
        result = action_replies.read_result(ActionResult, reply(200, case.body), SECRET)
        assert (result.node_status, result.http_status, result.data) == (
            "Success",
            case.http_status,
            case.data,
        )
        return
    with pytest.raises(case.error) as caught:
        action_replies.read_result(ActionResult, reply(200, case.body), SECRET)
    error = caught.value
    assert error.message.startswith(case.message)
    assert error.fate == case.fate
    if isinstance(error, ActionFailed):
        assert error.result.http_status == case.http_status
        assert SECRET.encode() not in bytes(error.result.raw)
        assert SECRET not in repr(error.result)


def test_a_failed_action_by_the_apps_refusal_of_the_customer_asks_to_reconnect() -> None:
    for status, reconnect in ((401, True), (403, True), (404, False), (500, False)):
        body = json.dumps({"node_status": "Errored", "http_status": status}).encode()
        with pytest.raises(ActionFailed) as caught:
            action_replies.read_result(ActionResult, reply(200, body))
        assert caught.value.needs_reconnect is reconnect


def test_a_huge_result_is_not_decoded_until_asked_for() -> None:
    body = b'{"node_status":"Success","data":[' + b",".join([b'{"id":1}'] * 200_000) + b"]}"
    result = action_replies.read_result(ActionResult, reply(200, body))
    assert len(memoryview(result.raw)) == len(body) - len(b'{"node_status":"Success","data":}')
    assert len(result.data) == 200_000
    assert result.data is result.data


def test_data_that_is_not_text_raises_when_it_is_read() -> None:
    result = action_replies.read_result(ActionResult, reply(200, b'{"node_status":"Success","data":"\xff"}'))
    with pytest.raises(errors.UnreadableReplyError, match="the response is not JSON"):
        _ = result.data


@given(
    st.integers(100, 999),
    st.binary(max_size=60)
    | st.sampled_from([b"{", b"[", b'{"node_status":', b'"', b"<", BOM]).flatmap(
        lambda start: st.binary(max_size=30).map(lambda rest: start + rest)
    )
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "node_status",
                        "http_status",
                        "data",
                        "message",
                        "error",
                        "error_code",
                        "request_id",
                        "name",
                        "x",
                    ]
                ),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["Retry-After", "X-Request-Id", "Content-Type"]),
        st.text(st.characters(max_codepoint=255)),
    ),
)
def test_no_reply_raises_a_foreign_error(status: int, body: bytes, headers: dict[str, str]) -> None:
    got = Response(status, CIMultiDict(headers), body)
    for read, answer in READERS:
        value = answer_or_error(read, got)
        if isinstance(value, RefoldError):
            assert value.fate in {"rejected", "unknown"}
            assert len(value.message) < 1500
        else:
            assert isinstance(value, answer)


def answer_or_error(read: Callable[[Response], object], got: Response) -> object:
    try:
        return read(got)
    except RefoldError as error:
        return error


READERS: list[tuple[Callable[[Response], object], type]] = [
    (lambda got: responses.read(list[Action], got, SECRET), list),
    (lambda got: responses.read(list[ActionParameter], got, SECRET), list),
    (lambda got: action_replies.read_result(ActionResult, got, SECRET), ActionResult),
]


@pytest.mark.parametrize("depth", [10, 100, 300, 450, 600, 800, 900, 950, 1000, 5000])
def test_the_status_decides_the_error_however_deep_the_body_is(depth: int) -> None:
    body = b'{"message":' + b"[" * depth + b"]" * depth + b"}"
    assert isinstance(responses.status_error(reply(503, body)), errors.ServerError)


@pytest.mark.parametrize(
    "spelled",
    [
        ODD_SECRET,
        json.dumps(ODD_SECRET),
        json.dumps(json.dumps(ODD_SECRET)),
        json.dumps(ODD_SECRET).replace("/", "\\/"),
        quote(ODD_SECRET, safe=""),
        quote(ODD_SECRET, safe="").lower(),
        quote(quote(ODD_SECRET, safe=""), safe=""),
        html.escape(ODD_SECRET),
    ],
)
def test_a_secret_is_removed_however_it_is_escaped(spelled: str) -> None:
    text = responses.redact(f"the key {spelled} is wrong", ODD_SECRET)
    assert text.replace('"', "").replace("\\", "") == "the key *** is wrong"


def test_a_secret_is_removed_from_a_failed_actions_data_however_it_is_escaped() -> None:
    body = b'{"node_status":"Errored","data":{"key":%s,"odd":"\xff"}}' % json.dumps(ODD_SECRET).encode()
    with pytest.raises(ActionFailed) as caught:
        action_replies.read_result(ActionResult, reply(200, body), ODD_SECRET)
    assert bytes(caught.value.result.raw) == b'{"key":"***","odd":"\xff"}'


def test_a_secret_at_the_cut_is_removed_completely() -> None:
    for before in range(1900, 2010):
        body = b'{"node_status":"Errored","data":"' + b" " * before + SECRET.encode() + b'"}'
        with pytest.raises(ActionFailed) as caught:
            action_replies.read_result(ActionResult, reply(200, body), SECRET)
        assert SECRET[:4] not in caught.value.message


def test_a_reply_shows_its_size_and_never_its_content() -> None:
    assert repr(reply(200, "secret", X_Echo="secret")) == "Response(200, 6 bytes)"
