"""Datarefs, human tasks and MCP servers."""

from datetime import UTC, datetime, timedelta

import pytest

from refold_async.sandbox.api.human_tasks import HumanTaskStore
from refold_async.sandbox.apps.values import timestamp

from .recording_client import V2, RecordingClient

ME = "demo-user-1"
DATAREF = f"{V2}/dataref/{{refName}}"
TASK = f"{V2}/human-tasks/{{id}}"
MCP = f"{V2}/mcp-servers"


async def test_the_seeded_dataref_is_read_as_a_table_and_cleared(recorder: RecordingClient) -> None:
    query = {"limit": "1", "page": "2"}
    page = await recorder.call("GET", DATAREF, "synced_contacts", account=ME, query=query)
    assert page["headers"] == ["record_id", "email", "stage"]
    assert page["rows"] == [{"record_id": "2", "email": "john@example.com", "stage": "new"}]
    await recorder.call("PUT", DATAREF + "/clear-records", "synced_contacts", account=ME)
    empty = await recorder.call("GET", DATAREF, "synced_contacts", account=ME)
    assert (empty["headers"], empty["rows"], empty["totalPages"]) == (["record_id"], [], 0)


async def test_datarefs_are_identified_by_account(recorder: RecordingClient) -> None:
    for account in (ME, "demo-user-2"):
        await recorder.call("POST", f"{V2}/dataref", account=account, json={"refName": "deals"})
    await recorder.call("POST", f"{V2}/dataref", account=ME, json={"refName": "deals"})
    assert recorder.status == 400
    query = {"linked_account_id": "demo-user-2"}
    listed = await recorder.call("GET", f"{V2}/dataref", account=None, query=query)
    assert (listed["totalDocs"], listed["docs"][0]["name"]) == (1, "deals")
    for unique, count in (("false", 2), ("true", 1)):
        listed = await recorder.call("GET", f"{V2}/dataref", account=None, query={"unique": unique})
        assert len([each for each in listed["docs"] if each["name"] == "deals"]) == count
    for group in ("crm", ""):
        await recorder.call(
            "PUT", f"{V2}/datarefs/group", account=ME, json={"refNames": ["deals"], "group": group}
        )
        assert recorder.status == 204
        listed = await recorder.call("GET", f"{V2}/dataref", account=None, query={"linked_account_id": ME})
        assert listed["docs"][-1].get("group", "") == group
    for count in (1, 0):
        assert (await recorder.call("DELETE", DATAREF, "deals", account=ME))["deletedCount"] == count


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "data is required"),
        ({"data": {}}, "approved"),
        ({"data": {"approved": True, "requested_by": "me"}}, "requested_by"),
        ({"data": [1]}, "object"),
    ],
)
async def test_a_form_is_checked_and_stays_open(
    recorder: RecordingClient, body: dict[str, object], fault: str
) -> None:
    task_id = recorder.sandbox.organisation.own(HumanTaskStore).first_id
    answer = await recorder.call("POST", TASK, task_id, account=None, json=body)
    assert recorder.status == 400
    assert fault in answer["message"]
    assert (await recorder.call("GET", TASK, task_id, account=None))["status"] == "WAITING"


async def test_a_form_expires(recorder: RecordingClient) -> None:
    tasks = recorder.sandbox.organisation.own(HumanTaskStore)
    tasks.update(tasks.first_id, {"expire_in": timestamp(datetime.now(UTC) - timedelta(seconds=1))})
    form = {"data": {"approved": True}}
    await recorder.call("POST", TASK, tasks.first_id, account=None, json=form)
    assert recorder.status == 400
    assert (await recorder.call("GET", TASK, tasks.first_id, account=None))["status"] == "TIMEOUT"


async def test_mcp_servers_come_newest_first_and_change_by_field(recorder: RecordingClient) -> None:
    for name in ("a", "b", "c"):
        await recorder.call(
            "POST", MCP, account=ME, json={"name": name, "description": "d", "safe_mode": True}
        )
    page = await recorder.call("GET", MCP, account=ME, query={"limit": "2"})
    assert [each["name"] for each in page["docs"]] == ["c", "b"]
    server_id = page["docs"][0]["_id"]
    one = MCP + "/{mcp_server_id}"
    await recorder.call("PUT", one, server_id, account=ME, json={"name": "z", "_id": "mine"})
    shown = await recorder.call("GET", one, server_id, account="demo-user-2")
    assert (shown["name"], shown["description"], "safe_mode" in shown) == ("z", "d", False)
    await recorder.call("DELETE", one, server_id, account=ME)
    assert recorder.status == 204
