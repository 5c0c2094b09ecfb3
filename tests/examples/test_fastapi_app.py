"""The FastAPI example under uvicorn, as a process of its own: 200 concurrent callers, with injected faults."""

import asyncio
import hashlib
import hmac
import json
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from refold_async.sandbox import Fault, Sandbox

from .processes import EXAMPLES, example

CALLERS = 200
EACH = 2
POOL = 100
EXPIRED = 10


@asynccontextmanager
async def application(
    sandbox: Sandbox, folder: Path
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("-W", "always::ResourceWarning", "-m", "uvicorn", "fastapi_app:app", "--app-dir", str(EXAMPLES), "--port", str(port),
               "--log-level", "warning", "--backlog", "1024")  # fmt: skip
    async with example(sandbox, *command, cwd=folder) as process:
        await answering(port, process)
        yield f"http://127.0.0.1:{port}", process


async def answering(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    assert process.stderr is not None
    pytest.fail((await process.stderr.read()).decode())


@pytest.fixture
async def http(guard: None) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=CALLERS)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


def session_of(number: int) -> dict[str, str]:
    return {"Cookie": f"session=session-of-{number}"}


async def ask(answer: Any) -> tuple[int, Any]:
    async with answer as got:
        return got.status, await got.json(content_type=None)


async def stop(process: asyncio.subprocess.Process) -> str:
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode in {0, -signal.SIGTERM}
    return errors.decode()


def connections(process: asyncio.subprocess.Process) -> int:
    """How many sockets the process has open."""
    return sum(
        str(link.readlink()).startswith("socket:") for link in Path(f"/proc/{process.pid}/fd").iterdir()
    )


async def create(http: aiohttp.ClientSession, url: str, number: int, turn: int) -> tuple[str, int, Any]:
    email = f"{number}.{turn}@example.com"
    return email, *(
        await ask(http.post(f"{url}/contacts", json={"email": email}, headers=session_of(number)))
    )


async def test_two_hundred_callers_get_correct_responses_despite_faults(
    sandbox: Sandbox, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    for number in range(1, EXPIRED + 1):
        sandbox.expire(f"demo-user-{number}", "hubspot")
    sandbox.faults.add(
        Fault(effect="write", drop="after", probability=0.05),
        Fault(effect="write", status=503, when="after", probability=0.05),
        Fault(effect="write", status=429, headers={"Retry-After": "0"}, times=20),
        Fault(effect="write", node_status="Errored", http_status=422, probability=0.05),
        Fault(operation="actions.list", status=503, times=20),
    )

    async def call(number: int) -> list[tuple[str, int, Any]]:
        answers = []
        for turn in range(EACH):
            status, actions = await ask(http.get(f"{url}/contacts/actions", headers=session_of(number)))
            assert status == 200
            assert "create_contact" in [action["action_id"] for action in actions]
            answers.append(await create(http, url, number, turn))
        return answers

    async with application(sandbox, tmp_path) as (url, process):
        called = await asyncio.gather(*(call(number) for number in range(1, CALLERS + 1)))
        held = connections(process)
        errors = await stop(process)
    answers = [answer for answers in called for answer in answers]
    check_answers(answers, sandbox)
    assert held <= CALLERS + POOL + 10
    unexpected = [line for line in errors.splitlines() if not line.startswith(("answered 50", "actions."))]
    assert not unexpected, "a process that configures no logging shows its failed calls, and nothing else"


def check_answers(answers: list[tuple[str, int, Any]], sandbox: Sandbox) -> None:
    """Hold every answer against what really ran."""
    ran = Counter(str(run.params["email"]) for run in sandbox.ledger.writes())
    assert max(ran.values()) == 1
    kinds = Counter(status for _, status, _ in answers)
    assert len(answers) == CALLERS * EACH
    assert set(kinds) == {201, 409, 422, 502}
    for email, status, body in answers:
        assert (status == 409) <= (int(email.split(".")[0]) <= EXPIRED)
        if status == 201:
            assert ran[email] == 1
        elif status == 502:
            assert (body["type"], body["fate"]) == ("urn:refold-async:unknown-outcome", "unknown")
            assert (body["slug"], body["action_id"]) == ("hubspot", "create_contact")
        else:
            assert ran[email] == 0
            assert body["fate"] == "rejected"


async def test_a_report_runs_in_the_background_and_shows_progress(
    sandbox: Sandbox, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    sandbox.expire("demo-user-7", "hubspot")
    async with application(sandbox, tmp_path) as (url, process):
        status, begun = await ask(http.post(f"{url}/reports"))
        assert (status, begun["ended"]) == (202, False)
        seen = [begun]
        while not seen[-1]["ended"]:
            await asyncio.sleep(0.02)
            status, report = await ask(http.get(f"{url}/reports/{begun['number']}"))
            assert status == 200
            seen.append(report)
        assert (await ask(http.get(f"{url}/reports/99")))[0] == 404
        errors = await stop(process)
    assert (seen[-1]["done"], seen[-1]["failed"]) == (299, 1)
    assert [report["done"] for report in seen] == sorted(report["done"] for report in seen)
    assert errors == ""


async def test_shutdown_stops_a_report_and_leaves_no_call_behind(
    sandbox: Sandbox, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    sandbox.faults.add(Fault(latency=0.05))
    async with application(sandbox, tmp_path) as (url, process):
        await ask(http.post(f"{url}/reports"))
        while len(sandbox.requests) < 20:  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.01)
        errors = await stop(process)
    assert errors == ""
    assert len(sandbox.requests) < 200
    assert {request.status for request in sandbox.requests} == {200}


async def test_webhooks_and_unauthenticated_requests(
    sandbox: Sandbox, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    body = json.dumps({"event": "Connection Created", "linked_account_id": "demo-user-1"}).encode()
    signature = hmac.new(sandbox.api_key.encode(), body, hashlib.sha256).hexdigest()
    async with application(sandbox, tmp_path) as (url, process):
        for given, expected in ((signature, 200), (signature, 200), ("0" * 64, 401), ("", 401)):
            headers = {"x-cobalt-signature": given}
            assert (await ask(http.post(f"{url}/webhooks", data=body, headers=headers)))[0] == expected
        assert (await ask(http.get(f"{url}/contacts/actions")))[0] == 401
        assert (await ask(http.get(f"{url}/contacts/actions", headers={"Cookie": "session=demo-user-1"})))[
            0
        ] == 401
        assert await stop(process) == ""
    assert sandbox.requests == []
