"""Plain Starlette under uvicorn: one pool, problem details, raw results, deadlines."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refold_async import CallFacts, ClosedError, Hooks, Options, SettingsError
from refold_async.integrations.starlette import (
    ActionResponse,
    get_manager,
    get_refold,
    header_of_proxy,
    install,
    lifespan,
)
from refold_async.sandbox import Fault, Sandbox

from .changing import change
from .serving import serving

ASKED = {"limit": "2"}


async def contacts(request: Request) -> Response:
    account = get_refold(request).account("demo-user-1")
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", ASKED))


async def create(request: Request) -> Response:
    account = get_refold(request).account("demo-user-1")
    result = await account.actions.execute("hubspot", "create_contact", await request.json())
    return ActionResponse(result, status_code=201, headers={"X-Made": "yes"})


async def boundless(request: Request) -> Response:
    account = get_refold(request).account("demo-user-1")
    await account.actions.execute("hubspot", "create_contact", {"email": "a@example.com"}, timeout=60)
    return Response()


async def by_token(request: Request) -> Response:
    account = get_manager(request).account(request.headers["token"])
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", ASKED))


async def broken(_: Request) -> Response:
    raise ZeroDivisionError


async def together(request: Request) -> Response:
    """Read, and do what the query says, in one task group."""
    actions = get_refold(request).account("demo-user-1").actions
    async with asyncio.TaskGroup() as group:
        group.create_task(actions.list("no-such-app"))
        match request.query_params["also"]:
            case "read":
                group.create_task(actions.execute("hubspot", "get_contact", ASKED))
            case "write":
                group.create_task(actions.execute("hubspot", "create_contact", {"email": "a@example.com"}))
            case "broken":
                group.create_task(broken(request))
    return Response()


ROUTES = [
    Route("/together", together),
    Route("/contacts", contacts),
    Route("/contacts", create, methods=["POST"]),
    Route("/boundless", boundless),
    Route("/by-token", by_token),
    Route("/broken", broken),
]


def application(sandbox: Sandbox, options: Options, **surroundings: Any) -> Starlette:
    app = Starlette(routes=ROUTES, lifespan=lifespan(sandbox.api_key, **options))
    install(app, **surroundings)
    return app


@pytest.fixture
async def http(guard: None) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def test_an_action_s_json_passes_through_byte_for_byte(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession
) -> None:
    raw = b'{"a":1e2,  "b" : [ "\\u00fc" ]}'
    sandbox.faults.add(Fault(garbage=b'{"node_status": "Success", "data": %s}' % raw))
    async with serving(application(sandbox, options)) as url, http.get(f"{url}/contacts") as answer:
        assert await answer.read() == raw
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-length"] == str(len(raw))


async def test_a_handler_can_add_headers_to_a_result(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession
) -> None:
    async with (
        serving(application(sandbox, options)) as url,
        http.post(f"{url}/contacts", json={"email": "a@example.com"}) as answer,
    ):
        assert answer.status == 201
        assert answer.headers["x-made"] == "yes"
        assert len(sandbox.ledger.writes()) == 1


async def test_sdk_errors_are_answered_and_others_are_raised(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession
) -> None:
    sandbox.expire("demo-user-1", "hubspot")
    async with serving(application(sandbox, options)) as url:
        async with http.get(f"{url}/contacts") as answer:
            problem = await answer.json(content_type="application/problem+json")
            assert (answer.status, problem["status"]) == (409, 409)
            assert problem["type"] == "urn:refold-async:reconnect-required"
        async with http.get(f"{url}/broken") as answer:
            assert answer.status == 500
            assert await answer.text() == "Internal Server Error"


@pytest.mark.parametrize(("also", "status"), [("read", 404), ("write", 500), ("broken", 500)])
async def test_errors_of_a_task_group_are_answered_if_it_only_read(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession, also: str, status: int
) -> None:
    async with (
        serving(application(sandbox, options)) as url,
        http.get(f"{url}/together?also={also}") as answer,
    ):
        assert answer.status == status
        told = "no such app" if status == 404 else "Internal Server Error"
        assert told in await answer.text()


async def test_a_deadline_bounds_the_calls_of_a_request(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession
) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with (
        serving(application(sandbox, options, deadline=0.05)) as url,
        http.get(f"{url}/boundless") as answer,
    ):
        assert answer.status == 504
        problem = await answer.json(content_type=None)
        assert (problem["type"], problem["fate"]) == ("urn:refold-async:unknown-outcome", "unknown")


@pytest.mark.parametrize(
    ("header", "status"), [("50", 504), ("-1", 200), ("0", 200), ("soon", 200), ("nan", 200), ("inf", 200)]
)
async def test_a_proxy_s_header_shortens_the_deadline_and_never_extends_it(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession, header: str, status: int
) -> None:
    sandbox.faults.add(Fault(latency=0.1))
    app = application(sandbox, options, deadline=3, time_left=header_of_proxy("x-left-ms", unit="ms"))
    async with serving(app) as url, http.get(f"{url}/boundless", headers={"x-left-ms": header}) as answer:
        assert answer.status == status


async def test_a_session_token_uses_the_process_s_connections(
    sandbox: Sandbox, options: Options, http: aiohttp.ClientSession
) -> None:
    headers = {"token": sandbox.issue_token("demo-user-2")}
    async with (
        serving(application(sandbox, options)) as url,
        http.get(f"{url}/by-token", headers=headers) as answer,
    ):
        assert answer.status == 200
    assert sandbox.ledger.runs[0].linked_account_id == "demo-user-2"


async def test_the_application_s_own_lifespan_runs_within(sandbox: Sandbox, options: Options) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        await app.state.refold.account("demo-user-1").actions.list("hubspot")
        seen.append("start")
        yield {"greeting": "hello"}
        await app.state.refold.account("demo-user-1").actions.list("hubspot")
        seen.append("end")

    app = Starlette()
    async with lifespan(sandbox.api_key, inner=own, **options)(app) as state:
        assert state["greeting"] == "hello"
        assert seen == ["start"]
    assert seen == ["start", "end"]
    with pytest.raises(ClosedError):
        await state["refold"].account("demo-user-1").actions.list("hubspot")


async def test_shutdown_lets_calls_under_way_end(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(latency=0.1))
    async with lifespan(sandbox.api_key, drain=5, **options)(Starlette()) as state:
        account = state["refold"].account("demo-user-1")
        call = asyncio.create_task(
            account.actions.execute("hubspot", "create_contact", {"email": "a@example.com"})
        )
        await asyncio.sleep(0.03)
    assert call.done()
    assert (await call).node_status == "Success"


async def test_shutdown_waits_no_longer_than_the_drain(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with lifespan(sandbox.api_key, drain=0.05, **options)(Starlette()) as state:
        account = state["refold"].account("demo-user-1")
        call = asyncio.create_task(
            account.actions.execute("hubspot", "create_contact", {"email": "a@example.com"})
        )
        await asyncio.sleep(0.03)
    with pytest.raises(ClosedError) as caught:
        await call
    assert caught.value.fate == "unknown"


async def test_a_missing_key_stops_the_application_at_its_start(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY", raising=False)
    starting = lifespan(**options)
    with pytest.raises(SettingsError, match="REFOLD_API_KEY"):
        async with starting(Starlette()):
            pass


async def test_the_application_s_own_hooks_are_called(sandbox: Sandbox, options: Options) -> None:
    heard: list[str] = []

    class Listening(Hooks):
        def on_call(self, call: CallFacts) -> None:
            heard.append(call.operation)

    for hooks in (Listening(), [Listening()]):
        async with lifespan(sandbox.api_key, **change(options, hooks=hooks))(Starlette()) as state:
            await state["refold"].account("demo-user-1").actions.list("hubspot")
    assert heard == ["actions.list"] * 2


def test_an_application_without_the_lifespan_raises() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "state": {}}
    with pytest.raises(RuntimeError, match="lifespan"):
        get_refold(Request(scope))


async def test_other_protocols_pass_through(sandbox: Sandbox, options: Options) -> None:
    app = application(sandbox, options, deadline=1)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "websocket", "path": "/nowhere", "headers": []}, receive, send)
    assert sent[0]["type"] == "websocket.close"
