"""What each fault does to the response, and what the ledger records."""

import asyncio
import time
from typing import Any

import aiohttp
import msgspec
import pytest

from refold_async.sandbox import Fault, Sandbox

from .raw_client import ACTIONS, Answer, RawClient, until

LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


async def outcome(raw_client: RawClient, email: str = "jane@example.com") -> Answer | str:
    """Return the response to one write, or how it was lost."""
    try:
        return await raw_client.create_contact(email)
    except LOST:
        return "no answer"
    except aiohttp.ClientPayloadError:
        return "half an answer"


@pytest.mark.parametrize(
    ("fault", "lost", "ran"),
    [
        (Fault(drop="before"), "no answer", 0),
        (Fault(drop="after"), "no answer", 1),
        (Fault(drop="during"), "half an answer", 1),
    ],
    ids=lambda value: value.drop if isinstance(value, Fault) else "",
)
async def test_a_dropped_connection(
    raw_client: RawClient, sandbox: Sandbox, fault: Fault, lost: str, ran: int
) -> None:
    sandbox.faults.add(fault)
    assert await outcome(raw_client) == lost
    assert len(sandbox.ledger.writes()) == ran
    sandbox.faults.clear()
    assert (await raw_client.create_contact()).status == 200


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("body", ["envelope", "html", "empty"])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_status(raw_client: RawClient, sandbox: Sandbox, status: int, body: Any, when: Any) -> None:
    sandbox.faults.add(Fault(status=status, body=body, when=when, headers={"Retry-After": "3"}))
    answer = await raw_client.create_contact()
    assert (answer.status, answer.headers["Retry-After"]) == (status, "3")
    assert len(sandbox.ledger.runs) == (when == "after")
    if body == "envelope":
        assert answer.json["status_code"] == status
        assert answer.json["request_id"].startswith("req_")
    elif body == "html":
        assert answer.body.startswith(b"<html>")
        assert answer.headers["Content-Type"].startswith("text/html")
    else:
        assert answer.body == b""


async def test_a_status_fault_sets_body_headers_and_code(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=409, message="Locked", code="LOCKED"))
    answer = await raw_client.create_contact()
    assert (answer.json["message"], answer.json["error_code"]) == ("Locked", "LOCKED")
    assert answer.json["http_error_type"] == "CONFLICT"


@pytest.mark.parametrize(
    ("fault", "ran"),
    [
        (Fault(node_status="Errored", http_status=500), 0),
        (Fault(node_status="Errored", http_status=500, when="after"), 1),
    ],
)
async def test_a_node_status(raw_client: RawClient, sandbox: Sandbox, fault: Fault, ran: int) -> None:
    sandbox.faults.add(fault)
    answer = await raw_client.create_contact()
    assert (answer.status, answer.json["node_status"], answer.json["http_status"]) == (200, "Errored", 500)
    assert len(sandbox.ledger.runs) == ran


@pytest.mark.parametrize("data", [None, [1], {"a": "b"}])
async def test_consecutive_responses_can_be_scripted(
    raw_client: RawClient, sandbox: Sandbox, data: object
) -> None:
    sandbox.faults.add(Fault(node_status="Success", data=data, times=1), Fault(node_status="Ready", times=1))
    first, second, third = [await raw_client.create_contact() for _ in range(3)]
    assert first.json == {"node_status": "Success", "data": data}
    assert second.json["node_status"] == "Ready"
    assert third.data["id"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
async def test_a_truncated_body(raw_client: RawClient, sandbox: Sandbox, share: float) -> None:
    sandbox.faults.add(Fault(truncate=share))
    answer = await raw_client.create_contact()
    assert answer.status == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.body)
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize(("garbage", "body"), [(True, None), (b"[1,", b"[1,"), (b"", b"")])
async def test_a_garbage_body(
    raw_client: RawClient, sandbox: Sandbox, garbage: bool | bytes, body: bytes | None
) -> None:
    sandbox.faults.add(Fault(garbage=garbage))
    answer = await raw_client.create_contact()
    assert answer.body == body or body is None
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(answer.body)
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize(
    ("fault", "ran"),
    [(Fault(hang=True), 0), (Fault(hang=True, when="after"), 1), (Fault(stall=True), 1)],
)
async def test_responses_that_never_end(
    raw_client: RawClient, sandbox: Sandbox, fault: Fault, ran: int
) -> None:
    sandbox.faults.add(fault)
    call = asyncio.create_task(raw_client.create_contact())
    await until(lambda: sandbox.requests and len(sandbox.ledger.writes()) == ran)
    await asyncio.wait([call], timeout=0.1)
    assert call.cancel(), "it ended"
    assert len(sandbox.ledger.writes()) == ran


async def test_half_of_a_stalled_response_arrives(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(stall=True))
    path = f"{sandbox.base_url}{ACTIONS}/hubspot/actions"
    async with raw_client.session.get(path, headers=raw_client.headers()) as response:
        size = int(response.headers["Content-Length"])
        assert len(await response.content.readexactly(size // 2)) == size // 2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await response.content.read(1)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_latency_comes_before_or_after_the_effect(
    raw_client: RawClient, sandbox: Sandbox, when: Any
) -> None:
    sandbox.faults.add(Fault(latency=0.1, when=when))
    async with asyncio.TaskGroup() as group:
        call = group.create_task(raw_client.create_contact())
        await until(lambda: sandbox.requests)
        await asyncio.sleep(0)
        assert len(sandbox.ledger.runs) == (when == "after")
        assert not call.done()
    assert call.result().status == 200


async def test_a_disconnecting_client_does_not_undo_the_write(
    raw_client: RawClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(latency=0.2))
    call = asyncio.create_task(raw_client.create_contact())
    await until(lambda: sandbox.requests)
    assert call.cancel()
    await until(lambda: sandbox.ledger.runs)
    assert sandbox.ledger.count() == 1


async def test_latencies_add_up_with_one_other_fault(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(latency=0.02), Fault(latency=(0.01, 0.02)), Fault(status=503, latency=0.01))
    sandbox.faults.add(Fault(status=500))
    start = time.monotonic()
    assert (await raw_client.create_contact()).status == 503
    assert time.monotonic() - start >= 0.04


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault(status=503), {"read", "write", "list", "slack", "other"}),
        (Fault(status=503, effect="write"), {"write"}),
        (Fault(status=503, effect="read"), {"read", "list", "slack", "other"}),
        (Fault(status=503, method="GET"), {"list"}),
        (Fault(status=503, operation="actions.execute"), {"read", "write", "slack", "other"}),
        (Fault(status=503, slug="slack"), {"slack"}),
        (Fault(status=503, action_id="get_contact"), {"read", "other"}),
        (Fault(status=503, linked_account_id="demo-user-2"), {"other"}),
        (Fault(status=503, slug="hubspot", effect="write", linked_account_id="demo-user-2"), set[str]()),
    ],
)
async def test_which_requests_a_fault_matches(
    raw_client: RawClient, sandbox: Sandbox, fault: Fault, struck: set[str]
) -> None:
    sandbox.faults.add(fault)
    answers = {
        "read": await raw_client.execute("hubspot", "get_contact"),
        "write": await raw_client.create_contact(),
        "list": await raw_client.get(f"{ACTIONS}/hubspot/actions"),
        "slack": await raw_client.execute("slack", "list_users"),
        "other": await raw_client.execute("hubspot", "get_contact", account="demo-user-2"),
    }
    assert {name for name, answer in answers.items() if answer.status == 503} == struck


async def test_the_effect_of_a_raw_request_is_that_of_its_endpoint(
    raw_client: RawClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(status=503, effect="write"))
    url = "/crm/v3/objects/contacts/51"
    for params, status in (
        ({"method": "GET", "url": url}, 200),
        ({"method": "DELETE", "url": url}, 503),
        ({"method": "GET", "url": "/nowhere"}, 200),
        ({"method": "POST", "url": "/nowhere"}, 503),
        ([], 503),
    ):
        assert (await raw_client.execute("hubspot", "httprequest", params)).status == status


async def test_an_unknown_action_counts_as_a_write(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, effect="write"))
    assert (await raw_client.execute("hubspot", "no_such_action")).status == 503
    assert (await raw_client.execute("no_such_app", "get_contact")).status == 503


async def test_how_often_a_fault_fires(raw_client: RawClient, sandbox: Sandbox) -> None:
    fault = Fault(status=503, after=1, times=2)
    sandbox.faults.add(fault)
    statuses = [(await raw_client.create_contact()).status for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert sandbox.faults.fired(fault) == 2


async def test_probability_is_seeded(session: aiohttp.ClientSession) -> None:
    async def statuses(seed: int) -> list[int]:
        async with Sandbox(seed=seed, faults=[Fault(status=503, probability=0.5)]) as sandbox:
            raw_client = RawClient(sandbox, session)
            first = [(await raw_client.create_contact()).status for _ in range(30)]
            sandbox.reset()
            assert [(await raw_client.create_contact()).status for _ in range(30)] == first
            return first

    first = await statuses(1)
    assert set(first) == {200, 503}
    assert await statuses(1) == first
    assert await statuses(2) != first


async def test_faults_can_be_removed(raw_client: RawClient, sandbox: Sandbox) -> None:
    first, second = Fault(status=503), Fault(status=504)
    sandbox.faults.add(first, second)
    assert list(sandbox.faults) == [first, second]
    sandbox.faults.remove(first)
    sandbox.faults.remove(first)
    assert (await raw_client.create_contact()).status == 504
    sandbox.faults.clear()
    assert len(sandbox.faults) == 0
    assert (await raw_client.create_contact()).status == 200


async def test_unauthorised_requests_do_not_use_up_faults(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, times=1))
    refused = await raw_client.call(
        "GET", f"{ACTIONS}/hubspot/actions", headers=raw_client.headers(key="tk_wrong")
    )
    assert refused.status == 401
    assert (await raw_client.get(f"{ACTIONS}/hubspot/actions")).status == 503


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "has to do something"),
        ({"slug": "hubspot"}, "has to do something"),
        ({"status": 503, "drop": "after"}, "one outcome"),
        ({"hang": True, "truncate": 0.0}, "one outcome"),
        ({"latency": -1.0}, "latency"),
        ({"latency": (2.0, 1.0)}, "latency"),
        ({"latency": float("inf")}, "latency"),
        ({"hang": True, "probability": 0}, "probability"),
        ({"hang": True, "probability": 1.5}, "probability"),
        ({"hang": True, "times": 0}, "times"),
        ({"hang": True, "after": -1}, "after"),
        ({"status": 99}, "status"),
        ({"truncate": 1.0}, "truncate"),
        ({"drop": "afterwards"}, "drop must be one of 'before', 'during', 'after', not 'afterwards'"),
        ({"hang": True, "when": "later"}, "when must be one of 'before', 'after', not 'later'"),
        ({"status": 500, "body": "xml"}, "body must be one of"),
        ({"status": 500, "effect": "reed"}, "effect must be one of"),
    ],
)
def test_invalid_faults_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Fault(**settings)


async def test_a_fault_over_tls_is_a_dropped_connection_too(
    session: aiohttp.ClientSession, tls: tuple[Any, Any]
) -> None:
    server_context, client_context = tls
    async with Sandbox(ssl=server_context) as sandbox:
        raw_client = RawClient(sandbox, session)
        path = f"{ACTIONS}/hubspot/actions"
        assert sandbox.base_url.startswith("https://")
        assert (await raw_client.get(path, ssl=client_context)).status == 200
        sandbox.faults.add(Fault(drop="after"))
        with pytest.raises(LOST):
            await raw_client.get(path, ssl=client_context)


async def test_the_ledger_counts_writes_despite_faults(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        Fault(drop="before", probability=0.1),
        Fault(drop="after", probability=0.1),
        Fault(drop="during", probability=0.1),
        Fault(status=503, probability=0.1),
        Fault(status=500, probability=0.1, when="after"),
    )

    async def write(number: int) -> tuple[str, Answer | str]:
        email = f"user-{number}@example.com"
        return email, await outcome(raw_client, email)

    results = dict(await asyncio.gather(*(write(number) for number in range(300))))
    ran = {run.params["email"] for run in sandbox.ledger.writes()}
    for email, result in results.items():
        if (isinstance(result, Answer) and result.status == 200) or result == "half an answer":
            assert email in ran
        elif isinstance(result, Answer) and result.status == 503:
            assert email not in ran
    assert not sandbox.ledger.duplicates()
    assert len(ran) == sandbox.ledger.count() < 300


@pytest.mark.parametrize(
    "fault",
    [
        Fault(latency=0.1),
        Fault(latency=0.1, status=503),
        Fault(latency=0.1, drop="during"),
        Fault(latency=0.1, truncate=0.5),
        Fault(latency=0.1, stall=True),
        Fault(latency=0.1, garbage=True),
    ],
)
async def test_a_client_that_leaves_before_its_answer_is_not_logged(
    sandbox: Sandbox, raw_client: RawClient, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    sandbox.faults.add(fault)
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    head = f"GET {ACTIONS}/hubspot/actions HTTP/1.1\r\nHost: x\r\nx-api-key: {sandbox.api_key}\r\n"
    writer.write(f"{head}linked_account_id: demo-user-1\r\n\r\n".encode())
    await writer.drain()
    while not sandbox.requests:  # noqa: ASYNC110 - a sandbox sets no event
        await asyncio.sleep(0.001)
    writer.transport.abort()
    await until(lambda: sandbox.faults.fired(fault) == 1)
    await asyncio.sleep(0.15)
    sandbox.faults.clear()
    assert (await raw_client.get(f"{ACTIONS}/hubspot/actions")).status == 200
    assert not caplog.records
