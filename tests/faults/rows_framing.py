"""Responses with a wrong length, and bytes after the end of a response."""

from .answers import CHUNKED_FIELD, HTML, JSON_FIELD, chunks, good_body, head, ok, poison_body
from .expectations import ACCEPTED, DAMAGED, LOST, STALLED, TOO_LARGE
from .fault import REPLY_LIMIT, Fault
from .scenarios import always, sent, with_good
from .steps import Close, Hang, Request, Scenario, Script, Send, Sleep


def _lengths(body: bytes, *lengths: bytes) -> bytes:
    return head(200, JSON_FIELD, *(b"Content-Length: " + length for length in lengths)) + body


def _length(body: bytes, more: int = 0) -> bytes:
    return b"%d" % (len(body) + more)


def _chunked(coded: bytes) -> bytes:
    return head(200, JSON_FIELD, CHUNKED_FIELD) + coded


LENGTH = (
    Fault(
        id="length-too-short",
        words="Content-Length is too short",
        scenario=sent(lambda body: _lengths(body, _length(body, -5))),
        **DAMAGED,
    ),
    Fault(
        id="length-too-long",
        words="Content-Length is too long, and the server closes",
        scenario=with_good(lambda body: (Send(_lengths(body, _length(body, 5))), Close())),
        **LOST,
    ),
    Fault(
        id="length-too-long-silence",
        words="Content-Length is too long, and the server keeps the connection open",
        scenario=with_good(lambda body: (Send(_lengths(body, _length(body, 5))), Hang())),
        **STALLED,
    ),
    Fault(
        id="length-over-limit",
        words="Content-Length is over the size limit, and no body follows",
        scenario=always(Send(head(200, JSON_FIELD, b"Content-Length: %d" % (REPLY_LIMIT + 1))), Hang()),
        **TOO_LARGE,
    ),
    Fault(
        id="length-negative",
        words="Content-Length is negative",
        scenario=sent(lambda body: _lengths(body, b"-5")),
        **DAMAGED,
    ),
    Fault(
        id="length-signed",
        words="Content-Length has a plus sign",
        scenario=sent(lambda body: _lengths(body, b"+" + _length(body))),
        **DAMAGED,
    ),
    Fault(
        id="length-no-number",
        words="Content-Length is not a number",
        scenario=sent(lambda body: _lengths(body, b"plenty")),
        **DAMAGED,
    ),
    Fault(
        id="length-huge",
        words="Content-Length exceeds 64 bits",
        scenario=sent(lambda body: _lengths(body, b"9" * 30)),
        **DAMAGED,
    ),
    Fault(
        id="length-twice",
        words="two identical Content-Length headers",
        scenario=sent(lambda body: _lengths(body, _length(body), _length(body))),
        **DAMAGED,
    ),
    Fault(
        id="length-contradicts",
        words="two different Content-Length headers",
        scenario=sent(lambda body: _lengths(body, _length(body), _length(body, -5))),
        **DAMAGED,
    ),
    Fault(
        id="length-and-chunked",
        words="both Content-Length and chunked encoding",
        scenario=sent(lambda body: head(200, JSON_FIELD, b"Content-Length: 5", CHUNKED_FIELD) + chunks(body)),
        **DAMAGED,
    ),
)

CHUNKS = (
    Fault(
        id="chunk-size-garbage",
        words="a chunk size is not a number",
        scenario=sent(lambda body: _chunked(b"zz\r\n" + body + b"\r\n0\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="html-for-chunk",
        words="an HTML page in place of a chunk",
        scenario=sent(lambda body: _chunked(b"%x\r\n" % len(body) + body + b"\r\n" + HTML)),
        **DAMAGED,
    ),
    Fault(
        id="chunk-size-negative",
        words="a chunk size is negative",
        scenario=sent(lambda body: _chunked(b"-5\r\n" + body + b"\r\n0\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="chunk-size-huge",
        words="a chunk size exceeds 64 bits",
        scenario=sent(lambda body: _chunked(b"f" * 20 + b"\r\n" + body + b"\r\n0\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="chunk-too-short",
        words="a chunk is longer than its size",
        scenario=sent(lambda body: _chunked(b"5\r\n" + body + b"\r\n0\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="chunk-no-line-end",
        words="no line ending after a chunk",
        scenario=sent(lambda body: _chunked(b"%x\r\n" % len(body) + body + b"0\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="chunk-bare-lf",
        words="chunks with bare LF line endings",
        scenario=sent(lambda body: _chunked(chunks(body).replace(b"\r\n", b"\n"))),
        **DAMAGED,
    ),
    Fault(
        id="chunk-extension",
        words="chunks with extensions and a trailer",
        scenario=sent(
            lambda body: _chunked(b"%x;note=1\r\n" % len(body) + body + b"\r\n0\r\nX-Trailer: 1\r\n\r\n")
        ),
        **ACCEPTED,
    ),
    Fault(
        id="transfer-encoding-unknown",
        words="an unknown Transfer-Encoding, ended by the close",
        scenario=with_good(
            lambda body: (Send(head(200, JSON_FIELD, b"Transfer-Encoding: shredded") + body), Close())
        ),
        **ACCEPTED,
    ),
)


def _in_two_packets(coded: bytes) -> Scenario:
    """Send the head, and the body only when the client already waits for it."""
    return always(Send(head(200, JSON_FIELD, CHUNKED_FIELD)), Sleep(1), Send(coded))


LATER_CHUNKS = (
    Fault(
        id="chunk-size-garbage-later",
        words="a first chunk size is not a number, in a separate packet",
        scenario=_in_two_packets(b"zz\r\n"),
        **DAMAGED,
    ),
    Fault(
        id="chunk-too-short-later",
        words="a chunk is longer than its size, in a separate packet",
        scenario=_in_two_packets(b"5\r\n[{}, {}, {}]\r\n0\r\n\r\n"),
        **DAMAGED,
    ),
    Fault(
        id="chunk-closed-later",
        words="closed within a chunk, in a separate packet",
        scenario=always(Send(head(200, JSON_FIELD, CHUNKED_FIELD)), Sleep(1), Send(b"5\r\n[{}"), Close()),
        **LOST,
    ),
)


def _two_answers(request: Request) -> Script:
    return (Send(ok(good_body(request)) + ok(poison_body(request))),)


AFTERWARDS = (
    Fault(
        id="garbage-after",
        words="garbage directly after the body",
        scenario=sent(lambda body: ok(body) + b"and another thing"),
        **DAMAGED,
    ),
    Fault(
        id="line-ends-after",
        words="stray line endings after the body",
        scenario=sent(lambda body: ok(body) + b"\r\n\r\n"),
        **ACCEPTED,
    ),
    Fault(
        id="second-answer",
        words="a second response directly after the first",
        scenario=_two_answers,
        **ACCEPTED,
    ),
    Fault(
        id="second-answer-half",
        words="half of a second response directly after the first",
        scenario=sent(lambda body: ok(body) + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"),
        **ACCEPTED,
    ),
)

FRAMING = (*LENGTH, *CHUNKS, *LATER_CHUNKS, *AFTERWARDS)
