"""One cell of the fault matrix: an operation meets a fault, and everything observable is recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from traceback import TracebackException
from typing import Any, Literal, Self

from refold_async import DeadlineExceededError, RateLimit, Refold, RefoldError, Retry

from .answers import POISON
from .certs import client_context
from .fault import REPLY_LIMIT, Effect, Fate, Fault
from .operations import LINKED_ACCOUNT_ID, OTHERS, WRITE, Operation
from .permits import held
from .server import FaultServer

KEY = "key-that-nobody-else-may-see"
CUSTOMERS = (LINKED_ACCOUNT_ID, *OTHERS)
RETRY = Retry(base=0.01, cap=0.05)
SHORT, LONG = 0.25, 10.0
"""Timeouts in seconds: for a call that must time out, and for one that must not."""
TIMEOUT_MARGIN = 10.0
"""Seconds past its deadline after which a hanging call fails its test."""
TURNS = 50
"""Event loop iterations within which a timed-out call must have unwound."""


@dataclass(frozen=True, slots=True)
class Met:
    """The observed outcome of a call that met a fault.

    Attributes:
        error: The class of its error, or None if it succeeded.
        fate: The fate that the error reports.
        late: Whether the error was raised on first access to the result.
        attempts: The number of attempts that the error reports.
        earlier: The class and fate of each earlier attempt's error.
        requests: The number of requests that the server read for it.
        in_time: Whether it ended by its deadline, and not early if the deadline ended it.
        next: The class of the next call's error on the same client, or None if it succeeded.
        held: What the client still held afterwards but should not.
    """

    error: str | None = None
    fate: Fate | None = None
    late: bool = False
    attempts: int = 0
    earlier: tuple[tuple[str, Fate], ...] = ()
    requests: int = 0
    in_time: bool = True
    next: str | None = None
    held: tuple[str, ...] = ()


def due(fault: Fault, operation: Operation, times: int) -> Met:
    """Return the expected outcome when the fault occurs this many times in a row."""
    expected = fault.expected(operation.effect)
    following = None if fault.recovers else fault.following
    faulted = expected.seen - expected.retried
    if expected.error is None or expected.fate is None:
        return Met(requests=expected.seen, next=following)
    if expected.retried and times == 1 and not fault.lasting:
        return Met(requests=expected.seen, next=following)
    late = fault.late and operation.lazy
    attempts = RETRY.attempts if expected.retried else 1
    return Met(
        error=expected.error,
        fate="done" if late else expected.fate,
        late=late,
        attempts=0 if late else attempts,
        earlier=tuple((expected.error, expected.fate) for _ in range(attempts - 1)),
        requests=0 if fault.lasting else faulted * attempts,
        next=following,
    )


def stalls(fault: Fault, effect: Effect = "read") -> bool:
    """Return whether the deadline is expected to end the call."""
    return fault.silent or fault.expected(effect).error == "DeadlineExceededError"


@asynccontextmanager
async def client(url: str, rate_limit: RateLimit | Literal["auto"] = "auto") -> AsyncIterator[Refold]:
    """Open a client that trusts the test CA."""
    async with Refold(
        KEY,
        base_url=url,
        rate_limit=rate_limit,
        retry=RETRY,
        max_response_bytes=REPLY_LIMIT,
        ssl=client_context(),
    ) as refold:
        yield refold


async def meet(
    fault: Fault,
    server: FaultServer,
    operation: Operation,
    short: float,
    rate_limit: RateLimit | Literal["auto"] = "auto",
) -> Met:
    """Make a call that meets the fault, with a short deadline if it stalls, then call again on the same client."""
    async with client(server.base_url(fault.host), rate_limit) as refold:
        if fault.warms_up:
            assert await _content(WRITE, refold) == WRITE.good
            await fault.between_calls(server)
        before = len(server.requests)
        stalled = stalls(fault, operation.effect)
        timeout = short if stalled else LONG
        with Watch(timeout) as watch:
            error, late = await _outcome(operation, refold, timeout)
        in_time = watch.kept and not (stalled and isinstance(error, DeadlineExceededError) and watch.early)
        requests = len(server.requests) - before - operation.others
        _check_error(fault, error, late=late)
        server.relieve()
        following = await _next(WRITE if operation.calls else operation, refold)
        _check_requests(server)
        return Met(
            error=None if error is None else type(error).__name__,
            fate=None if error is None else error.fate,
            late=late,
            attempts=0 if error is None else error.attempts,
            earlier=_earlier(error),
            requests=requests,
            in_time=in_time,
            next=following,
            held=tuple(held(refold, connections=1 + operation.others)),
        )


def _earlier(error: RefoldError | None) -> tuple[tuple[str, Fate], ...]:
    return () if error is None else tuple((type(each).__name__, each.fate) for each in error.earlier)


class Watch:
    """Checks that a call ends within 10% of its deadline, even on a busy machine.

    Reading a clock at the end would be flaky under load. Instead, a timer in the call's event loop fires 10%
    after the deadline, and the call must have unwound within a few loop iterations of it.

    Attributes:
        kept: Whether the call ended in time.
        early: Whether it ended before its deadline.
    """

    kept = early = False

    def __init__(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + timeout
        self._alarm = self._loop.create_task(self._ring(timeout * 1.1))

    async def _ring(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kept = not self._alarm.done()
        self.early = self._loop.time() < self._ends - 0.01
        self._alarm.cancel()


async def _content(operation: Operation, refold: Refold) -> object:
    return operation.content(await operation.call(refold, LONG))


async def _outcome(operation: Operation, refold: Refold, timeout: float) -> tuple[RefoldError | None, bool]:
    """Return the call's error, and whether it was raised on first access to the result."""
    try:
        async with asyncio.timeout(timeout + TIMEOUT_MARGIN):
            result = await operation.call(refold, timeout)
    except RefoldError as error:
        return error, False
    return _look(operation, result)


def _look(operation: Operation, result: Any) -> tuple[RefoldError | None, bool]:
    try:
        content = operation.content(result)
    except RefoldError as error:
        return error, True
    assert POISON not in repr(content), "the call received another call's response"
    return None, False


async def _next(operation: Operation, refold: Refold) -> str | None:
    try:
        content = await _content(operation, refold)
    except RefoldError as error:
        return type(error).__name__
    return None if content == operation.good else f"unexpected content: {content!r}"


def _check_error(fault: Fault, error: RefoldError | None, *, late: bool) -> None:
    if error is None or late:
        return
    assert KEY not in f"{error} {error!r} {error.__dict__}{''.join(_traceback(error))}"
    assert error.linked_account_id in CUSTOMERS
    assert error.operation is not None
    assert error.elapsed is not None
    if fault.wait is None:
        assert error.retry_after is None or error.retry_after < 1
    else:
        assert error.retry_after is not None
        assert abs(error.retry_after - fault.wait) < 2


def _traceback(error: BaseException) -> Iterator[str]:
    """Yield the traceback as printed by a program that shows the locals of every frame."""
    return TracebackException.from_exception(error, capture_locals=True).format()


def _check_requests(server: FaultServer) -> None:
    for request in server.requests:
        assert request.path.startswith("/api/v2/"), f"a redirect was followed to {request.path}"
        assert request.header("cookie") is None
        assert request.header("x-api-key") == KEY
        assert request.header("linked_account_id") in CUSTOMERS
