"""Answers that are cut off, and connections that end between two calls."""

from .answers import CHUNKED_FIELD, JSON_FIELD, chunks, head, ok, poison_body, reply
from .fault import TLS, Fault, Idle
from .plays import always, cut, with_good
from .steps import Close, Request, Reset, Send
from .verdicts import ACCEPTED, LOST, UNREADABLE

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
    Fault(id="closed-before-status", words="closes before the status", play=always(Close()), **LOST),
    Fault(id="reset-before-status", words="resets before the status", play=always(Reset()), **LOST),
    Fault(
        id="closed-in-status", words="closes in the status line", play=cut(lambda a: a[:10], Close()), **LOST
    ),
    Fault(id="closed-in-headers", words="closes in the headers", play=cut(lambda a: a[:35], Close()), **LOST),
    Fault(id="reset-in-headers", words="resets in the headers", play=cut(lambda a: a[:35], Reset()), **LOST),
    Fault(id="closed-after-headers", words="closes after the headers", play=cut(_head_only, Close()), **LOST),
    Fault(id="closed-in-body", words="closes in the body", play=cut(_half_body, Close()), **LOST),
    Fault(id="reset-in-body", words="resets in the body", play=cut(_half_body, Reset()), **LOST),
    Fault(
        id="closed-at-last-byte",
        words="closes before the last byte",
        play=cut(lambda a: a[:-1], Close()),
        **LOST,
    ),
    Fault(
        id="closed-in-chunk",
        words="closes in a chunk",
        play=with_good(lambda body: (Send(_in_chunks(body)[:-20]), Close())),
        **LOST,
    ),
    Fault(
        id="closed-before-last-chunk",
        words="closes where the last, empty chunk should be",
        play=with_good(lambda body: (Send(_in_chunks(body)[: -len(b"0\r\n\r\n")]), Close())),
        **LOST,
    ),
    Fault(
        id="closed-without-farewell",
        words="closes in the body, without TLS's farewell",
        play=cut(_half_body, Close(notify=False)),
        wires=TLS,
        **LOST,
    ),
)

UNTIL_CLOSE = (
    Fault(
        id="until-close",
        words="a body without length, whole at the close",
        play=with_good(lambda body: (Send(_until_close(body)), Close())),
        **ACCEPTED,
    ),
    Fault(
        id="until-close-cut",
        words="a body without length, cut by the close",
        play=with_good(lambda body: (Send(_until_close(body)[:-4]), Close())),
        **UNREADABLE,
    ),
    Fault(
        id="until-close-reset",
        words="a body without length, cut by a reset",
        play=with_good(lambda body: (Send(_until_close(body)[:-4]), Reset())),
        **UNREADABLE,
    ),
)


def _timed_out(_: Request) -> bytes:
    return reply(408, b"", b"Connection: close")


def _poison(request: Request) -> bytes:
    return ok(poison_body(request))


def _garbage(_: Request) -> bytes:
    return b"and another thing"


KEPT_ALIVE = (
    Fault(
        id="reset-on-second-use",
        words="resets on the second request of a connection",
        warm=True,
        play=always(Reset()),
        **LOST,
    ),
    Fault(
        id="closed-on-second-use",
        words="closes on the second request of a connection",
        warm=True,
        play=always(Close()),
        **LOST,
    ),
    Fault(
        id="fin-while-blocked",
        words="closes an idle connection while the loop is blocked",
        idle=Idle(noticed=False),
        **ACCEPTED,
    ),
    Fault(id="fin-noticed", words="closes an idle connection", idle=Idle(), **ACCEPTED),
    Fault(
        id="idle-408-while-blocked",
        words="a 408 and FIN on an idle connection while the loop is blocked",
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
        words="an answer that nobody asked for on an idle connection",
        idle=Idle(_poison, fin=False),
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
