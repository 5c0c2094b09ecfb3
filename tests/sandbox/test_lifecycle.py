"""Starting and stopping: twice, under load, in a thread, as a command."""

import asyncio
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import aiohttp
import msgspec
import pytest

from refold_async.sandbox import Fault, Run, Sandbox, SandboxLimit, SandboxThread
from refold_async.sandbox.__main__ import main, parse_fault, parse_limit

from .raw_client import ACTIONS, RawClient, until

LIST = f"{ACTIONS}/hubspot/actions"


async def test_start_and_stop_are_repeatable(session: aiohttp.ClientSession) -> None:
    sandbox = Sandbox()
    await sandbox.start()
    address = sandbox.base_url
    await sandbox.start()
    raw_client = RawClient(sandbox, session)
    new = (await raw_client.create_contact()).data["id"]
    await sandbox.stop()
    await sandbox.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await raw_client.get(LIST)
    await sandbox.start()
    assert sandbox.base_url == address
    assert (await raw_client.execute("hubspot", "get_contact_by_id", {"contact_id": new})).data["id"] == new
    await sandbox.stop()


def test_one_sandbox_serves_several_loops() -> None:
    sandbox = Sandbox()

    async def write() -> None:
        async with sandbox, aiohttp.ClientSession() as session:
            await RawClient(sandbox, session).create_contact()

    asyncio.run(write())
    asyncio.run(write())
    assert sandbox.ledger.count() == 2


@pytest.mark.parametrize(
    "fault", [Fault(hang=True), Fault(stall=True), Fault(latency=60), Fault(latency=60, when="after")]
)
async def test_stop_ends_responses_that_never_end(session: aiohttp.ClientSession, fault: Fault) -> None:
    before = asyncio.all_tasks()
    sandbox = Sandbox(faults=[fault])
    await sandbox.start()
    call = asyncio.ensure_future(RawClient(sandbox, session).create_contact())
    await until(lambda: sandbox.requests)
    async with asyncio.timeout(20):
        await sandbox.stop()
    with pytest.raises(aiohttp.ClientError):
        await call
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_stop_ends_an_incomplete_request() -> None:
    before = asyncio.all_tasks()
    sandbox = Sandbox()
    await sandbox.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    head = f"POST {LIST}/get_contact/execute HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n{{"
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(0.02)
    async with asyncio.timeout(20):
        await sandbox.stop()
        assert await reader.read() == b""
    writer.close()
    assert asyncio.all_tasks() <= before


async def test_a_truncated_request_body_is_not_logged(
    raw_client: RawClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(f"POST {LIST} HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.02)
    assert (await raw_client.get(LIST)).status == 200
    assert not caplog.records
    assert len(sandbox.requests) == 1


async def test_faults_are_not_logged(
    raw_client: RawClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.add(
        Fault(drop="before", times=1), Fault(drop="during", times=1), Fault(drop="after", times=1)
    )
    for _ in range(3):
        with pytest.raises(aiohttp.ClientError):
            await raw_client.create_contact()
    assert not caplog.records


async def test_a_hanging_answer_ends_with_its_client(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(hang=True))
    before = asyncio.all_tasks()
    call = asyncio.create_task(raw_client.create_contact())
    await until(lambda: sandbox.requests)
    call.cancel()
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_large_body_is_read(raw_client: RawClient) -> None:
    body = msgspec.json.encode({"text": "x" * 3_000_000})
    path = f"{ACTIONS}/playground/actions/echo/execute"
    answer = await raw_client.call("POST", path, headers=raw_client.headers(), data=io.BytesIO(body))
    assert answer.data == msgspec.json.decode(body)


async def test_a_taken_port_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox(port=sandbox.port).start()
    with pytest.raises(OSError, match="address already in use"), SandboxThread(Sandbox(port=sandbox.port)):
        pass


@pytest.mark.parametrize("settings", [{"api_key": ""}, {"accounts": -1}, {"latency": -0.1}])
def test_invalid_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Sandbox(**settings)  # type: ignore[arg-type]


async def test_repr_shows_the_url_and_hides_the_key() -> None:
    sandbox = Sandbox(accounts=3, api_key="tk_hidden", port=1)
    assert repr(sandbox) == "<Sandbox http://127.0.0.1:1 stopped, 3 accounts>"
    assert "hidden" not in repr(sandbox)


async def test_it_has_no_url_before_it_starts() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="no port before it runs"):
        _ = sandbox.base_url
    async with sandbox:
        url = sandbox.base_url
    assert sandbox.base_url == url


async def test_it_listens_on_ipv6(session: aiohttp.ClientSession) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    try:
        async with Sandbox(host="::1") as sandbox:
            assert sandbox.base_url.startswith("http://[::1]:")
            assert (await RawClient(sandbox, session).get(LIST)).status == 200
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")


def get(base_url: str, path: str = LIST) -> int:
    headers = {"x-api-key": "tk_sandbox", "linked_account_id": "demo-user-1"}
    with urlopen(Request(base_url + path, headers=headers), timeout=5) as response:
        return int(response.status)


def test_a_synchronous_program_runs_it_in_a_thread() -> None:
    with SandboxThread() as sandbox:
        assert get(sandbox.base_url) == 200
        sandbox.faults.add(Fault(drop="before"))
        with pytest.raises(OSError, match=r"closed|reset"):
            get(sandbox.base_url)
        assert len(sandbox.requests) == 2
    with pytest.raises(OSError, match="refused"):
        get(sandbox.base_url)


def test_a_thread_starts_again_and_stops_twice() -> None:
    thread = SandboxThread(Sandbox(accounts=1))
    for _ in range(2):
        assert get(thread.start().base_url) == 200
        thread.stop()
    thread.stop()


def test_a_sandbox_thread_can_be_reset_from_another_thread() -> None:
    began, ended = threading.Event(), threading.Event()

    async def task() -> None:
        asyncio.get_running_loop().call_soon(began.set)  # once it sleeps
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with SandboxThread(Sandbox(accounts=1)) as sandbox:
        background = sandbox._context.background
        assert background._loop is not None
        background._loop.set_debug(True)  # so that asyncio refuses to be used from another thread
        background.start(task)
        assert began.wait(2)
        sandbox.reset()
        assert ended.wait(2)


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Yield the running command and the three lines it prints."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "refold_async.sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, [process.stdout.readline().strip() for _ in range(3)]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_signalled(number: signal.Signals) -> None:
    with command("--accounts", "2") as (process, [address, *exports]):
        assert exports == [f"export REFOLD_BASE_URL={address}", "export REFOLD_API_KEY=tk_sandbox"]
        assert get(address) == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, f"console: {address}/_console\n")


async def test_the_commands_ledger_outlives_it(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with command("--ledger", str(path), "--fault", "drop=after,effect=write,after=1") as (process, lines):
        raw_client = RawClient(Sandbox(port=int(lines[0].rpartition(":")[2])), session)
        assert (await raw_client.create_contact("answered@example.com")).status == 200
        with pytest.raises(aiohttp.ClientError):
            await raw_client.create_contact("unanswered@example.com")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=5)
    runs = [msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines()]
    assert [run.params["email"] for run in runs] == ["answered@example.com", "unanswered@example.com"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fault", "drop=sometimes"], "drop"),
        (["--fault", "slug=hubspot"], "has to do something"),
        (["--fault", "unknown=1"], "unknown"),
        (["--fault", "{"], "malformed|truncated"),
        (["--limit", "fast"], "'fast' is not a rate, e.g. 20 or 20:5"),
        (["--limit", "5:"], "'5:' is not a rate"),
        (["--limit", "0"], "must be"),
        (["--port", "x"], "invalid int"),
        (["--port", "65536"], "port must be from 0 to 65535, not 65536"),
        (["--accounts", "-1"], "must be at least 0"),
        (["--latency", "nan"], "finite"),
        (["--search-lag", "inf"], "finite"),
        (["--host", ""], "host must not be empty"),
        (["--host", "0.0.0.0", "--console-key", ""], "console_key must not be empty"),
        (["--ledger", "/nowhere/at/all"], "No such file"),
    ],
)
def test_the_command_refuses_invalid_arguments(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert re.search(reason, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop=after,effect=write,probability=0.1", Fault(drop="after", effect="write", probability=0.1)),
        ("hang,times=2", Fault(hang=True, times=2)),
        ("latency=0.5, slug=slack", Fault(latency=0.5, slug="slack")),
        ('{"latency": [0.1, 0.5]}', Fault(latency=(0.1, 0.5))),
        ('{"status": 429, "headers": {"Retry-After": "2"}}', Fault(status=429, headers={"Retry-After": "2"})),
    ],
)
def test_faults_as_text(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("20", SandboxLimit()),
        ("7.5:2", SandboxLimit(per_second=7.5, burst=2)),
        ("per_account=3,retry_after=false", SandboxLimit(per_account=3, retry_after=False)),
        ('{"per_second": null, "per_account": 1}', SandboxLimit(per_second=None, per_account=1)),
    ],
)
def test_limits_as_text(text: str, limit: SandboxLimit) -> None:
    assert parse_limit(text) == limit
