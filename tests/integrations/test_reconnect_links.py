"""The way back for a customer whose connection is gone: a link, made when it is asked for and kept nowhere."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import Depends, FastAPI

from refold_async import InvalidCallError, KeyAccount, ReconnectRequiredError, Refold, RefoldError
from refold_async.integrations.fastapi import ActionResponse, account_of, install, lifespan
from refold_async.sandbox import Fault, Sandbox

from .serving import serving

ACCOUNT = "demo-user-1"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(accounts=3) as sandbox:
        sandbox.expire(ACCOUNT, "hubspot")
        yield sandbox


async def test_an_error_suffices_for_a_link(sandbox: Sandbox) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        with pytest.raises(ReconnectRequiredError) as caught:
            await refold.account(ACCOUNT).actions.execute("hubspot", "get_contact")
        link = await refold.reconnect_link(caught.value, properties={"redirect_url": "https://example.com"})
        assert link.hosted_url is not None
        assert "/connect/" in link.hosted_url
        assert link.hosted_url not in repr(link)
        assert (await refold.reconnect_link(ACCOUNT)).hosted_url is not None


async def test_an_error_without_an_account_is_refused(sandbox: Sandbox) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        with pytest.raises(InvalidCallError, match="names no linked account"):
            await refold.reconnect_link(RefoldError("of no call"))


@asynccontextmanager
async def application(sandbox: Sandbox, *, links: bool) -> AsyncIterator[aiohttp.ClientSession]:
    app = FastAPI(lifespan=lifespan(sandbox.api_key, base_url=sandbox.base_url))
    install(app, reconnect_links=links)

    @app.get("/contacts")
    async def contacts(
        account: Annotated[KeyAccount, Depends(account_of(lambda: ACCOUNT))],
    ) -> ActionResponse:
        return ActionResponse(await account.actions.execute("hubspot", "get_contact"))

    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        yield http


async def problem_of(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/contacts") as response:
        assert response.status == 409
        problem: dict[str, Any] = await response.json()
        return problem


async def test_a_409_has_the_link_if_configured_and_the_log_does_not(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "refold_async")
    async with application(sandbox, links=True) as http:
        url = (await problem_of(http))["reconnect_url"]
    assert "/connect/" in url
    assert url not in "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


async def test_no_link_is_made_unless_requested(sandbox: Sandbox) -> None:
    async with application(sandbox, links=False) as http:
        assert "reconnect_url" not in await problem_of(http)
    assert not [each for each in sandbox.requests if each.path.endswith("session-token")]


async def test_a_link_that_cannot_be_made_hides_nothing_of_the_error(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(operation="session_tokens.create", status=500, times=None))
    async with application(sandbox, links=True) as http:
        problem = await problem_of(http)
    assert problem["type"] == "urn:refold-async:reconnect-required"
    assert "reconnect_url" not in problem
