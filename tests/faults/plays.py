"""Ways to write down what is played on a request."""

from collections.abc import Callable

from .answers import good_body, ok, reply
from .steps import Close, Hang, Play, Request, Reset, Script, Send, Step


def always(*steps: Step) -> Play:
    """The same steps, whatever is asked."""

    def play(_: Request) -> Script:
        return steps

    return play


def answer(status: int | bytes, body: bytes = b"", *fields: bytes) -> Play:
    """The same whole answer, whatever is asked."""
    return always(Send(reply(status, body, *fields)))


def with_good(make: Callable[[bytes], Script]) -> Play:
    """A script made around the body that a good answer would have."""

    def play(request: Request) -> Script:
        return make(good_body(request))

    return play


def sent(make: Callable[[bytes], bytes]) -> Play:
    """An answer made around the body that a good answer would have."""
    return with_good(lambda body: (Send(make(body)),))


def cut(keep: Callable[[bytes], bytes], end: Close | Reset | Hang) -> Play:
    """The part of a good answer that `keep` leaves of it, and then the end."""
    return with_good(lambda body: (Send(keep(ok(body))), end))


def in_data(value: bytes) -> Play:
    """A good answer, but for one value in it that is written by these bytes."""

    def play(request: Request) -> Script:
        body = good_body(request)
        start = body.rindex(b": ") + 2
        end = start + next(at for at, byte in enumerate(body[start:]) if byte in b"}]")
        return (Send(ok(body[:start] + value + body[end:])),)

    return play
