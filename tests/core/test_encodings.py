"""Content encodings: what was requested is decoded, anything else is named, and neither hides a status."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import AuthenticationError, Refold, RefoldError, ServerError
from refold_async._core.transport.encodings import BodyDecoder, decode
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


@given(st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=5), st.sampled_from(sorted(ENCODERS)))
def test_a_body_in_parts_decodes_as_a_whole_one(body: bytes, cuts: list[int], name: str) -> None:
    encoded = ENCODERS[name](body)
    decoder = BodyDecoder(name, 500)
    bounds = [0, *sorted(cuts), len(encoded)]
    parts = [decoder.feed(encoded[start:end]) for start, end in pairwise(bounds)]
    decoder.end()
    assert b"".join(parts) == body


def test_several_members_and_deflate_without_a_header_are_decoded() -> None:
    assert decode(gzip.compress(b"one, ") + gzip.compress(b"two"), "gzip", 100) == b"one, two"
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert decode(raw.compress(b"raw") + raw.flush(), "deflate", 100) == b"raw"
    with pytest.raises(EncodingError):
        decode(zlib.compress(b"one") + zlib.compress(b"two"), "deflate", 100)


@asynccontextmanager
async def answering(head: bytes, body: bytes) -> AsyncIterator[str]:
    """Serve one response to every request, the body a moment after the head."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b"POST" in request:
            await reader.readexactly(2)
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body[:1])
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(body[1:])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"shredded", b"gzip, br", b"gzip", b"deflate"])
@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (503, ServerError)])
async def test_an_encoding_does_not_hide_the_status_of_an_error(
    transport: str, encoding: bytes, status: int, error: type[RefoldError]
) -> None:
    head = b"HTTP/1.1 %d Refused\r\nContent-Encoding: %b\r\n" % (status, encoding)
    async with answering(head, b"\xff\xfe\xfd" * 9) as url, Refold("tk_1", base_url=url) as refold:
        with pytest.raises(error) as caught:
            await refold.account("a").actions.execute("hubspot", "create_contact")
    assert caught.value.status == status
    assert caught.value.fate == ("unknown" if status == 503 else "rejected")


async def test_a_body_is_decoded_as_it_arrives(transport: str) -> None:
    body = gzip.compress(b'{"node_status":"Success","data":[%b1]}' % (b"1," * 50_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    async with answering(head, body) as url, Refold("tk_1", base_url=url) as refold:
        result = await refold.account("a").actions.execute("hubspot", "get_contact")
    assert len(result.data) == 50_001
