"""Headers that a program adds to a request can neither change who calls, nor how the request is framed."""

from typing import Any

import pytest

from refold_async import InvalidCallError
from refold_async._core.requests import added_headers

OWN = [
    "accept", "accept-encoding", "authorization", "connection", "content-length", "content-type",
    "cookie", "expect", "host", "keep-alive", "linked_account_id", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent", "x-api-key",
]  # fmt: skip


def spellings(name: str) -> set[str]:
    """Return a header's name in each form that a server may take for it."""
    folded = {name.replace("_", "-"), name.replace("-", "_"), name.replace("-", "_", 1)}
    return {form for each in folded for form in (each, each.title(), each.upper())}


@pytest.mark.parametrize("name", sorted(form for name in OWN for form in spellings(name)))
def test_the_clients_own_headers_cannot_be_overridden(name: str) -> None:
    with pytest.raises(InvalidCallError, match="is reserved for the client"):
        added_headers({"traceparent": "00-1", name: "x"})


@pytest.mark.parametrize(
    "name", ["x trace", "x:trace", "x-trace ", "trace(1)", "ü", '"x"', "a/b", "a@b", "x-trace\x85"]
)
def test_an_invalid_header_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidCallError, match="is not a valid header name"):
        added_headers({name: "x"})


@pytest.mark.parametrize("values", [[("x-trace", "1")], "x-trace: 1", 5, {"x-trace"}])
def test_headers_that_are_not_a_mapping_are_refused(values: Any) -> None:
    with pytest.raises(
        InvalidCallError, match=rf"^headers must be a mapping, not {type(values).__name__} \(fate"
    ):
        added_headers(values)


def test_the_message_names_what_is_wrong_with_a_name() -> None:
    with pytest.raises(InvalidCallError, match=r"^a header's name must be a string, not int \(fate"):
        added_headers({5: "x"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("name", "words"), [("", "header's name must not be empty"), ("x\r\ny", "header's name must not")]
)
def test_a_name_that_would_end_its_line_is_refused(name: str, words: str) -> None:
    with pytest.raises(InvalidCallError, match=words):
        added_headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nx-api-key: other", "a\nb", "\x00", " a", "a ", ""])
def test_a_value_that_would_be_changed_in_transit_is_refused(value: str) -> None:
    with pytest.raises(InvalidCallError):
        added_headers({"traceparent": value})


def test_a_header_of_the_client_is_reserved() -> None:
    with pytest.raises(InvalidCallError, match="is reserved for the client"):
        added_headers({"X-Mine": "b"}, taken=["x-mine"])
    with pytest.raises(InvalidCallError, match="is reserved for the client"):
        added_headers({"X_Mine": "b"}, taken=["x-mine"])


@pytest.mark.parametrize("name", ["traceparent", "X-Request-Id", "a1!#$%&'*+.^_`|~-"])
def test_other_headers_are_added_unchanged(name: str) -> None:
    assert added_headers({name: "00-1"}, taken=["x-mine"]) == {name: "00-1"}
