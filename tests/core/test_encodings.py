"""Content encodings that aiohttp leaves to us: what was requested is decoded, anything else is named."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.transport.encodings import decode
from refold_async._core.transport.errors import EncodingError, TooLargeError

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "X-GZip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


@given(st.binary(max_size=2000), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=4))
def test_encodings_are_undone_in_reverse_order(body: bytes, names: list[str]) -> None:
    encoded = body
    for name in names:
        encoded = ENCODERS[name](encoded)
    assert decode(encoded, ", ".join(names), 10_000) == body


@pytest.mark.parametrize("header", ["br", "zstd", "gzip, br", "shredded", "compress", "gzip;q=1"])
def test_an_encoding_that_was_not_requested_is_named(header: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(b"", header, 100)
    assert caught.value.encoding in header.split(", ")


@given(st.binary(max_size=200), st.sampled_from(["x-gzip", "gzip, identity", "identity, deflate"]))
def test_a_body_that_is_not_encoded_so_is_broken(body: bytes, header: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(b"\x00" + body, header, 100)
    assert caught.value.encoding is None


@pytest.mark.parametrize("cut", [1, 4, 8, 12])
def test_a_truncated_body_is_broken(cut: int) -> None:
    with pytest.raises(EncodingError):
        decode(gzip.compress(b"whole")[:-cut], "x-gzip", 100)


def test_a_body_may_not_grow_over_the_limit() -> None:
    body = gzip.compress(b" " * 101)
    assert decode(body, "x-gzip", 101) == b" " * 101
    with pytest.raises(TooLargeError):
        decode(body, "x-gzip", 100)
    with pytest.raises(TooLargeError):
        decode(gzip.compress(gzip.compress(b" " * 10**6)), "gzip, gzip", 5000)


def test_more_encodings_than_any_proxy_adds_are_refused() -> None:
    with pytest.raises(EncodingError):
        decode(b"", ", ".join(["gzip"] * 5), 100)


def test_an_endless_row_of_empty_members_is_broken() -> None:
    with pytest.raises(EncodingError):
        decode(gzip.compress(b"") * 1000, "x-gzip", 10**9)
