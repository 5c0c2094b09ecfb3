"""The console's rules: who may see it, what changes the sandbox, and what it shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from refold_async.sandbox import Fault, Sandbox, SandboxLimit
from refold_async.sandbox.console import ForbiddenError, check_host, check_same_origin, is_loopback

ACCOUNT = "demo-user-1"


@asynccontextmanager
async def console(**options: Any) -> AsyncIterator[tuple[Sandbox, aiohttp.ClientSession]]:
    sandbox = Sandbox(accounts=3, **{"console": True, **options})
    async with sandbox, aiohttp.ClientSession(sandbox.base_url) as http:
        yield sandbox, http


async def state(http: aiohttp.ClientSession, **query: str) -> dict[str, Any]:
    async with http.get("/_console/state", params=query) as response:
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found


async def do(
    sandbox: Sandbox, http: aiohttp.ClientSession, command: object, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    own = {"Origin": sandbox.base_url} if headers is None else headers
    async with http.post("/_console/do", json=command, headers=own) as response:
        return response.status, await response.json()


async def test_it_is_off_in_an_embedded_sandbox_unless_asked_for() -> None:
    async with console(console=False) as (_, http), http.get("/_console") as response:
        assert response.status == 404
        assert "console=True" in (await response.json())["error"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("example.com", False), ("", False)],
)  # fmt: skip
def test_loopback_addresses(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("header", ["127.0.0.1:80", "localhost:80", "[::1]:80", "localhost", "127.0.0.1"])
def test_names_of_this_machine_pass(header: str) -> None:
    check_host(header, "127.0.0.1", keyed=False)


@pytest.mark.parametrize(
    "header", ["evil.example:80", "evil.example", "127.0.0.1.evil.example:80", "", "[::2]:80"]
)
def test_other_names_are_refused_without_a_key(header: str) -> None:
    with pytest.raises(ForbiddenError):
        check_host(header, "127.0.0.1", keyed=False)
    check_host(header, "127.0.0.1", keyed=True)


async def test_another_host_header_cannot_read_the_console() -> None:
    async with console() as (_, http):
        for path in ("/_console", "/_console/state"):
            async with http.get(path, headers={"Host": "evil.example"}) as response:
                assert response.status == 403


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "headers",
    [
        {**JSON},
        {**JSON, "Origin": "http://evil.example"},
        {**JSON, "Origin": "null"},
        {"Origin": "http://127.0.0.1:1", "Content-Type": "text/plain"},
        {**JSON, "Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "cross-site"},
        {**JSON, "Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_changes_of_other_pages_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError):
        check_same_origin(headers, "http://127.0.0.1:1")


async def test_a_refused_change_changes_nothing() -> None:
    async with console() as (sandbox, http):
        for headers in ({}, {"Origin": "http://evil.example"}):
            status, _ = await do(sandbox, http, {"do": "reset"}, headers)
            assert status == 403
        status, _ = await do(sandbox, http, {"do": "expire", "account": ACCOUNT, "slug": "hubspot"}, {})
        assert status == 403
        connections = (await state(http))["account"]["connections"]
        assert {each["state"] for each in connections if each["slug"] == "hubspot"} == {"connected"}


async def test_a_key_is_asked_for_in_a_header_and_not_in_the_url() -> None:
    async with console(console_key="s3cret") as (sandbox, http):
        for headers in ({}, {"X-Console-Key": "wrong"}, {"X-Console-Key": "s3cre"}):
            async with http.get("/_console/state?key=s3cret", headers=headers) as response:
                assert response.status == 403
        async with http.get("/_console/state", headers={"X-Console-Key": "s3cret"}) as response:
            assert response.status == 200
        status, _ = await do(sandbox, http, {"do": "reset"}, {"Origin": sandbox.base_url})
        assert status == 403


async def test_another_address_needs_a_key() -> None:
    async with Sandbox(accounts=1, host="0.0.0.0", console=True) as sandbox:
        url = f"http://127.0.0.1:{sandbox.port}/_console/state"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            assert response.status == 403
            assert "--console-key" in (await response.json())["error"]


async def test_every_command_uses_the_python_api() -> None:
    async with console() as (sandbox, http):
        sent = [
            {"do": "expire", "account": ACCOUNT, "slug": "hubspot"},
            {"do": "disconnect", "account": ACCOUNT, "slug": "slack"},
            {"do": "connect", "account": "demo-user-2", "slug": "salesforce"},
            {"do": "add_fault", "fault": '{"drop": "after", "effect": "write", "times": 1}'},
            {"do": "set_limit", "limit": '{"per_second": 7, "burst": 2}'},
            {"do": "announce", "account": ACCOUNT, "slug": "hubspot", "event": "Connection Expired"},
        ]
        for command in sent:
            assert await do(sandbox, http, command) == (200, {"done": True}), command
        assert list(sandbox.faults) == [Fault(drop="after", effect="write", times=1)]
        shown = await state(http, account=ACCOUNT)
        assert shown["limit"]["per_second"] == 7
        states = {each["slug"]: each["state"] for each in shown["account"]["connections"]}
        assert (states["hubspot"], states["slack"]) == ("expired", "none")
        [fault] = shown["faults"]
        assert await do(sandbox, http, {"do": "remove_fault", "fault": fault["fault"]}) == (
            200,
            {"done": True},
        )
        assert not list(sandbox.faults)
        assert (await do(sandbox, http, {"do": "set_limit", "limit": "null"}))[0] == 200
        workflow = shown["workflows"][0]["id"]
        assert (await do(sandbox, http, {"do": "run_workflow", "account": ACCOUNT, "workflow": workflow}))[
            0
        ] == 200
        assert (await state(http, account=ACCOUNT))["account"]["executions"]
        assert (await do(sandbox, http, {"do": "reset"}))[0] == 200
        assert not (await state(http, account=ACCOUNT))["account"]["executions"]


@pytest.mark.parametrize(
    "command",
    [
        {"do": "nonsense"},
        {},
        {"do": "connect", "account": "nobody", "slug": "hubspot"},
        {"do": "connect", "account": ACCOUNT},
        {"do": "add_fault", "fault": "not json"},
        {"do": "add_fault", "fault": '{"slug": "slak", "drop": "after"}'},
        {"do": "set_limit", "limit": '{"per_second": -1}'},
        {"do": 5},
    ],
)
async def test_an_invalid_command_is_answered_with_an_error_message(command: object) -> None:
    async with console() as (sandbox, http):
        status, body = await do(sandbox, http, command)
        assert status == 400
        assert body["error"]


async def test_it_shows_what_ran_and_how_often_and_not_its_own_requests() -> None:
    async with console(limit=SandboxLimit()) as (sandbox, http):
        url = "/api/v2/integration-schema/slack/actions/post_message/execute"
        headers = {"x-api-key": sandbox.api_key, "linked_account_id": ACCOUNT}
        for _ in range(3):
            body = {"channel": "general", "text": "<script>alert(1)</script>"}
            async with http.post(url, json=body, headers=headers) as response:
                assert response.status == 200
        shown = await state(http)
    [row] = shown["ledger"]["actions"]
    assert (row["slug"], row["action"], row["effect"], row["runs"], row["repeated"]) == (
        "slack", "post_message", "write", 3, 1,
    )  # fmt: skip
    assert [each["path"] for each in shown["requests"]] == [url] * 3
    assert sandbox.api_key not in str(shown["requests"])


async def test_pages_load_nothing_from_elsewhere() -> None:
    async with console() as (_, http):
        for path in ("/_console", "/connect/-/pages.css", "/connect/-/pages.js", "/connect/-/console.js"):
            async with http.get(path) as response:
                assert response.status == 200
                text = await response.text()
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert "http://" not in text
            assert "https://" not in text
            assert "innerHTML" not in text
        for path in ("/connect/-/nothing.js", "/connect/-/%2e%2e%2fconsole.py"):
            async with http.get(path) as response:
                assert response.status in {403, 404}
