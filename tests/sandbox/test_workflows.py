"""Workflows: build, publish and run them, and every way an execution ends."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from refold_async.sandbox.api.execution_state import ExecutionStore

from .recording_client import V2, RecordingClient

ME = "demo-user-1"
BASE = f"{V2}/workflow"
ONE = BASE + "/{workflowId}"
RUNS = f"{V2}/execution"
RUN = RUNS + "/{execution_id}"


async def create(
    recorder: RecordingClient, *nodes: Mapping[str, object], publish: bool = True, **more: object
) -> str:
    """Create and publish a workflow of a start node and these nodes."""
    body = {"name": "Mine", "slug": "hubspot", "nodes": [{"type": "start"}, *nodes], **more}
    workflow_id = (await recorder.call("POST", BASE, account=ME, json=body))["workflow"]["_id"]
    if publish:
        token = recorder.sandbox.issue_token(ME)
        await recorder.call("PUT", ONE + "/publish", workflow_id, token=token, json={"published": True})
    return str(workflow_id)


async def execute(
    recorder: RecordingClient, workflow_id: str, payload: object = None, *, sync: bool = False
) -> Any:
    headers = {"slug": "hubspot", "sync_execution": str(sync).lower()}
    body = {} if payload is None else payload
    return await recorder.call("POST", ONE + "/execute", workflow_id, account=ME, headers=headers, json=body)


async def follow(recorder: RecordingClient, execution_id: str, *wanted: str) -> Any:
    """Return the execution once it has one of the wanted statuses."""
    found: Any = {}
    for _ in range(2000):
        found = await recorder.call("GET", RUN, execution_id, account=ME)
        if found["status"] in wanted:
            return found
    raise AssertionError(found["status"])


async def test_an_execution_runs_and_completes(recorder: RecordingClient) -> None:
    started = await execute(recorder, "daily_sync")
    first = await recorder.call("GET", RUN, started["execution_id"], account=ME)
    assert (first["status"], first["completion_percentage"] < 100) == ("RUNNING", True)
    done = await follow(recorder, started["execution_id"], "COMPLETED", "ERRORED")
    assert (done["status"], done["completion_percentage"]) == ("COMPLETED", 100)
    kinds = [(node["node_type"], node["node_status"]) for node in done["nodes"]]
    assert kinds == [("start", "Success"), ("action", "Success"), ("response", "Success")]
    [run] = recorder.sandbox.ledger.runs
    assert (run.action_id, run.linked_account_id, run.params) == ("get_contact", ME, {"limit": "10"})


async def test_a_synchronous_execution_returns_its_value(recorder: RecordingClient) -> None:
    result = await execute(recorder, "lead_sync", {"email": "a@b.c"}, sync=True)
    assert (result["return_value"], result["errored"], result["status_code"]) == (
        {"email": "a@b.c"},
        False,
        200,
    )
    listed = await recorder.call("GET", RUNS, account=ME)
    assert [each["type_of_execution"] for each in listed["docs"]] == ["SYNC"]


async def test_a_response_node_sets_the_status(recorder: RecordingClient) -> None:
    data = {"status_code": 202, "body": {"queued": True}}
    result = await execute(recorder, await create(recorder, {"type": "response", "data": data}), sync=True)
    assert (recorder.status, result["status_code"], result["return_value"]) == (202, 202, {"queued": True})


async def test_a_failing_execution_reports_its_error(recorder: RecordingClient) -> None:
    result = await execute(recorder, "failing_sync", sync=True)
    assert (recorder.status, result["errored"]) == (200, True)
    assert result["execution_error"] == {"message": "The sync failed", "node_id": "2"}
    found = await recorder.call("GET", RUN, result["execution_id"], account=ME)
    assert (found["status"], found["nodes"][-1]["node_status"]) == ("ERRORED", "Errored")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"action_id": "nothing"}, "Action nothing not found in Application hubspot"),
        ({"action_id": "httprequest", "slug": "salesforce"}, "salesforce is not connected"),
        ({"action_id": "get_contact", "params": {"contact_id": "none"}}, "get_contact failed"),
    ],
)
async def test_an_action_that_fails_fails_the_execution(
    recorder: RecordingClient, data: Mapping[str, object], fault: str
) -> None:
    result = await execute(recorder, await create(recorder, {"type": "action", "data": data}), sync=True)
    assert fault in result["execution_error"]["message"]


async def test_a_slow_execution_can_be_stopped(recorder: RecordingClient) -> None:
    execution_id = (await execute(recorder, "slow_sync", {"seconds": 60}))["execution_id"]
    await recorder.call("POST", RUNS + "/{instanceId}/stop", execution_id, account=ME)
    assert (await recorder.call("GET", RUN, execution_id, account=ME))["status"] == "STOPPING"
    stopped = await follow(recorder, execution_id, "STOPPED")
    assert stopped["nodes"][-1]["node_status"] == "Stopped"
    await recorder.call("POST", RUNS + "/{instanceId}/stop", execution_id, account=ME)
    assert recorder.status == 400


async def test_an_execution_past_its_time_limit_times_out(recorder: RecordingClient) -> None:
    slow = {"type": "delay", "data": {"seconds": 60}}
    workflow_id = await create(recorder, slow, settings={"timeout": 0.05})
    result = await execute(recorder, workflow_id, sync=True)
    assert (await recorder.call("GET", RUN, result["execution_id"], account=ME))["status"] == "TIMED_OUT"


async def test_stopping_the_sandbox_ends_executions(recorder: RecordingClient) -> None:
    execution_id = (await execute(recorder, "slow_sync"))["execution_id"]
    await recorder.sandbox.stop()
    await recorder.sandbox.start()
    assert (await recorder.call("GET", RUN, execution_id, account=ME))["status"] == "STOPPED"


async def test_a_reset_ends_and_forgets_executions(recorder: RecordingClient) -> None:
    execution_id = (await execute(recorder, "slow_sync"))["execution_id"]
    account = recorder.sandbox.organisation.account(ME)
    assert account
    run = account.own(ExecutionStore).get(execution_id)
    recorder.sandbox.reset()
    await asyncio.wait_for(run.ended.wait(), 5)
    assert run.status == "STOPPED"
    assert (await recorder.call("GET", RUNS, account=ME))["totalDocs"] == 0


async def test_a_rerun_is_a_new_execution_of_the_same_payload(recorder: RecordingClient) -> None:
    slow = (await execute(recorder, "slow_sync", {"seconds": 60}))["execution_id"]
    await recorder.call("POST", RUNS + "/{instanceId}/rerun", slow, account=ME)
    assert recorder.status == 400
    failed = (await execute(recorder, "failing_sync", {"a": 1}, sync=True))["execution_id"]
    again = await recorder.call("POST", RUNS + "/{instanceId}/rerun", failed, account=ME)
    assert again["id"] != failed
    assert (await follow(recorder, again["id"], "ERRORED"))["type_of_execution"] == "ASYNC"


async def test_batches_are_listed_by_page(recorder: RecordingClient) -> None:
    execution_id = (await execute(recorder, "batch_export", sync=True))["execution_id"]
    path = RUN + "/nodes/{node_id}/batches"
    page = await recorder.call("GET", path, execution_id, "2", account=ME, query={"page": "2", "limit": "2"})
    assert (page["totalDocs"], [each["output"] for each in page["docs"]]) == (3, [{"processed": 20}])
    none = await recorder.call("GET", path, execution_id, "2", account=ME, query={"status": "Errored"})
    assert none["docs"] == []


async def test_an_approval_waits_for_a_submission(recorder: RecordingClient) -> None:
    execution_id = (await execute(recorder, "discount_approval"))["execution_id"]
    waiting: Any = {}

    async def look() -> bool:
        nodes = (await recorder.call("GET", RUN, execution_id, account=ME))["nodes"]
        waiting.update(nodes[-1])
        return bool(waiting["node_status"] == "Waiting")

    while not await look():
        pass
    task_id = waiting["latest_output"]["task_id"]
    form = {"data": {"approved": True}}
    await recorder.call("POST", f"{V2}/human-tasks/{{id}}", task_id, account=None, json=form)
    done = await follow(recorder, execution_id, "COMPLETED")
    assert done["nodes"][1]["latest_output"]["data"] == {"approved": True}


async def test_executions_are_filtered_and_sorted(recorder: RecordingClient) -> None:
    ids = [
        (await execute(recorder, alias, sync=True))["execution_id"] for alias in ("lead_sync", "failing_sync")
    ]
    await execute(recorder, "lead_sync", sync=True)

    async def found(**query: str) -> list[str]:
        answer = await recorder.call("GET", RUNS, account=ME, query={"limit": "2", **query})
        return [each["_id"] for each in answer["docs"]]

    assert await found(sortAsc="true") == ids
    assert await found(status="ERRORED") == await found(workflow_name="failing") == ids[1:]
    assert await found(execution_id=ids[0]) == ids[:1]
    assert await found(start_date="2000-01-01T00:00:00Z", slug="slack,hubspot", sortAsc="true") == ids
    for nothing in ({"slug": "slack"}, {"execution_source": "Event"}, {"end_date": "2000-01-01T00:00:00Z"}):
        assert await found(**nothing) == []
    await recorder.call("GET", RUN, ids[0], account="demo-user-2")
    assert recorder.status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 400), ({"slug": "unknown"}, 404), ({"slug": "hubspot", "include-headers": "true"}, 501)],
)
async def test_workflows_that_cannot_be_executed(
    recorder: RecordingClient, headers: dict[str, str], status: int
) -> None:
    await recorder.call("POST", ONE + "/execute", "daily_sync", account=ME, headers=headers, json={})
    assert recorder.status == status
    assert (await recorder.call("GET", RUNS, account=ME))["totalDocs"] == 0


async def test_unpublished_foreign_and_unknown_workflows_do_not_run(recorder: RecordingClient) -> None:
    draft = await create(recorder, publish=False)
    strange = await create(recorder, {"type": "quantum"})
    for workflow_id, status in ((draft, 400), (strange, 501), ("nothing", 404)):
        await execute(recorder, workflow_id)
        assert recorder.status == status
    headers = {"slug": "hubspot"}
    await recorder.call("POST", ONE + "/execute", strange, account="demo-user-2", headers=headers, json={})
    assert recorder.status == 403


async def test_the_life_cycle_of_a_workflow(recorder: RecordingClient) -> None:
    token = recorder.sandbox.issue_token(ME)
    workflow_id = await create(recorder, publish=False)
    publish, versions = ONE + "/publish", f"{BASE}/versions/{{workflowId}}"
    draft = await recorder.call("GET", ONE + "/edit", workflow_id, account=ME)
    assert (draft["associated_workflow"], draft["_id"] != workflow_id) == (workflow_id, True)
    assert (await recorder.call("GET", ONE + "/edit", workflow_id, account=ME))["_id"] == draft["_id"]
    shown = await recorder.call(
        "PUT", publish, draft["_id"], token=token, json={"published": True, "version": 7}
    )
    assert (shown["_id"], shown["published"]) == (workflow_id, True)
    await recorder.call("PUT", publish, workflow_id, token=token, json={"published": True})
    listed = await recorder.call("GET", versions, workflow_id, account=ME)
    assert sorted(each["version"] for each in listed["docs"]) == [2, 7]
    shown = await recorder.call("PUT", publish, workflow_id, token=token, json={"published": False})
    assert shown["published"] is False
    await recorder.call("PUT", publish, workflow_id, token=token, json={"published": False})
    assert recorder.status == 400
    await recorder.call("DELETE", ONE, workflow_id, token=token)
    await recorder.call("GET", ONE, workflow_id, account=None)
    assert recorder.status == 404


async def test_only_the_owner_publishes_and_deletes(recorder: RecordingClient) -> None:
    token = recorder.sandbox.issue_token("demo-user-2")
    for workflow_id in (await create(recorder), "daily_sync"):
        await recorder.call("DELETE", ONE, workflow_id, token=token)
        assert recorder.status == 403
        await recorder.call("PUT", ONE + "/publish", workflow_id, token=token, json={"published": False})
        assert recorder.status == 403


async def test_visibility_of_workflows(recorder: RecordingClient) -> None:
    mine = await create(recorder, publish=False, name="Very mine")

    async def names(account: str | None, **query: str) -> set[str]:
        answer = await recorder.call("GET", BASE, account=account, query={"limit": "50", **query})
        return {each["name"] for each in answer["docs"]}

    shared = await names(None)
    assert "Daily Sync" in shared
    assert await names(ME) == shared | {"Very mine"}
    assert await names("demo-user-2") == shared
    assert await names(ME, name="^very") == await names(ME, published="false") == {"Very mine"}
    assert await names(ME, scope="private") == await names(ME, start_date="2999-01-01") == set()
    assert await names(None, slug="slack") == {"Discount Approval"}
    await recorder.call("GET", ONE, mine, account=None)
    assert recorder.status == 200
    await recorder.call("GET", BASE, account=ME, query={"name": "("})
    assert recorder.status == 400


async def test_a_due_schedule_runs_its_workflow(recorder: RecordingClient) -> None:
    base = "/api/v1/workflow/public/scheduled"
    headers = {"slug": "hubspot", "workflow_id_alias": "lead_sync", "config_id": "c1"}
    body = {"trigger_type": "cron", "regex": "0 9 * * 1", "payload": {"email": "a@b.c"}}
    schedule_id = (await recorder.call("POST", base, account=ME, headers=headers, json=body))["_id"]
    execution_id = recorder.sandbox.run_schedule(ME, schedule_id)
    assert execution_id
    done = await follow(recorder, execution_id, "COMPLETED")
    assert (done["trigger_application_event"], done["config_id"]) == ("Schedule", "c1")
    await recorder.call("PUT", base + "/{schedule_id}/pause", schedule_id, account=ME)
    assert recorder.sandbox.run_schedule(ME, schedule_id) is None
    with pytest.raises(LookupError):
        recorder.sandbox.run_schedule(ME, "nothing")
