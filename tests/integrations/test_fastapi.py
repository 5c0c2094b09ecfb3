"""FastAPI's dependencies: the client, and the account of the signed-in customer."""

from typing import Annotated

import aiohttp
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request

from refold_async import KeyAccount, Options, Refold
from refold_async.integrations.fastapi import (
    ActionResponse,
    ManagerDep,
    RefoldDep,
    account_of,
    get_refold,
    install,
    lifespan,
)
from refold_async.sandbox import Sandbox

from .serving import serving

SIGNED_IN = {"cookie-1": "demo-user-1", "cookie-2": "demo-user-2"}


def customer_id(request: Request) -> str:
    try:
        return SIGNED_IN[request.headers["x-cookie"]]
    except KeyError:
        raise HTTPException(401) from None


async def user(x_cookie: Annotated[str, Header()]) -> dict[str, str]:
    return {"id": SIGNED_IN[x_cookie]}


async def id_of_user(known: Annotated[dict[str, str], Depends(user)]) -> str:
    return known["id"]


def application(sandbox: Sandbox, options: Options) -> FastAPI:
    app = FastAPI(lifespan=lifespan(sandbox.api_key, **options))
    install(app)

    @app.get("/contacts")
    async def contacts(account: Annotated[KeyAccount, Depends(account_of(customer_id))]) -> ActionResponse:
        return ActionResponse(await account.actions.execute("hubspot", "get_contact", {"limit": "1"}))

    @app.get("/actions")
    async def actions(account: Annotated[KeyAccount, Depends(account_of(id_of_user))]) -> list[str | None]:
        return [action.action_id for action in await account.actions.list("hubspot")]

    @app.get("/nobodys")
    async def nobodys(account: Annotated[KeyAccount, Depends(account_of(lambda: None))]) -> None:
        pytest.fail(f"acts for {account}")

    @app.get("/shared")
    async def shared(refold: RefoldDep, manager: ManagerDep) -> bool:
        return manager.client(sandbox.api_key)._sessions is refold._sessions

    return app


async def fetch(url: str, cookie: str | None = "cookie-1") -> tuple[int, object]:
    headers = {} if cookie is None else {"x-cookie": cookie}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize(("cookie", "account"), list(SIGNED_IN.items()))
async def test_the_account_is_that_of_the_signed_in_customer(
    sandbox: Sandbox, options: Options, cookie: str, account: str
) -> None:
    async with serving(application(sandbox, options)) as url:
        status, _ = await fetch(f"{url}/contacts?linked_account_id=demo-user-9", cookie)
        assert status == 200
        status, actions = await fetch(f"{url}/actions", cookie)
        assert status == 200
        assert "get_contact" in actions  # type: ignore[operator]
    assert [run.linked_account_id for run in sandbox.ledger.runs] == [account]


async def test_without_a_signed_in_customer_nothing_is_called(sandbox: Sandbox, options: Options) -> None:
    async with serving(application(sandbox, options)) as url:
        assert (await fetch(f"{url}/contacts", None))[0] == 401
    assert sandbox.requests == []


async def test_errors_are_answered(sandbox: Sandbox, options: Options) -> None:
    sandbox.disconnect("demo-user-1", "hubspot")
    async with serving(application(sandbox, options)) as url:
        status, problem = await fetch(f"{url}/contacts")
    assert status == 409
    assert problem["type"] == "urn:refold-async:reconnect-required"  # type: ignore[index]


async def test_all_dependencies_share_one_pool(sandbox: Sandbox, options: Options) -> None:
    async with serving(application(sandbox, options)) as url:
        assert await fetch(f"{url}/shared") == (200, True)


async def test_a_client_can_be_overridden_in_tests(sandbox: Sandbox, options: Options) -> None:
    app = application(sandbox, Options(base_url="http://127.0.0.1:1"))
    async with Refold(sandbox.api_key, **options) as mine:
        app.dependency_overrides[get_refold] = lambda: mine
        async with serving(app) as url:
            assert (await fetch(f"{url}/contacts"))[0] == 200


async def test_an_identity_that_is_not_a_string_is_refused(sandbox: Sandbox, options: Options) -> None:
    async with (
        serving(application(sandbox, options)) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/nobodys") as answer,
    ):
        assert answer.status == 500
    assert not sandbox.requests
