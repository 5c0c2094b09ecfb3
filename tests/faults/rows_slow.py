"""Answers that come late, drop by drop, or without end."""

from .answers import CHUNKED_FIELD, JSON_FIELD, chunks, head, ok
from .fault import Fault
from .plays import always, cut, sent, with_good
from .steps import Drip, Flood, Hang, Send
from .verdicts import ACCEPTED, STALLED, TOO_LARGE, UNREADABLE

SPACES = b" " * (1 << 16)
MANY = 1000


def _thousand_chunks(body: bytes) -> bytes:
    padded = body + b" " * (MANY - len(body))
    return head(200, JSON_FIELD, CHUNKED_FIELD) + chunks(padded, 1)


SLOW = (
    Fault(id="silence", words="reads the request, then silence", play=always(Hang()), **STALLED),
    Fault(
        id="silence-in-headers", words="silence in the headers", play=cut(lambda a: a[:35], Hang()), **STALLED
    ),
    Fault(
        id="silence-in-body",
        words="silence before the last byte",
        play=cut(lambda a: a[:-1], Hang()),
        **STALLED,
    ),
    Fault(
        id="drip-headers",
        words="a byte a second from the first on",
        play=with_good(lambda body: (Drip(ok(body)),)),
        **STALLED,
    ),
    Fault(
        id="drip-body",
        words="a byte a second in the body",
        play=with_good(lambda body: (Send(ok(body)[: -len(body)]), Drip(body))),
        **STALLED,
    ),
    Fault(
        id="drip-in-time",
        words="a slow body that is whole within the deadline",
        play=with_good(lambda body: (Drip(ok(body), chunk=len(body) // 2, interval=0.1),)),
        **ACCEPTED,
    ),
    Fault(id="thousand-chunks", words="a body in a thousand chunks", play=sent(_thousand_chunks), **ACCEPTED),
    Fault(
        id="endless-body",
        words="chunks without end",
        play=always(Send(head(200, JSON_FIELD, CHUNKED_FIELD)), Flood(b"10000\r\n" + SPACES + b"\r\n")),
        **TOO_LARGE,
    ),
    Fault(
        id="endless-until-close",
        words="a body without length and without end",
        play=always(Send(head(200, JSON_FIELD)), Flood(SPACES)),
        **TOO_LARGE,
    ),
    Fault(
        id="endless-headers",
        words="header lines without end",
        play=always(Send(b"HTTP/1.1 200 OK\r\n"), Flood(b"X-More: of the same\r\n" * 100)),
        **UNREADABLE,
    ),
    Fault(
        id="endless-continue",
        words="100 Continue without end",
        play=always(Flood(head(100))),
        **STALLED,
    ),
)
