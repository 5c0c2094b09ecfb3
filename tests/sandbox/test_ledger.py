"""The ledger and the request log: what ran and what was received."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yarl

from refold_async.sandbox import Fault, Ledger, Run, Sandbox

from .raw_client import ACTIONS, RawClient


def record(ledger: Ledger, number: int, **more: Any) -> Run:
    row: dict[str, Any] = {
        "linked_account_id": "acme",
        "slug": "hubspot",
        "action_id": "create_contact",
        "params": {"email": f"{number}@example.com", "n": number},
        "effect": "write",
        "ok": True,
    }
    return ledger.record(**{**row, **more})


async def test_each_run_has_its_row(raw_client: RawClient, sandbox: Sandbox) -> None:
    before = time.time()
    await raw_client.create_contact("a@example.com")
    await raw_client.execute("slack", "list_users", {"limit": "1"}, "demo-user-2")
    await raw_client.execute("hubspot", "update_contact", {"contact_id": "999"})
    first, second, third = sandbox.ledger.runs
    assert (first.number, first.linked_account_id, first.slug) == (1, "demo-user-1", "hubspot")
    assert (first.action_id, first.params, first.effect) == (
        "create_contact",
        {"email": "a@example.com"},
        "write",
    )
    assert (second.number, second.effect, second.linked_account_id) == (2, "read", "demo-user-2")
    assert [run.ok for run in (first, second, third)] == [True, True, False]
    assert before <= first.at <= second.at <= third.at <= time.time()


async def test_refused_requests_do_not_run(raw_client: RawClient, sandbox: Sandbox) -> None:
    await raw_client.get(f"{ACTIONS}/hubspot/actions")
    await raw_client.execute("hubspot", "no_such_action")
    await raw_client.execute("hubspot", "create_contact")
    await raw_client.execute("netsuite", "list_invoices")
    assert sandbox.ledger.runs == []
    assert [request.status for request in sandbox.requests] == [200, 404, 400, 403]


def test_runs_can_be_selected() -> None:
    ledger = Ledger()
    record(ledger, 1)
    record(ledger, 2, slug="slack", action_id="post_message")
    record(ledger, 3, linked_account_id="other")
    record(ledger, 4, effect="read", action_id="get_contact")
    assert [run.number for run in ledger.writes()] == [1, 2, 3]
    assert [run.number for run in ledger.writes("hubspot")] == [1, 3]
    assert [run.number for run in ledger.writes(action_id="post_message")] == [2]
    assert [run.number for run in ledger.writes("hubspot", linked_account_id="other")] == [3]
    assert [run.number for run in ledger.reads()] == [4]
    assert (ledger.count(), ledger.count(effect="write"), ledger.count("slack")) == (4, 3, 1)


def test_duplicates_are_repeated_writes() -> None:
    ledger = Ledger()
    record(ledger, 1, params={"a": "1", "b": {"c": 1, "d": 2}})
    record(ledger, 2, params={"b": {"d": 2, "c": 1}, "a": "1"})
    record(ledger, 3, params={"a": "1"})
    record(ledger, 4, params={"a": "1"}, linked_account_id="other")
    record(ledger, 5, params={"a": "2"}, effect="read")
    record(ledger, 6, params={"a": "2"}, effect="read")
    [(_, runs)] = ledger.duplicates().items()
    assert [run.number for run in runs] == [1, 2]
    by_account = ledger.duplicates(by=lambda run: run.linked_account_id)
    assert {key: len(runs) for key, runs in by_account.items()} == {"acme": 3}


def test_dropped_runs_are_counted() -> None:
    ledger = Ledger(limit=3)
    for number in range(5):
        record(ledger, number)
    assert [run.number for run in ledger.runs] == [3, 4, 5]
    assert ledger.forgotten == 2
    ledger.clear()
    assert (ledger.runs, ledger.forgotten) == ([], 0)
    assert record(ledger, 1).number == 1


async def test_each_run_is_in_the_file_before_its_response(tmp_path: Path, raw_client: RawClient) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Sandbox(ledger_path=path, faults=[Fault(drop="after", times=1)]) as sandbox:
        writer = RawClient(sandbox, raw_client.session)
        with pytest.raises(Exception, match="disconnected"):
            await writer.create_contact("lost@example.com")
        await writer.create_contact("kept@example.com")
        rows = [msgspec.json.decode(line, type=Run) for line in path.read_bytes().splitlines()]
        assert rows == sandbox.ledger.runs
    async with sandbox:
        await writer.create_contact("later@example.com")
    emails = [msgspec.json.decode(line, type=Run).params["email"] for line in path.read_bytes().splitlines()]
    assert emails == ["lost@example.com", "kept@example.com", "later@example.com"]


async def test_an_unwritable_ledger_fails_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        await Sandbox(ledger_path=tmp_path / "missing" / "ledger.jsonl").start()


def test_the_ledger_can_be_read_from_other_threads() -> None:
    ledger, seen = Ledger(limit=1000), list[int]()
    writing = threading.Event()

    def write() -> None:
        number = 0
        # Until the other thread has read often enough, however late it is scheduled.
        while number < 5000 or len(seen) < 20:
            record(ledger, number)
            number += 1
        writing.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not writing.is_set():
        numbers = [run.number for run in ledger.runs]
        seen.append(len(numbers))
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    thread.join()
    assert ledger.count() == 1000
    assert seen


async def test_the_request_log_keeps_the_whole_request(raw_client: RawClient, sandbox: Sandbox) -> None:
    path = f"{ACTIONS}/hub%20spot%2F1/actions"
    url = f"{sandbox.base_url}{path}?a=1&b=%C3%A9&a=2"
    headers = {**raw_client.headers(), "X-Mine": "yes"}
    async with raw_client.session.post(
        yarl.URL(url, encoded=True), headers=headers, data=b'{"x": 1}'
    ) as response:
        assert response.status == 404
    [request] = sandbox.requests
    assert (request.method, request.raw_path) == ("POST", path)
    assert request.path == "/api/v2/integration-schema/hub spot/1/actions"
    assert (request.query, request.query_string) == ({"a": "2", "b": "é"}, "a=1&b=%C3%A9&a=2")
    assert (request.headers["x-mine"], request.headers["X-Api-Key"]) == ("yes", sandbox.api_key)
    assert (request.body, request.json(), request.status) == (b'{"x": 1}', {"x": 1}, 404)


async def test_a_path_parameter_is_decoded_once(raw_client: RawClient) -> None:
    url = yarl.URL(f"{raw_client.sandbox.base_url}{ACTIONS}/a%2Fb%2525/actions", encoded=True)
    async with raw_client.session.get(url, headers=raw_client.headers()) as response:
        assert (await response.json())["message"] == "Application app_type 'a/b%25' not found"


async def test_a_dropped_request_has_no_status(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after"))
    with pytest.raises(Exception, match="disconnected"):
        await raw_client.create_contact()
    assert [request.status for request in sandbox.requests] == [None]


async def test_the_request_log_is_bounded(raw_client: RawClient) -> None:
    async with Sandbox(request_log=2) as sandbox:
        caller = RawClient(sandbox, raw_client.session)
        for slug in ("a", "b", "c"):
            await caller.get(f"{ACTIONS}/{slug}/actions")
        assert [request.path.split("/")[-2] for request in sandbox.requests] == ["b", "c"]


async def test_reset_restores_the_initial_state(raw_client: RawClient) -> None:
    async with Sandbox(faults=[Fault(status=503, times=1)], accounts=2) as sandbox:
        caller = RawClient(sandbox, raw_client.session)
        token = sandbox.issue_token("demo-user-1")
        sandbox.add_account("acme")
        sandbox.faults.add(Fault(hang=True, effect="write", after=1))
        assert (await caller.create_contact()).status == 503
        new = (await caller.create_contact()).data["id"]
        sandbox.reset()
        assert (sandbox.ledger.runs, sandbox.requests, list(sandbox.account_ids)) == (
            [],
            [],
            ["demo-user-1", "demo-user-2"],
        )
        assert (await caller.create_contact()).status == 503
        assert (await caller.create_contact()).data["id"] == new
        headers = {"Authorization": f"Bearer {token}"}
        assert (await caller.call("GET", f"{ACTIONS}/slack/actions", headers=headers)).status == 401
