"""Truncated responses, and connections closed between two calls."""

from .answers import CHUNKED_FIELD, JSON_FIELD, chunks, head, ok, poison_body, reply
from .expectations import ACCEPTED, DAMAGED, LOST
from .fault import TLS, Fault, Idle
from .scenarios import always, cut, with_good
from .steps import Close, Request, Reset, Send

END_OF_HEAD = b"\r\n\r\n"


def _half_body(answer: bytes) -> bytes:
    start = answer.index(END_OF_HEAD) + len(END_OF_HEAD)
    return answer[: (start + len(answer)) // 2]


def _head_only(answer: bytes) -> bytes:
    return answer[: answer.index(END_OF_HEAD) + len(END_OF_HEAD)]


def _in_chunks(body: bytes) -> bytes:
    return head(200, JSON_FIELD, CHUNKED_FIELD) + chunks(body)


def _until_close(body: bytes) -> bytes:
    return head(200, JSON_FIELD, b"Connection: close") + body


CUT = (
    Fault(id="closed-before-status", words="closed before the status line", scenario=always(Close()), **LOST),
    Fault(id="reset-before-status", words="reset before the status line", scenario=always(Reset()), **LOST),
    Fault(
        id="closed-in-status",
        words="closed within the status line",
        scenario=cut(lambda a: a[:10], Close()),
        **LOST,
    ),
    Fault(
        id="closed-in-headers",
        words="closed within the headers",
        scenario=cut(lambda a: a[:35], Close()),
        **LOST,
    ),
    Fault(
        id="reset-in-headers",
        words="reset within the headers",
        scenario=cut(lambda a: a[:35], Reset()),
        **LOST,
    ),
    Fault(
        id="closed-after-headers", words="closed after the headers", scenario=cut(_head_only, Close()), **LOST
    ),
    Fault(id="closed-in-body", words="closed within the body", scenario=cut(_half_body, Close()), **LOST),
    Fault(id="reset-in-body", words="reset within the body", scenario=cut(_half_body, Reset()), **LOST),
    Fault(
        id="closed-at-last-byte",
        words="closed before the last byte",
        scenario=cut(lambda a: a[:-1], Close()),
        **LOST,
    ),
    Fault(
        id="closed-in-chunk",
        words="closed within a chunk",
        scenario=with_good(lambda body: (Send(_in_chunks(body)[:-20]), Close())),
        **LOST,
    ),
    Fault(
        id="closed-before-last-chunk",
        words="closed before the final empty chunk",
        scenario=with_good(lambda body: (Send(_in_chunks(body)[: -len(b"0\r\n\r\n")]), Close())),
        **LOST,
    ),
    Fault(
        id="closed-without-farewell",
        words="closed within the body, without TLS close_notify",
        scenario=cut(_half_body, Close(notify=False)),
        wires=TLS,
        **LOST,
    ),
)

UNTIL_CLOSE = (
    Fault(
        id="until-close",
        words="a body without length, complete when the connection closes",
        scenario=with_good(lambda body: (Send(_until_close(body)), Close())),
        **ACCEPTED,
    ),
    Fault(
        id="until-close-cut",
        words="a body without length, truncated by the close",
        scenario=with_good(lambda body: (Send(_until_close(body)[:-4]), Close())),
        **DAMAGED,
    ),
    Fault(
        id="until-close-reset",
        words="a body without length, truncated by a reset",
        scenario=with_good(lambda body: (Send(_until_close(body)[:-4]), Reset())),
        **DAMAGED,
    ),
)


def _timed_out(_: Request) -> bytes:
    return reply(408, b"", b"Connection: close")


def _poison(request: Request) -> bytes:
    return ok(poison_body(request))


def _half(_: Request) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


def _garbage(_: Request) -> bytes:
    return b"and another thing"


KEPT_ALIVE = (
    Fault(
        id="reset-on-second-use",
        words="reset on the second request of a connection",
        warm=True,
        scenario=always(Reset()),
        **LOST,
    ),
    Fault(
        id="closed-on-second-use",
        words="closed on the second request of a connection",
        warm=True,
        scenario=always(Close()),
        **LOST,
    ),
    Fault(
        id="fin-while-blocked",
        words="an idle connection closed while the event loop is blocked",
        idle=Idle(noticed=False),
        **ACCEPTED,
    ),
    Fault(id="fin-noticed", words="an idle connection closed", idle=Idle(), **ACCEPTED),
    Fault(
        id="idle-408-while-blocked",
        words="a 408 and FIN on an idle connection while the event loop is blocked",
        idle=Idle(_timed_out, noticed=False),
        **ACCEPTED,
    ),
    Fault(
        id="idle-408-noticed",
        words="a 408 and FIN on an idle connection",
        idle=Idle(_timed_out),
        **ACCEPTED,
    ),
    Fault(
        id="idle-answer-noticed",
        words="an unsolicited response on an idle connection",
        idle=Idle(_poison, fin=False),
        **ACCEPTED,
    ),
    Fault(
        id="idle-half-noticed",
        words="half of an unsolicited response on an idle connection",
        idle=Idle(_half, fin=False),
        **ACCEPTED,
    ),
    Fault(
        id="idle-garbage-noticed",
        words="garbage on an idle connection",
        idle=Idle(_garbage, fin=False),
        **ACCEPTED,
    ),
)

CUTTING = (*CUT, *UNTIL_CLOSE, *KEPT_ALIVE)
