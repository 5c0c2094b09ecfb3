"""Odd, broken and oversized status lines and headers, and interim responses."""

from .answers import HTML, JSON_FIELD, head, ok
from .expectations import ACCEPTED, DAMAGED, UNREADABLE, Expectations, permanent
from .fault import Fault
from .scenarios import always, sent, with_good
from .steps import Scenario, Send

MEGABYTE = 1 << 20


def _status_line(line: bytes) -> Scenario:
    return sent(lambda body: head(line, JSON_FIELD, b"Content-Length: %d" % len(body)) + body)


def _field(field: bytes) -> Scenario:
    return sent(lambda body: ok(body, field))


def _before(interim: bytes) -> Scenario:
    return sent(lambda body: interim + ok(body))


def _odd_status(name: str, words: str, line: bytes, expectations: Expectations) -> Fault:
    return Fault(id=f"status-{name}", words=words, scenario=_status_line(line), **expectations)


def _odd_field(
    name: str, words: str, field: bytes, expectations: Expectations, *, lenient: bool = False
) -> Fault:
    return Fault(id=f"header-{name}", words=words, scenario=_field(field), lenient=lenient, **expectations)


STATUS_LINES = (
    _odd_status("garbage", "an invalid status line", b"It works, mostly", DAMAGED),
    _odd_status("lower-case", "`http/1.1` in lower case", b"http/1.1 200 OK", DAMAGED),
    _odd_status("no-reason", "a status line without reason phrase", b"HTTP/1.1 200", ACCEPTED),
    _odd_status("http-1-0", "an HTTP/1.0 response", b"HTTP/1.0 200 OK", ACCEPTED),
    _odd_status("http-2", "an HTTP/2.0 status line", b"HTTP/2.0 200 OK", ACCEPTED),
    _odd_status("two-digits", "a two-digit status", b"HTTP/1.1 20 OK", DAMAGED),
    _odd_status("four-digits", "a four-digit status", b"HTTP/1.1 2000 OK", DAMAGED),
    _odd_status("negative", "a negative status", b"HTTP/1.1 -200 OK", DAMAGED),
    _odd_status("999", "an unassigned status: 999", b"HTTP/1.1 999 Odd", permanent("StatusError")),
    Fault(
        id="html-for-status",
        words="an HTML page in place of the status line",
        scenario=always(Send(HTML + b"\r\n\r\n")),
        **DAMAGED,
    ),
    Fault(
        id="http-0-9",
        words="a body without headers, as in HTTP/0.9",
        scenario=sent(lambda body: body + b"\r\n\r\n"),
        **DAMAGED,
    ),
)

FIELDS = (
    _odd_field("nul", "NUL in a header value", b"X-Odd: a\x00b", DAMAGED),
    _odd_field("control", "a control character in a header value", b"X-Odd: a\x01b", ACCEPTED, lenient=True),
    _odd_field("latin-1", "non-ASCII bytes in a header value", b"X-Odd: caf\xe9", ACCEPTED),
    _odd_field("no-colon", "a header line without a colon", b"X-Odd", DAMAGED),
    _odd_field("no-name", "a header without a name", b": odd", DAMAGED),
    _odd_field("space-in-name", "a space before the colon of a header", b"X-Odd : odd", DAMAGED),
    _odd_field("folded", "a header folded over two lines", b"X-Odd: one\r\n two", ACCEPTED, lenient=True),
    _odd_field(
        "bare-lf", "a header that ends with a bare LF", b"X-Odd: one\nX-More: two", ACCEPTED, lenient=True
    ),
    _odd_field("bare-cr", "a bare CR in a header", b"X-Odd: one\rX-More: two", DAMAGED),
    _odd_field("twice", "a duplicate header", b"X-Odd: one\r\nX-Odd: two", ACCEPTED),
    _odd_field(
        "content-type-twice", "a duplicate Content-Type", b"Content-Type: text/html", ACCEPTED, lenient=True
    ),
    _odd_field("close", "`Connection: close`, but the connection stays open", b"Connection: close", ACCEPTED),
    _odd_field(
        "keep-alive-garbage", "an invalid Keep-Alive header", b"Keep-Alive: timeout=-1, max=zero", ACCEPTED
    ),
    _odd_field("set-cookie", "Set-Cookie", b"Set-Cookie: session=stolen; Path=/", ACCEPTED),
    _odd_field(
        "set-cookie-garbage", "an invalid Set-Cookie", b'Set-Cookie: =;"\xff; expires=never', ACCEPTED
    ),
    _odd_field("64k", "a header of 64,000 bytes", b"X-Odd: " + b"x" * 64_000, ACCEPTED),
    _odd_field("megabyte", "a 1 MiB header", b"X-Odd: " + b"x" * MEGABYTE, UNREADABLE),
    _odd_field("megabyte-name", "a 1 MiB header name", b"X" * MEGABYTE + b": odd", UNREADABLE),
    _odd_field("ten-thousand", "10,000 headers", b"\r\n".join([b"X-Odd: odd"] * 10_000), UNREADABLE),
    Fault(
        id="status-megabyte",
        words="a 1 MiB reason phrase",
        scenario=_status_line(b"HTTP/1.1 200 " + b"x" * MEGABYTE),
        **UNREADABLE,
    ),
)

INTERIM = (
    Fault(
        id="continue-first", words="100 Continue before the response", scenario=_before(head(100)), **ACCEPTED
    ),
    Fault(
        id="processing-first",
        words="102 Processing before the response",
        scenario=_before(head(102)),
        **ACCEPTED,
    ),
    Fault(
        id="early-hints-first",
        words="103 Early Hints before the response",
        scenario=_before(head(103, b"Link: </style.css>; rel=preload")),
        **ACCEPTED,
    ),
    Fault(
        id="many-interim",
        words="100, 102 and 103 before the response, each in a separate packet",
        scenario=with_good(lambda body: (Send(head(100)), Send(head(102)), Send(head(103)), Send(ok(body)))),
        **ACCEPTED,
    ),
    Fault(
        id="switching-protocols",
        words="an unsolicited 101 Switching Protocols",
        scenario=_before(head(101, b"Upgrade: smoke-signals", b"Connection: upgrade")),
        **permanent("StatusError"),
    ),
)

HEADS = (*STATUS_LINES, *FIELDS, *INTERIM)
