"""Whose connections are whose: shared by the clients of one key, never by two keys."""

import asyncio
from typing import Any

import pytest

from refold_async import Account, AuthenticationError, ClosedError, Refold, SessionManager, SettingsError
from refold_async.sandbox import Fault, Sandbox


async def test_clients_of_one_key_share_connections_and_two_keys_never(sandbox: Sandbox) -> None:
    sandbox.add_api_key("tk_other")
    async with SessionManager(base_url=sandbox.base_url) as manager:
        one, same, other = (manager.client(key) for key in (sandbox.api_key, sandbox.api_key, "tk_other"))
        sessions = [await client._requester.session() for client in (one, same, other)]
        assert sessions[0] is sessions[1]
        assert sessions[0] is not sessions[2]
        assert sessions[0].bucket is not sessions[2].bucket
        async with one:
            await one.account("demo-user-1").actions.list("hubspot")
        await same.account("demo-user-1").actions.list("hubspot")
        await other.account("demo-user-1").actions.list("hubspot")
        shown = repr(manager)
    assert "tk_" not in shown
    keys = [request.headers["x-api-key"] for request in sandbox.requests]
    assert keys == [sandbox.api_key, sandbox.api_key, "tk_other"]
    with pytest.raises(ClosedError):
        await one.account("demo-user-1").actions.list("hubspot")


async def test_a_client_opens_again_with_async_with(sandbox: Sandbox) -> None:
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    account = refold.account("demo-user-1")
    await account.actions.list("hubspot")
    await refold.aclose()
    await refold.aclose()
    with pytest.raises(ClosedError, match="`async with` reopens it") as caught:
        await account.actions.list("hubspot")
    assert (caught.value.operation, caught.value.slug) == ("actions.list", "hubspot")
    assert (caught.value.linked_account_id, caught.value.effect) == ("demo-user-1", "read")
    async with refold:
        assert await account.actions.list("hubspot")


async def test_an_account_of_a_client_closes_nothing(sandbox: Sandbox, refold: Refold) -> None:
    async with refold.account("demo-user-1") as account:
        await account.actions.list("hubspot")
    assert await account.actions.list("hubspot")
    assert account.linked_account_id == "demo-user-1"


async def test_a_token_works_without_a_key(sandbox: Sandbox) -> None:
    token = sandbox.issue_token("demo-user-3")
    async with Account.from_token(token, base_url=sandbox.base_url) as account:
        assert account.linked_account_id is None
        assert await account.actions.list("hubspot")
        assert token not in repr(account)
    async with SessionManager(base_url=sandbox.base_url) as manager:
        assert await manager.account(token).actions.list("hubspot")
    for request in sandbox.requests:
        assert request.headers["Authorization"] == f"Bearer {token}"
        assert "x-api-key" not in request.headers
        assert "linked_account_id" not in request.headers


async def test_sessions_that_were_idle_close_when_another_opens(sandbox: Sandbox) -> None:
    sandbox.add_api_key("tk_other")
    async with SessionManager(base_url=sandbox.base_url) as manager:
        first = await manager.client(sandbox.api_key)._requester.session()
        first.last_used -= 301
        second = await manager.client("tk_other")._requester.session()
        assert (first.closed, second.closed) == (True, False)
        assert list(manager._sessions._open.values()) == [second]


async def test_two_calls_that_find_the_same_sessions_idle_both_succeed(
    sandbox: Sandbox, transport: str
) -> None:
    async with SessionManager(base_url=sandbox.base_url) as manager:
        accounts = [manager.account(sandbox.issue_token(f"demo-user-{number}")) for number in range(1, 6)]
        for account in accounts[:3]:
            await account.actions.list("hubspot")
        for session in manager._sessions._open.values():
            session.last_used -= 301
        await asyncio.gather(*(account.actions.list("hubspot") for account in accounts[3:]))
        assert len(manager._sessions._open) == 2


class CountedDict(dict[Any, Any]):
    """Counts how often somebody goes through all of it."""

    walks = 0

    def items(self) -> Any:
        self.walks += 1
        return super().items()


async def test_a_session_that_was_closed_is_replaced_once(refold: Refold) -> None:
    requester = refold._requester
    first = await requester.session()
    await first.aclose()
    second = await requester.session()
    assert second is not first
    assert await requester.session() is second


async def test_a_token_for_each_customer_costs_the_same_however_many_there_are() -> None:
    async with SessionManager(base_url="http://127.0.0.1:1") as manager:
        manager._sessions._open = opened = CountedDict()
        for number in range(100):
            await manager.account(f"token-{number}")._requester.session()
        assert len(opened) == 100
        assert opened.walks < 20
        for session in opened.values():
            session.last_used -= 301
        for number in range(100):
            await manager.account(f"later-{number}")._requester.session()
        assert len(opened) <= 100


async def test_a_rotated_key_is_fetched_again_once(sandbox: Sandbox) -> None:
    sandbox.add_api_key("tk_new")
    given = ["tk_old", "tk_new", "tk_newer"]
    asked: list[str] = []

    async def source() -> str:
        asked.append(given.pop(0))
        await asyncio.sleep(0)
        return asked[-1]

    async with Refold(source, base_url=sandbox.base_url) as refold:
        account = refold.account("demo-user-1")
        lists = await asyncio.gather(*(account.actions.list("hubspot") for _ in range(5)))
        assert all(lists)
        assert asked == ["tk_old", "tk_new"]
        sandbox.remove_api_key("tk_new")
        with pytest.raises(AuthenticationError):
            await account.actions.list("hubspot")


async def test_a_source_that_fails_says_so(sandbox: Sandbox) -> None:
    async def source() -> str:
        raise OSError("vault is sealed")

    async with Refold(source, base_url=sandbox.base_url) as refold:
        with pytest.raises(SettingsError, match="the api_key source raised OSError") as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
    assert caught.value.fate == "not_sent"
    assert sandbox.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(sandbox: Sandbox, refold: Refold, transport: str, status: int) -> None:
    sandbox.faults.add(Fault(status=status, headers={"Location": f"{sandbox.base_url}/elsewhere"}))
    from refold_async import RedirectError

    with pytest.raises(RedirectError):
        await refold.account("demo-user-1").actions.list("hubspot")
    assert len(sandbox.requests) == 1


async def test_no_cookie_is_kept(sandbox: Sandbox, refold: Refold, transport: str) -> None:
    sandbox.faults.add(Fault(status=404, times=1, headers={"Set-Cookie": "session=of-account-1"}))
    with pytest.raises(Exception, match="404"):
        await refold.account("demo-user-1").actions.list("hubspot")
    await refold.account("demo-user-2").actions.list("hubspot")
    assert all("Cookie" not in request.headers for request in sandbox.requests)


@pytest.mark.parametrize("account_id", ["a@b.example", "ü", "数字", "😀", "a b", "a/b?c#d", "..", "x" * 500])
async def test_an_account_id_arrives_as_it_is(
    sandbox: Sandbox, refold: Refold, transport: str, account_id: str
) -> None:
    sandbox.add_account(account_id)
    await refold.account(account_id).actions.list("hubspot")
    sent = sandbox.requests[-1].headers["linked_account_id"]
    assert sent.encode("utf-8", "surrogateescape").decode() == account_id
