"""What apps do that makes a lost write hard to find: late effects, late searches, two records, half results."""

import pytest

from refold_async.sandbox import Fault, Sandbox
from refold_async.sandbox.apps import load_apps
from refold_async.sandbox.apps.records import RecordTable

from .raw_client import RawClient, until
from .test_faults import outcome

ADDRESS = "jane@example.com"
BY_EMAIL = {"propertyName": "email", "operator": "EQ", "value": ADDRESS}


async def found(raw_client: RawClient, params: dict[str, str] = BY_EMAIL) -> int:
    return len((await raw_client.execute("hubspot", "search_contacts", params)).data["results"])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drop="before", late=0.05, effect="write"),
        Fault(status=503, late=0.05, effect="write"),
        Fault(node_status="Errored", late=0.05, effect="write"),
    ],
)
async def test_a_write_runs_after_its_answer(raw_client: RawClient, sandbox: Sandbox, fault: Fault) -> None:
    sandbox.faults.add(fault)
    await outcome(raw_client)
    assert await found(raw_client) == 0
    await until(sandbox.ledger.writes)
    assert await found(raw_client) == 1


async def test_a_reset_sandbox_drops_late_effects(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="before", late=3600, times=1))
    await outcome(raw_client)
    sandbox.reset()
    assert await found(raw_client) == 0


@pytest.mark.parametrize("drop", [None, "after"])
async def test_a_write_runs_twice(raw_client: RawClient, sandbox: Sandbox, drop: None) -> None:
    sandbox.faults.add(Fault(twice=True, drop=drop, times=1, effect="write"))
    answer = await outcome(raw_client)
    assert (answer == "no answer") == (drop is not None)
    assert len(sandbox.ledger.writes()) == 2
    assert await found(raw_client) == 2


async def test_a_partial_success(raw_client: RawClient, sandbox: Sandbox) -> None:
    data = {"results": [{"id": "1"}], "numErrors": 1, "errors": [{"category": "VALIDATION_ERROR"}]}
    sandbox.faults.add(Fault(node_status="Success", http_status=207, data=data, when="after"))
    answer = await raw_client.create_contact()
    assert (answer.json["http_status"], answer.data) == (207, data)
    assert len(sandbox.ledger.writes()) == 1


async def test_a_fault_of_look_ups_does_not_affect_writes(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, effect="read"))
    assert (await raw_client.create_contact()).status == 200
    assert (await raw_client.execute("hubspot", "search_contacts", BY_EMAIL)).status == 503


async def test_a_search_by_the_time_of_the_last_change(raw_client: RawClient) -> None:
    created = (await raw_client.create_contact()).data
    since = {"propertyName": "updatedAt", "operator": "GTE", "value": created["createdAt"]}
    assert await found(raw_client, since) == 1
    assert await found(raw_client, {**since, "operator": "LT"}) == 10  # the first page of twelve


def test_a_search_finds_changes_late() -> None:
    clock = [0.0]
    contacts = load_apps()["hubspot"].objects["contacts"]
    table = RecordTable("contacts", contacts, "seed", search_lag=10, clock=lambda: clock[0])
    seeded = [record.id for record in table.search()]
    first = table.get(seeded[0])
    assert first is not None
    created = table.create({"email": ADDRESS})
    changed = table.update(first, {"email": ADDRESS})
    table.delete(created)
    assert [record.id for record in table.search()] == seeded
    assert next(table.search()) == first
    clock[0] = 10.0
    assert next(table.search()) == changed
    assert [record.id for record in table.search()] == [record.id for record in table.scan()] == seeded


async def test_the_sandbox_has_a_search_lag(raw_client: RawClient) -> None:
    async with Sandbox(search_lag=3600) as sandbox:
        lagging = RawClient(sandbox, raw_client.session)
        created = (await lagging.create_contact()).data
        assert await found(lagging) == 0
        by_id = await lagging.execute("hubspot", "get_contact_by_id", {"contact_id": created["id"]})
        assert by_id.data["id"] == created["id"]


@pytest.mark.parametrize(
    "fault", [{"late": 1.0}, {"late": 1.0, "drop": "after"}, {"drop": "before", "late": -1}]
)
def test_a_late_effect_needs_an_answer_without_it(fault: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="late"):
        Fault(**fault)  # type: ignore[arg-type]
