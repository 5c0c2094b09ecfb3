"""Status lines and headers that are odd, broken or immense, and answers before the answer."""

from .answers import JSON_FIELD, head, ok
from .fault import Fault
from .plays import sent, with_good
from .steps import Play, Send
from .verdicts import ACCEPTED, UNREADABLE, Verdict, permanent

MEGABYTE = 1 << 20


def _status_line(line: bytes) -> Play:
    return sent(lambda body: head(line, JSON_FIELD, b"Content-Length: %d" % len(body)) + body)


def _field(field: bytes) -> Play:
    return sent(lambda body: ok(body, field))


def _before(interim: bytes) -> Play:
    return sent(lambda body: interim + ok(body))


def _odd_status(name: str, words: str, line: bytes, verdict: Verdict) -> Fault:
    return Fault(id=f"status-{name}", words=words, play=_status_line(line), **verdict)


def _odd_field(name: str, words: str, field: bytes, verdict: Verdict, *, lenient: bool = False) -> Fault:
    return Fault(id=f"header-{name}", words=words, play=_field(field), lenient=lenient, **verdict)


STATUS_LINES = (
    _odd_status("garbage", "a status line that is none", b"It works, mostly", UNREADABLE),
    _odd_status("lower-case", "`http/1.1` in lower case", b"http/1.1 200 OK", UNREADABLE),
    _odd_status("no-reason", "a status without reason", b"HTTP/1.1 200", ACCEPTED),
    _odd_status("http-1-0", "an HTTP/1.0 answer", b"HTTP/1.0 200 OK", ACCEPTED),
    _odd_status("http-2", "a status line of HTTP/2.0", b"HTTP/2.0 200 OK", ACCEPTED),
    _odd_status("two-digits", "a status of two digits", b"HTTP/1.1 20 OK", UNREADABLE),
    _odd_status("four-digits", "a status of four digits", b"HTTP/1.1 2000 OK", UNREADABLE),
    _odd_status("negative", "a negative status", b"HTTP/1.1 -200 OK", UNREADABLE),
    _odd_status("999", "a status that no standard knows: 999", b"HTTP/1.1 999 Odd", permanent("StatusError")),
    Fault(
        id="http-0-9",
        words="a bare body, as in HTTP/0.9",
        play=sent(lambda body: body + b"\r\n\r\n"),
        **UNREADABLE,
    ),
)

FIELDS = (
    _odd_field("nul", "NUL in a header", b"X-Odd: a\x00b", UNREADABLE),
    _odd_field("control", "a control character in a header", b"X-Odd: a\x01b", ACCEPTED, lenient=True),
    _odd_field("latin-1", "bytes beyond ASCII in a header", b"X-Odd: caf\xe9", ACCEPTED),
    _odd_field("no-colon", "a header line without colon", b"X-Odd", UNREADABLE),
    _odd_field("no-name", "a header without name", b": odd", UNREADABLE),
    _odd_field("space-in-name", "a space before a header's colon", b"X-Odd : odd", UNREADABLE),
    _odd_field("folded", "a header folded over two lines", b"X-Odd: one\r\n two", ACCEPTED, lenient=True),
    _odd_field(
        "bare-lf", "a header that ends in a bare LF", b"X-Odd: one\nX-More: two", ACCEPTED, lenient=True
    ),
    _odd_field("bare-cr", "a bare CR in a header", b"X-Odd: one\rX-More: two", UNREADABLE),
    _odd_field("twice", "a header twice", b"X-Odd: one\r\nX-Odd: two", ACCEPTED),
    _odd_field(
        "content-type-twice", "Content-Type twice", b"Content-Type: text/html", ACCEPTED, lenient=True
    ),
    _odd_field("close", "Connection: close, and yet it stays open", b"Connection: close", ACCEPTED),
    _odd_field(
        "keep-alive-garbage", "a Keep-Alive header of nonsense", b"Keep-Alive: timeout=-1, max=zero", ACCEPTED
    ),
    _odd_field("set-cookie", "Set-Cookie", b"Set-Cookie: session=stolen; Path=/", ACCEPTED),
    _odd_field(
        "set-cookie-garbage", "a Set-Cookie of nonsense", b'Set-Cookie: =;"\xff; expires=never', ACCEPTED
    ),
    _odd_field("megabyte", "a header of a megabyte", b"X-Odd: " + b"x" * MEGABYTE, UNREADABLE),
    _odd_field("megabyte-name", "a header's name of a megabyte", b"X" * MEGABYTE + b": odd", UNREADABLE),
    _odd_field("ten-thousand", "ten thousand headers", b"\r\n".join([b"X-Odd: odd"] * 10_000), UNREADABLE),
    Fault(
        id="status-megabyte",
        words="a reason of a megabyte",
        play=_status_line(b"HTTP/1.1 200 " + b"x" * MEGABYTE),
        **UNREADABLE,
    ),
)

INTERIM = (
    Fault(id="continue-first", words="100 Continue before the answer", play=_before(head(100)), **ACCEPTED),
    Fault(
        id="processing-first", words="102 Processing before the answer", play=_before(head(102)), **ACCEPTED
    ),
    Fault(
        id="early-hints-first",
        words="103 Early Hints before the answer",
        play=_before(head(103, b"Link: </style.css>; rel=preload")),
        **ACCEPTED,
    ),
    Fault(
        id="many-interim",
        words="100, 102 and 103 before the answer, each in a packet of its own",
        play=with_good(lambda body: (Send(head(100)), Send(head(102)), Send(head(103)), Send(ok(body)))),
        **ACCEPTED,
    ),
    Fault(
        id="switching-protocols",
        words="101 Switching Protocols, which nobody asked for",
        play=_before(head(101, b"Upgrade: smoke-signals", b"Connection: upgrade")),
        **permanent("StatusError"),
    ),
)

HEADS = (*STATUS_LINES, *FIELDS, *INTERIM)
