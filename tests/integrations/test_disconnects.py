"""Clients that disconnect: reads are cancelled, writes finish or are reported, other requests continue."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from refold_async import CallFacts, Fate, Options
from refold_async.integrations.starlette import DisconnectMiddleware, get_refold, install, lifespan
from refold_async.integrations.starlette.middleware import DisconnectListener
from refold_async.sandbox import Fault, Sandbox

from .serving import disconnecting, serving

Handler = Callable[[Request], Awaitable[Response]]
CONTACT = {"email": "a@example.com"}


class Seen:
    """What a handler came to, and what was reported."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.end: object = None
        self.reported: list[tuple[str | None, Fate]] = []

    def report(self, call: CallFacts, fate: Fate) -> None:
        self.reported.append((call.action_id, fate))

    def watching(self, work: Callable[[Request], Awaitable[object]]) -> Handler:
        async def handler(request: Request) -> Response:
            self.begun.set()
            try:
                await work(request)
            except BaseException as error:
                self.end = type(error)
                raise
            else:
                self.end = "answered"
                return Response()
            finally:
                self.ended.set()

        return handler


@pytest.fixture
def seen() -> Seen:
    return Seen()


async def read(request: Request) -> None:
    await get_refold(request).account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})


async def write(request: Request) -> None:
    await get_refold(request).account("demo-user-1").actions.execute("hubspot", "create_contact", CONTACT)


async def write_then_read(request: Request) -> None:
    await write(request)
    await read(request)


def application(sandbox: Sandbox, options: Options, handler: Handler, **surroundings: Any) -> Starlette:
    routes = [Route("/", handler, methods=["GET", "POST"])]
    app = Starlette(routes=routes, lifespan=lifespan(sandbox.api_key, **options))
    install(app, **surroundings)
    return app


async def hang_up_on(app: Starlette, seen: Seen, *, after: float = 0.05) -> None:
    async with serving(app) as url:
        async with disconnecting(url, "/"):
            await seen.begun.wait()
            await asyncio.sleep(after)
        await asyncio.wait_for(seen.ended.wait(), 2)


@pytest.mark.parametrize("on_disconnect", ["finish", "report"])
async def test_a_read_is_cancelled(
    sandbox: Sandbox, options: Options, seen: Seen, on_disconnect: str
) -> None:
    sandbox.faults.add(Fault(hang=True))
    app = application(sandbox, options, seen.watching(read), on_disconnect=on_disconnect, report=seen.report)
    await hang_up_on(app, seen)
    assert seen.end is asyncio.CancelledError
    assert seen.reported == []


async def test_a_write_finishes_with_the_rest_of_its_handler(
    sandbox: Sandbox, options: Options, seen: Seen
) -> None:
    sandbox.faults.add(Fault(latency=0.1))
    app = application(sandbox, options, seen.watching(write_then_read), report=seen.report)
    await hang_up_on(app, seen)
    assert seen.end == "answered"
    assert [run.action_id for run in sandbox.ledger.runs] == ["create_contact", "get_contact"]
    assert seen.reported == []


async def test_a_write_is_reported_with_on_disconnect_report(
    sandbox: Sandbox, options: Options, seen: Seen
) -> None:
    sandbox.faults.add(Fault(hang=True, when="after"))
    app = application(sandbox, options, seen.watching(write), on_disconnect="report", report=seen.report)
    await hang_up_on(app, seen)
    assert seen.end is asyncio.CancelledError
    assert seen.reported == [("create_contact", "unknown")]
    assert len(sandbox.ledger.writes()) == 1


async def test_a_report_goes_to_the_log_by_default(
    sandbox: Sandbox, options: Options, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault(hang=True))
    app = application(sandbox, options, seen.watching(write), on_disconnect="report")
    with caplog.at_level(logging.WARNING, "refold_async"):
        await hang_up_on(app, seen)
    _, record = [record for record in caplog.records if record.name == "refold_async"]
    assert record.getMessage() == (
        "the client disconnected and actions.execute hubspot/create_contact, account 'demo-user-1' "
        "was cancelled; fate: unknown"
    )
    logged = record.__dict__["refold"]
    assert (logged["linked_account_id"], logged["action_id"], logged["fate"]) == (
        "demo-user-1", "create_contact", "unknown",
    )  # fmt: skip


async def test_a_disconnect_before_the_write_cancels_it(
    sandbox: Sandbox, options: Options, seen: Seen
) -> None:
    async def think_then_write(request: Request) -> None:
        await asyncio.sleep(5)
        await write(request)

    await hang_up_on(application(sandbox, options, seen.watching(think_then_write)), seen)
    assert seen.end is asyncio.CancelledError
    assert sandbox.ledger.runs == []


async def test_it_works_under_a_middleware_that_starts_a_task(
    sandbox: Sandbox, options: Options, seen: Seen
) -> None:
    async def pass_on(request: Request, following: RequestResponseEndpoint) -> Response:
        return await following(request)

    sandbox.faults.add(Fault(hang=True))
    app = application(sandbox, options, seen.watching(read))
    app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
    await hang_up_on(app, seen)
    assert seen.end is asyncio.CancelledError


async def test_background_tasks_are_not_cancelled(sandbox: Sandbox, options: Options, seen: Seen) -> None:
    async def later() -> None:
        await asyncio.sleep(0.05)
        seen.ended.set()

    async def handler(_: Request) -> Response:
        return Response(background=BackgroundTask(later))

    async with serving(application(sandbox, options, handler)) as url:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
        await asyncio.wait_for(seen.ended.wait(), 2)


async def test_a_stream_ends_when_the_client_disconnects(
    sandbox: Sandbox, options: Options, seen: Seen
) -> None:
    async def ticks() -> AsyncIterator[bytes]:
        seen.begun.set()
        try:
            while True:
                yield b"tick\n"
                await asyncio.sleep(0.01)
        finally:
            seen.ended.set()

    async def handler(_: Request) -> Response:
        return StreamingResponse(ticks())

    await hang_up_on(application(sandbox, options, handler), seen, after=0.02)


async def test_a_large_body_reaches_the_handler_whole(sandbox: Sandbox, options: Options) -> None:
    async def handler(request: Request) -> Response:
        return Response(str(len(await request.body())))

    body = bytes(900_000)
    async with (
        serving(application(sandbox, options, handler)) as url,
        aiohttp.ClientSession() as session,
        session.post(url, data=body) as answer,
    ):
        assert await answer.text() == str(len(body))


async def test_a_server_shutdown_still_cancels(sandbox: Sandbox, options: Options, seen: Seen) -> None:
    async def forever(scope: Any, receive: Any, send: Any) -> None:
        seen.begun.set()
        await asyncio.sleep(60)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    running = asyncio.ensure_future(DisconnectMiddleware(forever)({"type": "http"}, receive, send))
    await seen.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("made_of_it", [None, asyncio.CancelledError, ValueError])
async def test_a_handled_cancellation_is_cleared(made_of_it: type[BaseException] | None) -> None:
    """An enclosing timeout would take one that does for its own."""

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if made_of_it is not None:
                raise made_of_it from None

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def attend() -> int:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(ValueError):
            await DisconnectMiddleware(handler)({"type": "http"}, receive, send)
        return task.cancelling()

    async def send(_: Any) -> None:
        pass

    assert await asyncio.create_task(attend()) == 0


async def test_reading_ahead_stops_at_two_messages_and_ends_with_the_disconnect() -> None:
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked > 5:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"%d" % asked, "more_body": asked < 5}

    async def send(_: Any) -> None:
        pass

    caller = DisconnectListener(receive, send)
    watching = asyncio.create_task(caller.gone())
    await asyncio.sleep(0.01)
    assert asked == 2
    messages = [await caller.receive() for _ in range(8)]
    assert [message.get("body") for message in messages] == [b"1", b"2", b"3", b"4", b"5", None, None, None]
    assert {message["type"] for message in messages[5:]} == {"http.disconnect"}
    await watching


async def test_an_error_of_receive_reaches_the_handler() -> None:
    """As a middleware outside of this one does, that bounds the size of bodies."""
    too_large = ValueError("too large")

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.wait_for(receive(), 1)

    async def receive() -> dict[str, Any]:
        raise too_large

    async def send(_: Any) -> None:
        pass

    with pytest.raises(ValueError, match="too large"):
        await DisconnectMiddleware(handler)({"type": "http"}, receive, send)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="on_disconnect"):
        DisconnectMiddleware(Starlette(), on_disconnect="ignore")  # type: ignore[arg-type]
