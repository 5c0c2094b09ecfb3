"""429 and 503 with every kind of Retry-After."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from .answers import JSON_FIELD, error_envelope, reply
from .expectations import THROTTLED, THROTTLED_TOO_LONG, Expectations, permanent
from .fault import Fault
from .scenarios import answer
from .steps import Request, Scenario, Script, Send

BEYOND = 30
"""A wait in seconds beyond every deadline of the matrix, but plausible."""
TOO_MANY = error_envelope(429, "Too many requests")


def _throttle(*retry_after: bytes) -> Scenario:
    return answer(429, TOO_MANY, JSON_FIELD, *(b"Retry-After: " + value for value in retry_after))


def _dated(seconds: float) -> Scenario:
    def scenario(_: Request) -> Script:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return (Send(reply(429, TOO_MANY, JSON_FIELD, b"Retry-After: " + date.encode())),)

    return scenario


def _row(name: str, words: str, scenario: Scenario, expectations: Expectations = THROTTLED) -> Fault:
    return Fault(id=f"429-{name}", words=f"429, {words}", scenario=scenario, **expectations)


def _too_long(name: str, words: str, scenario: Scenario) -> Fault:
    """Return a fault whose wait holds for the whole key, so that the next call fails at once too."""
    return Fault(
        id=f"429-{name}",
        words=f"429, {words}",
        scenario=scenario,
        wait=BEYOND,
        following="DeadlineExceededError",
        **THROTTLED_TOO_LONG,
    )


THROTTLING = (
    _too_long("seconds", "Retry-After beyond the deadline", _throttle(b"%d" % BEYOND)),
    _too_long("date", "Retry-After is a date beyond the deadline", _dated(BEYOND)),
    _row("zero", "Retry-After 0", _throttle(b"0")),
    _row("fraction", "Retry-After is a fraction of a second", _throttle(b"0.01")),
    _row("past", "Retry-After is a date in the past", _dated(-3600)),
    _row("inf", "Retry-After inf", _throttle(b"inf")),
    _row("nan", "Retry-After nan", _throttle(b"nan")),
    _row("negative", "negative Retry-After", _throttle(b"-5")),
    _row("billion", "Retry-After 10^9", _throttle(b"1000000000")),
    _row("exponent", "Retry-After 1e9", _throttle(b"1e9")),
    _row("digits", "Retry-After has 5,000 digits", _throttle(b"9" * 5000)),
    _row("far-date", "Retry-After is a date in ten years", _dated(10 * 365 * 86400)),
    _row("garbage", "invalid Retry-After", _throttle(b"soon")),
    _row("empty", "empty Retry-After", _throttle(b"")),
    _row("twice", "two invalid Retry-After headers", _throttle(b"soon", b"later")),
    _row("absent", "no Retry-After", _throttle()),
    _row("nothing", "no header and no body", answer(429)),
    Fault(
        id="503-seconds",
        words="503, Retry-After beyond the deadline",
        scenario=answer(503, b"", b"Retry-After: %d" % BEYOND),
        wait=BEYOND,
        **permanent("ServerError"),
    ),
)
