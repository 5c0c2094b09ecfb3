"""Error answers whose body fails too: their status was read, and says what became of the call."""

import gzip

from .answers import CHUNKED_FIELD, HTML_FIELD, JSON_FIELD, error_envelope, head, reply
from .fault import REPLY_LIMIT, Fault
from .plays import always, answer
from .steps import Close, Flood, Hang, Play, Reset, Send, Sleep
from .verdicts import REDIRECTED, THROTTLED, Verdict, permanent, transient

ENVELOPE = error_envelope(400, "The body of this answer is not whole")
GZIP = b"Content-Encoding: gzip"
NOT_FOUND = permanent("NotFoundError", "rejected")
BAD_REQUEST = permanent("BadRequestError", "rejected")
SERVER_ERROR = transient("ServerError")


def _cut(status: int, end: Close | Reset | Hang, *fields: bytes) -> Play:
    return always(Send(reply(status, ENVELOPE, JSON_FIELD, *fields)[:-10]), end)


def _row(name: str, words: str, play: Play, verdict: Verdict, *, silent: bool = False) -> Fault:
    return Fault(id=f"broken-{name}", words=words, play=play, silent=silent, **verdict)


CUT = (
    _row("404-closed", "404, and closes in the body", _cut(404, Close()), NOT_FOUND),
    _row("404-reset", "404, and resets in the body", _cut(404, Reset()), NOT_FOUND),
    _row("404-silence", "404, and silence in the body", _cut(404, Hang()), NOT_FOUND, silent=True),
    _row("302-closed", "302, and closes in the body", _cut(302, Close(), b"Location: /taken"), REDIRECTED),
    _row("502-closed", "502, and closes in the body", _cut(502, Close()), SERVER_ERROR),
    _row("429-closed", "429, and closes in the body", _cut(429, Close(), b"Retry-After: 0"), THROTTLED),
    _row(
        "400-chunks",
        "400, and a chunk's size is no number",
        always(Send(head(400, JSON_FIELD, CHUNKED_FIELD)), Sleep(1), Send(b"zz\r\n")),
        BAD_REQUEST,
    ),
)

CODED = (
    _row("400-gzip", "400 that says gzip, and is not", answer(400, ENVELOPE, JSON_FIELD, GZIP), BAD_REQUEST),
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
        "503 without length and without end",
        always(Send(head(503, HTML_FIELD)), Flood(b" " * (1 << 16))),
        SERVER_ERROR,
    ),
)

NOT_JSON = (
    _row("400-nested", "400 with 100,000 arrays in one another", answer(400, b"[" * 100_000), BAD_REQUEST),
    _row(
        "400-latin-1", "400 with broken UTF-8", answer(400, b'{"message": "\xff"}', JSON_FIELD), BAD_REQUEST
    ),
    _row(
        "400-other-types",
        "400 whose envelope has other types",
        answer(400, b'{"message": {"a": [1]}, "error_code": 7, "request_id": []}', JSON_FIELD),
        BAD_REQUEST,
    ),
    _row("400-no-object", "400 with a list for an envelope", answer(400, b"[1]", JSON_FIELD), BAD_REQUEST),
)

BROKEN = (*CUT, *CODED, *IMMENSE, *NOT_JSON)
