"""Slow and endless responses."""

import gzip

from .answers import CHUNKED_FIELD, JSON_FIELD, chunks, head, ok
from .expectations import ACCEPTED, DAMAGED, STALLED, TOO_LARGE, UNREADABLE
from .fault import Fault
from .scenarios import always, cut, sent, with_good
from .steps import Drip, Flood, Hang, Send

SPACES = b" " * (1 << 16)
MANY = 1000
EMPTY_MEMBERS = gzip.compress(b"", mtime=0) * 3000


def _thousand_chunks(body: bytes) -> bytes:
    padded = body + b" " * (MANY - len(body))
    return head(200, JSON_FIELD, CHUNKED_FIELD) + chunks(padded, 1)


SLOW = (
    Fault(id="silence", words="no response after the request was read", scenario=always(Hang()), **STALLED),
    Fault(
        id="silence-in-headers",
        words="stalls within the headers",
        scenario=cut(lambda a: a[:35], Hang()),
        **STALLED,
    ),
    Fault(
        id="silence-in-body",
        words="stalls before the last byte",
        scenario=cut(lambda a: a[:-1], Hang()),
        **STALLED,
    ),
    Fault(
        id="drip-headers",
        words="one byte per second from the start",
        scenario=with_good(lambda body: (Drip(ok(body)),)),
        **STALLED,
    ),
    Fault(
        id="drip-body",
        words="one byte per second in the body",
        scenario=with_good(lambda body: (Send(ok(body)[: -len(body)]), Drip(body))),
        **STALLED,
    ),
    Fault(
        id="drip-in-time",
        words="a slow body that completes within the deadline",
        scenario=with_good(lambda body: (Drip(ok(body), chunk=len(body) // 2, interval=0.1),)),
        **ACCEPTED,
    ),
    Fault(id="thousand-chunks", words="a body in 1,000 chunks", scenario=sent(_thousand_chunks), **ACCEPTED),
    Fault(
        id="endless-body",
        words="endless chunks",
        scenario=always(Send(head(200, JSON_FIELD, CHUNKED_FIELD)), Flood(b"10000\r\n" + SPACES + b"\r\n")),
        **TOO_LARGE,
    ),
    Fault(
        id="endless-empty-gzip",
        words="an endless gzip body of empty members",
        scenario=always(
            Send(head(200, JSON_FIELD, CHUNKED_FIELD, b"Content-Encoding: gzip")),
            Flood(b"%x\r\n%s\r\n" % (len(EMPTY_MEMBERS), EMPTY_MEMBERS)),
        ),
        **DAMAGED,
    ),
    Fault(
        id="endless-until-close",
        words="an endless body without length",
        scenario=always(Send(head(200, JSON_FIELD)), Flood(SPACES)),
        **TOO_LARGE,
    ),
    Fault(
        id="endless-headers",
        words="endless header lines",
        scenario=always(Send(b"HTTP/1.1 200 OK\r\n"), Flood(b"X-More: of the same\r\n" * 100)),
        **UNREADABLE,
    ),
    Fault(
        id="endless-continue",
        words="endless 100 Continue",
        scenario=always(Flood(head(100))),
        **STALLED,
    ),
)
