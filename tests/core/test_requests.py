"""From a call to a request: what any text becomes on the wire, and what is refused."""

from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from yarl import URL

from refold_async._core import checks, requests
from refold_async._core.operation import Operation
from refold_async.errors import InvalidCallError

OPERATION = Operation("things.get", "GET", "/api/{slug}/things/{thing_id}", "read")
CONTROLS = st.characters(max_codepoint=0x1F) | st.just("\x7f")


@given(st.text(min_size=1))
def test_a_path_value_stays_one_segment_and_decodes_to_itself(value: str) -> None:
    assume(value not in {".", ".."} and not checks._CONTROL.search(value))
    encoded = requests.segment("slug", value)
    assert unquote(encoded) == value
    assert not set("/?#\\ ;") & set(encoded)
    url = URL(f"http://host{requests.path_of(OPERATION.path, (value, value))}", encoded=True)
    assert url.raw_path == f"/api/{encoded}/things/{encoded}"
    assert url.raw_query_string == ""


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("hubspot", "hubspot"),
        ("a/b", "a%2Fb"),
        ("../x", "..%2Fx"),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("?q=1#f", "%3Fq%3D1%23f"),
        ("ü", "%C3%BC"),
        ("😀", "%F0%9F%98%80"),
        ("a;b=c", "a%3Bb%3Dc"),
        ("\u2028", "%E2%80%A8"),
    ],
)
def test_segments(value: str, encoded: str) -> None:
    assert requests.segment("slug", value) == encoded


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "slug must not be empty"),
        (".", "slug must not be '.': it would address another path"),
        ("..", "slug must not be '..': it would address another path"),
        ("a\nb", r"slug must not contain control characters: 'a\nb'"),
        ("a\x00", r"slug must not contain control characters: 'a\x00'"),
        ("\x7f", r"slug must not contain control characters: '\x7f'"),
        ("\ud800", r"slug is not valid Unicode: '\ud800'"),
        (None, "slug must be a string, not NoneType"),
        (1, "slug must be a string, not int"),
        (b"x", "slug must be a string, not bytes"),
        (["x"], "slug must be a string, not list"),
    ],
)
def test_refused_segments(value: Any, words: str) -> None:
    with pytest.raises(InvalidCallError) as caught:
        requests.build(OPERATION, (value, "x"))
    assert caught.value.message == words
    assert caught.value.fate == "not_sent"


@given(st.text(min_size=1))
def test_a_header_carries_its_text_unchanged_or_refuses_it(value: str) -> None:
    try:
        sent = requests.headers_of({"linked_account_id": value})["linked_account_id"]
    except InvalidCallError:
        assert checks._CONTROL.search(value) or value != value.strip() or not value.isprintable()
    else:
        assert sent == value
        assert not set("\r\n\0") & set(sent)
        assert sent.encode().decode() == value


@given(st.text(), CONTROLS, st.text())
def test_no_control_character_gets_into_a_header_or_a_path(before: str, control: str, after: str) -> None:
    for refuse in (checks.check_header, requests.segment):
        with pytest.raises(InvalidCallError):
            refuse("linked_account_id", before + control + after)


@pytest.mark.parametrize("value", [" a", "a ", "\xa0a", "a\u2003"])
def test_white_space_that_http_would_strip_is_refused(value: str) -> None:
    with pytest.raises(InvalidCallError, match="must not start or end with whitespace"):
        checks.check_header("linked_account_id", value)


def test_a_header_that_is_none_is_omitted() -> None:
    assert requests.headers_of({"linked_account_id": None, "Idempotency-Key": "k"}) == {
        "Idempotency-Key": "k"
    }


class Status(str, Enum):  # noqa: UP042 - unlike a StrEnum, its `str` is its name
    ERRORED = "errored"


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"])) | st.integers()))
def test_a_query_decodes_to_itself(values: dict[str, str | int]) -> None:
    query = requests.query_of(values)
    assert dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)) == {
        name: str(value) for name, value in values.items()
    }
    assert " " not in query
    assert query.isascii()


@pytest.mark.parametrize(
    ("values", "query"),
    [
        ({}, ""),
        ({"page": None}, ""),
        ({"page": 1, "limit": None}, "?page=1"),
        ({"on": True, "off": False}, "?on=true&off=false"),
        ({"share": 0.5}, "?share=0.5"),
        ({"q": "a b&c=d/e?f"}, "?q=a%20b%26c%3Dd%2Fe%3Ff"),
        ({"q": ""}, "?q="),
        ({"status": Status.ERRORED}, "?status=errored"),
    ],
)
def test_queries(values: dict[str, requests.Scalar], query: str) -> None:
    assert requests.query_of(values) == query


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "q must be a finite number, not nan"),
        (float("inf"), "q must be a finite number, not inf"),
        (["a"], "q must be a string, a number or a bool, not list"),
        (b"a", "q must be a string, a number or a bool, not bytes"),
        ("\udfff", r"q is not valid Unicode: '\udfff'"),
    ],
)
def test_refused_query_values(value: requests.Scalar, words: str) -> None:
    with pytest.raises(InvalidCallError) as caught:
        requests.query_of({"q": value})
    assert caught.value.message == words


@pytest.mark.parametrize("values", [[("q", "x")], "q=x", 5, {"q"}])
def test_a_query_that_is_not_a_mapping_is_refused(values: Any) -> None:
    message = rf"^query must be a mapping, not {type(values).__name__} \(fate"
    with pytest.raises(InvalidCallError, match=message):
        requests.query_of(values)


@pytest.mark.parametrize("name", [5, None, b"q", ("q",)])
def test_a_query_parameters_name_is_a_string(name: Any) -> None:
    message = rf"^a query parameter's name must be a string, not {type(name).__name__} \(fate"
    with pytest.raises(InvalidCallError, match=message):
        requests.query_of({"first": "x", name: "y"})


def test_a_query_parameters_name_is_valid_unicode() -> None:
    with pytest.raises(
        InvalidCallError, match=r"^a query parameter's name is not valid Unicode: '\\ud800' \(fate"
    ):
        requests.query_of({"\ud800": "x"})


def test_a_whole_request() -> None:
    request = requests.build(
        OPERATION, ("a/b", "1"), query={"page": 2}, headers={"linked_account_id": "é"}, body=b"{}"
    )
    assert request == requests.Request("GET", "/api/a%2Fb/things/1?page=2", {"linked_account_id": "é"}, b"{}")
    assert requests.build(OPERATION, ("a", "1")) == requests.Request("GET", "/api/a/things/1")


def test_path_parameters_are_named_in_order() -> None:
    assert requests.parameters_of(OPERATION.path) == ("slug", "thing_id")
