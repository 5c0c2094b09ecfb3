"""Error responses with broken bodies: the status was read and decides the fate of the call."""

import gzip

from .answers import CHUNKED_FIELD, HTML_FIELD, JSON_FIELD, error_envelope, head, reply
from .expectations import REDIRECTED, THROTTLED, Expectations, permanent, transient
from .fault import REPLY_LIMIT, Fault
from .scenarios import always, answer
from .steps import Close, Flood, Hang, Reset, Scenario, Send, Sleep

ENVELOPE = error_envelope(400, "The body of this answer is not whole")
GZIP = b"Content-Encoding: gzip"
NOT_FOUND = permanent("NotFoundError", "rejected")
BAD_REQUEST = permanent("BadRequestError", "rejected")
SERVER_ERROR = transient("ServerError")


def _cut(status: int, end: Close | Reset | Hang, *fields: bytes) -> Scenario:
    return always(Send(reply(status, ENVELOPE, JSON_FIELD, *fields)[:-10]), end)


def _row(
    name: str, words: str, scenario: Scenario, expectations: Expectations, *, silent: bool = False
) -> Fault:
    return Fault(id=f"broken-{name}", words=words, scenario=scenario, silent=silent, **expectations)


CUT = (
    _row("404-closed", "404, closed within the body", _cut(404, Close()), NOT_FOUND),
    _row("404-reset", "404, reset within the body", _cut(404, Reset()), NOT_FOUND),
    _row("404-silence", "404, stalls within the body", _cut(404, Hang()), NOT_FOUND, silent=True),
    _row("302-closed", "302, closed within the body", _cut(302, Close(), b"Location: /taken"), REDIRECTED),
    _row("502-closed", "502, closed within the body", _cut(502, Close()), SERVER_ERROR),
    _row("429-closed", "429, closed within the body", _cut(429, Close(), b"Retry-After: 0"), THROTTLED),
    _row(
        "400-chunks",
        "400 with a chunk size that is not a number",
        always(Send(head(400, JSON_FIELD, CHUNKED_FIELD)), Sleep(1), Send(b"zz\r\n")),
        BAD_REQUEST,
    ),
)

CODED = (
    _row(
        "400-gzip",
        "400 with Content-Encoding gzip and a body that is not gzip",
        answer(400, ENVELOPE, JSON_FIELD, GZIP),
        BAD_REQUEST,
    ),
    _row(
        "400-bomb",
        "400 with 32 MiB in 32 KiB of gzip",
        answer(400, gzip.compress(b" " * (32 * REPLY_LIMIT), mtime=0), JSON_FIELD, GZIP),
        BAD_REQUEST,
    ),
)

IMMENSE = (
    _row(
        "404-oversized",
        "404 with a page over the size limit",
        answer(404, b" " * (2 * REPLY_LIMIT), HTML_FIELD),
        NOT_FOUND,
    ),
    _row(
        "503-endless",
        "503 with an endless body without length",
        always(Send(head(503, HTML_FIELD)), Flood(b" " * (1 << 16))),
        SERVER_ERROR,
    ),
)

NOT_JSON = (
    _row("400-nested", "400 with 100,000 nested arrays", answer(400, b"[" * 100_000), BAD_REQUEST),
    _row(
        "400-latin-1", "400 with broken UTF-8", answer(400, b'{"message": "\xff"}', JSON_FIELD), BAD_REQUEST
    ),
    _row(
        "400-other-types",
        "400 whose envelope has unexpected types",
        answer(400, b'{"message": {"a": [1]}, "error_code": 7, "request_id": []}', JSON_FIELD),
        BAD_REQUEST,
    ),
    _row(
        "400-no-object",
        "400 with a list instead of an envelope",
        answer(400, b"[1]", JSON_FIELD),
        BAD_REQUEST,
    ),
)

BROKEN = (*CUT, *CODED, *IMMENSE, *NOT_JSON)
