"""Building blocks for scenarios: functions from a request to the script that answers it."""

from collections.abc import Callable

from .answers import good_body, ok, reply
from .steps import Close, Hang, Request, Reset, Scenario, Script, Send, Step


def always(*steps: Step) -> Scenario:
    """Run the same steps for any request."""

    def scenario(_: Request) -> Script:
        return steps

    return scenario


def answer(status: int | bytes, body: bytes = b"", *fields: bytes) -> Scenario:
    """Send the same complete response to any request."""
    return always(Send(reply(status, body, *fields)))


def with_good(make: Callable[[bytes], Script]) -> Scenario:
    """Build a script from the body of a good response."""

    def scenario(request: Request) -> Script:
        return make(good_body(request))

    return scenario


def sent(make: Callable[[bytes], bytes]) -> Scenario:
    """Send a response built from the body of a good response."""
    return with_good(lambda body: (Send(make(body)),))


def cut(keep: Callable[[bytes], bytes], end: Close | Reset | Hang) -> Scenario:
    """Send the part of a good response that `keep` returns, then end the connection."""
    return with_good(lambda body: (Send(keep(ok(body))), end))


def in_data(value: bytes) -> Scenario:
    """Send a good response with one value replaced by these raw bytes."""

    def scenario(request: Request) -> Script:
        body = good_body(request)
        start = body.rindex(b": ") + 2
        end = start + next(at for at, byte in enumerate(body[start:]) if byte in b"}]")
        return (Send(ok(body[:start] + value + body[end:])),)

    return scenario
