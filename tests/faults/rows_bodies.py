"""Complete successful responses with invalid or unusual bodies."""

import gzip
import zlib

from .answers import HTML, HTML_FIELD, JSON_FIELD, head, ok, reply
from .expectations import ACCEPTED, DAMAGED, TOO_LARGE, UNREADABLE
from .fault import REPLY_LIMIT, Fault
from .scenarios import answer, in_data, sent
from .steps import Scenario

DEPTH = 100_000
GZIP = b"Content-Encoding: gzip"
DEFLATE = b"Content-Encoding: deflate"


def _body(body: bytes) -> Scenario:
    return answer(200, body, JSON_FIELD)


def _typed(content_type: bytes) -> Scenario:
    return sent(lambda body: reply(200, body, b"Content-Type: " + content_type))


def _bomb() -> bytes:
    return gzip.compress(b" " * (32 * REPLY_LIMIT), mtime=0)


CODED = (
    Fault(id="gzip", words="a gzip body", scenario=sent(lambda b: ok(gzip.compress(b), GZIP)), **ACCEPTED),
    Fault(
        id="gzip-bomb",
        words="32 MiB in 32 KiB of gzip",
        scenario=answer(200, _bomb(), JSON_FIELD, GZIP),
        **TOO_LARGE,
    ),
    Fault(
        id="gzip-garbage",
        words="Content-Encoding is gzip, the body is not",
        scenario=sent(lambda b: ok(b, GZIP)),
        **DAMAGED,
    ),
    Fault(
        id="gzip-cut",
        words="truncated gzip",
        scenario=sent(lambda b: ok(gzip.compress(b)[:-12], GZIP)),
        **DAMAGED,
    ),
    Fault(
        id="gzip-wrong-sum",
        words="gzip with a wrong checksum",
        scenario=sent(lambda b: ok(gzip.compress(b)[:-8] + b"\x00" * 8, GZIP)),
        **DAMAGED,
    ),
    Fault(
        id="gzip-twice",
        words="gzip within gzip, declared as such",
        scenario=sent(lambda b: ok(gzip.compress(gzip.compress(b)), b"Content-Encoding: gzip, gzip")),
        **ACCEPTED,
    ),
    Fault(
        id="x-gzip",
        words="a gzip body whose Content-Encoding is x-gzip",
        scenario=sent(lambda b: ok(gzip.compress(b), b"Content-Encoding: x-gzip")),
        **ACCEPTED,
    ),
    Fault(
        id="gzip-identity",
        words="a gzip body whose Content-Encoding is gzip, identity",
        scenario=sent(lambda b: ok(gzip.compress(b), b"Content-Encoding: gzip, identity")),
        **ACCEPTED,
    ),
    Fault(
        id="x-gzip-garbage",
        words="Content-Encoding is x-gzip, the body is not",
        scenario=sent(lambda b: ok(b, b"Content-Encoding: x-gzip")),
        **DAMAGED,
    ),
    Fault(
        id="x-gzip-cut",
        words="truncated gzip whose Content-Encoding is x-gzip",
        scenario=sent(lambda b: ok(gzip.compress(b)[:-12], b"Content-Encoding: x-gzip")),
        **DAMAGED,
    ),
    Fault(
        id="x-gzip-bomb",
        words="32 MiB in 32 KiB of gzip whose Content-Encoding is x-gzip",
        scenario=answer(200, _bomb(), JSON_FIELD, b"Content-Encoding: x-gzip"),
        **TOO_LARGE,
    ),
    Fault(
        id="zstd",
        words="Content-Encoding is zstd, which was not requested",
        scenario=answer(200, b"\x28\xb5\x2f\xfd\x00", JSON_FIELD, b"Content-Encoding: zstd"),
        **UNREADABLE,
    ),
    Fault(
        id="deflate",
        words="a deflate body",
        scenario=sent(lambda b: ok(zlib.compress(b), DEFLATE)),
        **ACCEPTED,
    ),
    Fault(
        id="deflate-garbage",
        words="Content-Encoding is deflate, the body is noise",
        scenario=answer(200, b"\xff\xfe\xfd" * 20, JSON_FIELD, DEFLATE),
        **DAMAGED,
    ),
    Fault(
        id="brotli",
        words="Content-Encoding is br, which was not requested, and the body is noise",
        scenario=answer(200, b"\xff\xfe\xfd" * 20, JSON_FIELD, b"Content-Encoding: br"),
        **UNREADABLE,
    ),
    Fault(
        id="encoding-unknown",
        words="an unknown Content-Encoding",
        scenario=answer(200, b"\xff\xfe\xfd" * 20, JSON_FIELD, b"Content-Encoding: shredded"),
        **UNREADABLE,
    ),
    Fault(
        id="oversized",
        words="a body over the size limit",
        scenario=_body(b"[" + b" " * REPLY_LIMIT + b"]"),
        **TOO_LARGE,
    ),
)

EMPTY = (
    Fault(id="html-200", words="an HTML page with 200", scenario=answer(200, HTML, HTML_FIELD), **UNREADABLE),
    Fault(id="empty-200", words="200 with an empty body", scenario=answer(200), **UNREADABLE),
    Fault(id="empty-204", words="204 No Content", scenario=sent(lambda _: head(204)), **UNREADABLE),
    Fault(
        id="body-204",
        words="204 with a body, which HTTP forbids",
        scenario=sent(lambda b: reply(204, b)),
        **DAMAGED,
    ),
    Fault(
        id="created-201",
        words="201 with a good body",
        scenario=sent(lambda b: reply(201, b, JSON_FIELD)),
        **ACCEPTED,
    ),
    Fault(
        id="partial-206",
        words="206 with half of the body",
        scenario=sent(lambda b: reply(206, b[: len(b) // 2])),
        **DAMAGED,
    ),
)

JSON = (
    Fault(
        id="json-cut",
        words="truncated JSON with a matching Content-Length",
        scenario=sent(lambda b: ok(b[: len(b) // 2])),
        **DAMAGED,
    ),
    Fault(
        id="json-two",
        words="two JSON documents in one body",
        scenario=sent(lambda b: ok(b + b)),
        **UNREADABLE,
    ),
    Fault(
        id="json-bom",
        words="JSON after a byte order mark",
        scenario=sent(lambda b: ok(b"\xef\xbb\xbf" + b)),
        **ACCEPTED,
    ),
    Fault(
        id="json-utf-16",
        words="JSON in UTF-16",
        scenario=sent(lambda b: ok(b.decode().encode("utf-16"))),
        **UNREADABLE,
    ),
    Fault(
        id="json-invalid-utf-8",
        words="invalid UTF-8 in a string",
        scenario=in_data(b'"\xff\xfe"'),
        late=True,
        **UNREADABLE,
    ),
    Fault(id="json-nan", words="NaN as a value", scenario=in_data(b"NaN"), **UNREADABLE),
    Fault(id="json-infinity", words="-Infinity as a value", scenario=in_data(b"-Infinity"), **UNREADABLE),
    Fault(
        id="json-nested",
        words="100,000 nested arrays",
        scenario=in_data(b"[" * DEPTH + b"]" * DEPTH),
        late=True,
        **UNREADABLE,
    ),
    Fault(
        id="json-lone-surrogate",
        words="a lone surrogate in a string",
        scenario=in_data(b'"\\ud800"'),
        **ACCEPTED,
    ),
    Fault(
        id="json-duplicate-keys",
        words="a duplicate key in an object",
        scenario=in_data(b'0, "twice": 1, "twice": 2'),
        **ACCEPTED,
    ),
    Fault(
        id="json-long-number",
        words="a number of 5,000 digits",
        scenario=in_data(b"9" * 5000),
        **ACCEPTED,
    ),
    Fault(id="json-control", words="a raw newline in a string", scenario=in_data(b'"a\nb"'), **UNREADABLE),
    Fault(id="json-null", words="null as the whole body", scenario=_body(b"null"), **UNREADABLE),
    Fault(id="json-wrong-shape", words="a string as the whole body", scenario=_body(b'"fine"'), **UNREADABLE),
    Fault(id="type-text", words="good JSON as text/plain", scenario=_typed(b"text/plain"), **ACCEPTED),
    Fault(
        id="type-charset",
        words="an unknown charset",
        scenario=_typed(b"application/json; charset=klingon"),
        **ACCEPTED,
    ),
    Fault(id="type-absent", words="no Content-Type", scenario=sent(lambda b: reply(200, b)), **ACCEPTED),
    Fault(id="type-garbage", words="an invalid Content-Type", scenario=_typed(b';;="/'), **ACCEPTED),
)

BODIES = (*CODED, *EMPTY, *JSON)
