"""Unknown writes of handlers: settled after the response, reported by a callback and at a `Location`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from refold_async import Absent, Call, Found, Options, SettingsError, Settle, Unresolved, Verdict
from refold_async.integrations.starlette import ActionResponse, get_refold, install, lifespan
from refold_async.sandbox import Fault, Sandbox
from tests.settle.looking import by_email

from .serving import serving

BODY = {"email": "ann@example.com"}
SOON = Settle(by_email, after=(0.05,))


async def create(request: Request) -> Response:
    account = get_refold(request).account("demo-user-1")
    return ActionResponse(await account.actions.execute("hubspot", "create_contact", await request.json()))


async def read(request: Request) -> Response:
    account = get_refold(request).account("demo-user-1")
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", {"limit": "1"}))


def application(sandbox: Sandbox, options: Options, **installed: Any) -> Starlette:
    routes = [Route("/contacts", create, methods=["POST"]), Route("/contacts", read)]
    app = Starlette(routes=routes, lifespan=lifespan(sandbox.api_key, **options))
    install(app, **installed)
    return app


@asynccontextmanager
async def posted(app: Any, path: str = "/contacts") -> AsyncIterator[tuple[str, aiohttp.ClientResponse]]:
    """Post a contact; yield the base URL and the response."""
    async with (
        serving(app) as base_url,
        aiohttp.ClientSession() as session,
        session.post(base_url + path, json=BODY) as response,
    ):
        yield base_url, response


async def asked(url: str) -> tuple[int, dict[str, str]]:
    """Ask for a verdict until there is one."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as response:
                if response.status != 202:
                    return response.status, await response.json()
                assert (await response.json(), response.headers["Retry-After"]) == ({"state": "waiting"}, "1")
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("drop", "state"), [("after", "found"), ("before", "absent")])
async def test_a_verdict_is_reported(sandbox: Sandbox, options: Options, drop: Any, state: str) -> None:
    sandbox.faults.add(Fault(drop=drop, effect="write", times=1))
    verdicts: list[tuple[Call, Verdict]] = []
    app = application(sandbox, options, settle=SOON, on_verdict=lambda *told: verdicts.append(told))
    async with posted(app) as (base_url, response):
        assert response.status == 502
        assert (await response.json())["type"] == "urn:refold-async:unknown-outcome"
        location = response.headers["Location"]
        assert location.startswith("/settled/")
        assert await asked(base_url + location) == (200, {"state": state})
        assert (await asked(f"{base_url}/settled/none"))[0] == 404
    ((call, verdict),) = verdicts
    assert call == Call("demo-user-1", "hubspot", "create_contact", BODY)
    assert isinstance(verdict, Found if state == "found" else Absent)


async def test_a_deadline_of_the_request_does_not_end_the_look_up(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(hang=True, when="after", effect="write", times=1))
    async with posted(application(sandbox, options, settle=SOON, deadline=0.2)) as (base_url, response):
        assert response.status == 504
        assert await asked(base_url + response.headers["Location"]) == (200, {"state": "found"})


async def test_a_callback_may_be_awaited_and_may_fail(
    sandbox: Sandbox, options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))

    async def fail(*_: object) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async with posted(application(sandbox, options, settle=SOON, on_verdict=fail)) as (base_url, response):
        assert (await asked(base_url + response.headers["Location"]))[1] == {"state": "found"}
        while "on_verdict failed" not in caplog.text:  # noqa: ASYNC110 - the log has no event to give
            await asyncio.sleep(0.01)


async def test_a_shutdown_reports_what_is_not_settled(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    verdicts: list[Verdict] = []
    never = Settle(by_email, after=(3600,))
    app = application(sandbox, options, settle=never, on_verdict=lambda _, told: verdicts.append(told))
    async with posted(app) as (_, response):
        assert response.status == 502
    assert verdicts == [Unresolved("the application shut down")]


async def test_without_a_path_there_is_no_location(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    verdicts: list[Verdict] = []
    app = application(
        sandbox, options, settle=SOON, on_verdict=lambda _, told: verdicts.append(told), settled_path=None
    )
    async with posted(app) as (base_url, response):
        assert "Location" not in response.headers
        while not verdicts:  # noqa: ASYNC110 - a callback has no event to give
            await asyncio.sleep(0.01)
        async with aiohttp.ClientSession() as session, session.get(f"{base_url}/settled/none") as answer:
            assert (answer.status, await answer.text()) == (404, "Not Found")


@pytest.mark.parametrize(
    "fault", [Fault(status=400, effect="write"), Fault(drop="before", effect="read")], ids=["refused", "read"]
)
async def test_only_unknown_writes_are_settled(sandbox: Sandbox, options: Options, fault: Fault) -> None:
    sandbox.faults.add(fault)
    app = application(sandbox, options, settle=SOON)
    async with serving(app) as base_url, aiohttp.ClientSession() as session:
        method = "POST" if fault.effect == "write" else "GET"
        async with session.request(method, f"{base_url}/contacts", json=BODY) as response:
            assert response.status >= 400
            assert "Location" not in response.headers
    assert sandbox.ledger.count(action_id="search_contacts") == 0


async def test_a_mounted_application_returns_its_own_location(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    inner = application(sandbox, options, settle=SOON)
    inner_lifespan = lifespan(sandbox.api_key, **options)
    outer = Starlette(routes=[Mount("/api", inner)], lifespan=inner_lifespan)
    async with posted(outer, "/api/contacts") as (base_url, response):
        location = response.headers["Location"]
        assert location.startswith("/api/settled/")
        assert await asked(base_url + location) == (200, {"state": "found"})


def test_nothing_is_run_again() -> None:
    with pytest.raises(SettingsError, match="not run again"):
        install(Starlette(), settle=Settle(by_email, absent="run"))


def test_a_look_up_without_a_settle_is_refused() -> None:
    with pytest.raises(SettingsError, match="settle must be a Settle, not function"):
        install(Starlette(), settle=by_email)  # type: ignore[arg-type]
