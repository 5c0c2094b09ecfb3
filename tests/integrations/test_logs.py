"""The standard library's log: one line a call, structured, and free of keys, bodies and raw ids in URLs."""

import asyncio
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from refold_async import ActionFailed, ConnectionFailedError, Options, Refold, ServerError
from refold_async.sandbox import Fault, Sandbox

from .changing import change

ROOT = Path(__file__).parents[2]
SECRET = "hidden@example.com"


def fields(record: logging.LogRecord) -> dict[str, Any]:
    logged: dict[str, Any] = record.__dict__["refold"]
    return logged


def without_times(record: logging.LogRecord) -> str:
    return re.sub(r"\d+\.\d\d s", "0.00 s", record.getMessage())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "refold_async")
    return caplog


async def read(refold: Refold) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})


async def write(refold: Refold) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {"email": SECRET})


async def cancel(
    call: Callable[[Refold], Coroutine[Any, Any, None]], refold: Refold, sandbox: Sandbox
) -> None:
    """Cancel a call once the sandbox has received it."""
    sandbox.faults.add(Fault(hang=True))
    calling = asyncio.create_task(call(refold))
    while not sandbox.requests:  # noqa: ASYNC110 - a sandbox sets no event
        await asyncio.sleep(0.001)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_an_answered_call_is_one_line_at_debug(refold: Refold, log: pytest.LogCaptureFixture) -> None:
    await read(refold)
    [record] = log.records
    assert (record.name, record.levelname) == ("refold_async", "DEBUG")
    text = "actions.execute hubspot/get_contact, account 'demo-user-1': answered 200 (0.00 s)"
    assert without_times(record) == text
    logged = fields(record)
    assert logged.pop("elapsed") > 0
    assert logged.pop("server").startswith("http://127.0.0.1:")
    assert logged == {
        "operation": "actions.execute",
        "method": "POST",
        "path": "/api/v2/integration-schema/{slug}/actions/{action_id}/execute",
        "effect": "read",
        "slug": "hubspot",
        "action_id": "get_contact",
        "linked_account_id": "demo-user-1",
        "attempts": 1,
        "status": 200,
    }


async def test_each_retry_is_a_line_at_info(
    sandbox: Sandbox, refold: Refold, log: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault(status=503, times=2))
    await read(refold)
    assert [record.levelname for record in log.records] == ["INFO", "INFO", "DEBUG"]
    retry = log.records[0]
    assert without_times(retry) == (
        "actions.execute hubspot/get_contact, account 'demo-user-1': "
        "failed with ServerError 503, retrying in 0.00 s (fate: unknown)"
    )
    assert without_times(log.records[-1]).endswith("answered 200 (3 attempts, 0.00 s)")
    logged = fields(retry)
    assert (logged["attempts"], logged["status"], logged["fate"]) == (1, 503, "unknown")
    assert logged["wait"] >= 0


async def test_exhausted_retries_are_a_warning(
    sandbox: Sandbox, refold: Refold, log: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault(status=503))
    with pytest.raises(ServerError):
        await read(refold)
    assert [record.levelname for record in log.records] == ["INFO", "INFO", "INFO", "WARNING"]
    assert without_times(log.records[-1]) == (
        "actions.execute hubspot/get_contact, account 'demo-user-1': "
        "failed with ServerError 503 (4 attempts, 0.00 s, fate: unknown)"
    )
    assert fields(log.records[-1])["attempts"] == 4


async def test_a_failure_without_retries_is_logged_at_debug(
    sandbox: Sandbox, refold: Refold, log: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(Fault(status=503))
    with pytest.raises(ServerError):
        await write(refold)
    [record] = log.records
    assert record.levelname == "DEBUG"
    assert fields(record)["fate"] == "unknown"


async def test_a_cancelled_call_is_logged_with_its_fate(
    sandbox: Sandbox, refold: Refold, log: pytest.LogCaptureFixture
) -> None:
    await cancel(write, refold, sandbox)
    [record] = log.records
    assert without_times(record) == (
        "actions.execute hubspot/create_contact, account 'demo-user-1': "
        "failed with CancelledError (0.00 s, fate: unknown)"
    )
    assert fields(record)["fate"] == "unknown"


@pytest.mark.parametrize(("call", "level"), [(write, "WARNING"), (read, "DEBUG")])
async def test_a_write_cancelled_in_flight_is_a_warning(
    sandbox: Sandbox,
    refold: Refold,
    log: pytest.LogCaptureFixture,
    call: Callable[[Refold], Coroutine[Any, Any, None]],
    level: str,
) -> None:
    """No caller gets the error with its fate."""
    await cancel(call, refold, sandbox)
    assert [record.levelname for record in log.records] == [level]


async def test_a_write_cancelled_before_it_is_sent_logs_no_warning(
    options: Options, log: pytest.LogCaptureFixture
) -> None:
    async def never() -> str:
        return await asyncio.Future[str]()

    async with Refold(never, **options) as refold:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await write(refold)
    assert [record.levelname for record in log.records] == ["DEBUG"]


async def test_a_connection_error_is_logged_with_its_cause(
    options: Options, log: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{unused.getsockname()[1]}"
        async with Refold("tk_1", **change(options, base_url=f"http://{nobody}")) as refold:
            with pytest.raises(ConnectionFailedError):
                await refold.linked_accounts.list()
    assert without_times(log.records[-1]) == (
        f"linked_accounts.list: failed with ConnectionFailedError: could not connect to {nobody}: connection refused "
        "(4 attempts, 0.00 s, fate: not_sent)"
    )


async def test_no_line_holds_a_key_a_body_or_a_raw_url(
    sandbox: Sandbox, options: Options, log: pytest.LogCaptureFixture
) -> None:
    sandbox.add_api_key("pk_live_4711")
    sandbox.add_account("jane@customer.example")
    sandbox.faults.add(
        Fault(node_status="Errored", http_status=500, data={"echo": SECRET}, times=1),
        Fault(status=503, message=f"could not save {SECRET}", times=1),
    )
    async with Refold("pk_live_4711", **change(options)) as refold:
        account = refold.account("jane@customer.example")
        for failure in (ActionFailed, ServerError):
            with pytest.raises(failure):
                await account.actions.execute("hubspot", "create_contact", {"email": SECRET})
        await account.actions.execute("hubspot", "create_contact", {"email": SECRET})
    assert len(log.records) == 3
    for record in log.records:
        text = f"{record.getMessage()} {record.__dict__}"
        assert "pk_live_4711" not in text
        assert SECRET not in text
        assert fields(record)["linked_account_id"] == "jane@customer.example"
        assert "{slug}" in fields(record)["path"]


UNCONFIGURED = """
import asyncio, sys
import aiohttp
from fastapi import FastAPI
from refold_async import Refold, Retry
from refold_async.integrations.fastapi import install
from refold_async.sandbox import Fault, Sandbox
from tests.integrations.serving import serving

key, action, fault = sys.argv[1:]

async def main():
    async with Sandbox(faults=[Fault(**eval(fault))] if fault else []) as sandbox:
        async with Refold(key, base_url=sandbox.base_url, retry=Retry(base=0.01, cap=0.02)) as refold:
            app = FastAPI()
            install(app)

            @app.get("/")
            async def call():
                await refold.account("demo-user-1").actions.execute("hubspot", action, {"email": "a@b.example"})

            async with serving(app) as url, aiohttp.ClientSession() as session:
                async with session.get(url) as response:
                    print(response.status)

asyncio.run(main())
"""
"""A process that serves with uvicorn and configures no logging."""


@pytest.mark.parametrize(
    ("key", "action", "fault", "status", "line"),
    [
        ("tk_wrong", "get_contact", "", 500, "answered 500, misconfigured"),
        ("tk_sandbox", "create_contact", "{'drop': 'after'}", 502, "answered 502, unknown-outcome"),
        ("tk_sandbox", "create_contact", "{'status': 503}", 502, "answered 502, unknown-outcome"),
        ("tk_sandbox", "get_contact", "{'status': 503}", 502, "answered 502, upstream-failed"),
    ],
)
def test_an_unconfigured_process_shows_warnings_and_errors(
    key: str, action: str, fault: str, status: int, line: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", UNCONFIGURED, key, action, fault],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    )
    assert ended.stdout == f"{status}\n"
    assert line in ended.stderr
    assert f"hubspot/{action}, account 'demo-user-1'" in ended.stderr


def test_the_library_adds_no_handler() -> None:
    # In a process of its own: the command, which other tests run in this one, does add a handler.
    code = (
        "import logging, refold_async; refold_async.Refold; logger = logging.getLogger('refold_async'); "
        "print(logger.handlers, logger.level, logger.propagate)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] 0 True\n"
