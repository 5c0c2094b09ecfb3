"""Workflows: built, published and run, and their executions to every end."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from refold_async.sandbox.api.execution_state import ExecutionStore

from .tour import V2, Tour

ME = "demo-user-1"
BASE = f"{V2}/workflow"
ONE = BASE + "/{workflowId}"
RUNS = f"{V2}/execution"
RUN = RUNS + "/{execution_id}"


async def create(tour: Tour, *nodes: Mapping[str, object], publish: bool = True, **more: object) -> str:
    """A workflow of these nodes after its start, published."""
    body = {"name": "Mine", "slug": "hubspot", "nodes": [{"type": "start"}, *nodes], **more}
    workflow_id = (await tour.call("POST", BASE, account=ME, json=body))["workflow"]["_id"]
    if publish:
        token = tour.sandbox.issue_token(ME)
        await tour.call("PUT", ONE + "/publish", workflow_id, token=token, json={"published": True})
    return str(workflow_id)


async def execute(tour: Tour, workflow_id: str, payload: object = None, *, sync: bool = False) -> Any:
    headers = {"slug": "hubspot", "sync_execution": str(sync).lower()}
    body = {} if payload is None else payload
    return await tour.call("POST", ONE + "/execute", workflow_id, account=ME, headers=headers, json=body)


async def follow(tour: Tour, execution_id: str, *wanted: str) -> Any:
    """The execution as soon as it has one of the wanted statuses."""
    found: Any = {}
    for _ in range(2000):
        found = await tour.call("GET", RUN, execution_id, account=ME)
        if found["status"] in wanted:
            return found
    raise AssertionError(found["status"])


async def test_an_execution_runs_and_completes(tour: Tour) -> None:
    started = await execute(tour, "daily_sync")
    first = await tour.call("GET", RUN, started["execution_id"], account=ME)
    assert (first["status"], first["completion_percentage"] < 100) == ("RUNNING", True)
    done = await follow(tour, started["execution_id"], "COMPLETED", "ERRORED")
    assert (done["status"], done["completion_percentage"]) == ("COMPLETED", 100)
    kinds = [(node["node_type"], node["node_status"]) for node in done["nodes"]]
    assert kinds == [("start", "Success"), ("action", "Success"), ("response", "Success")]
    [run] = tour.sandbox.ledger.runs
    assert (run.action_id, run.linked_account_id, run.params) == ("get_contact", ME, {"limit": "10"})


async def test_a_synchronous_execution_waits_for_its_value(tour: Tour) -> None:
    result = await execute(tour, "lead_sync", {"email": "a@b.c"}, sync=True)
    assert (result["return_value"], result["errored"], result["status_code"]) == (
        {"email": "a@b.c"},
        False,
        200,
    )
    listed = await tour.call("GET", RUNS, account=ME)
    assert [each["type_of_execution"] for each in listed["docs"]] == ["SYNC"]


async def test_a_response_node_sets_the_status(tour: Tour) -> None:
    data = {"status_code": 202, "body": {"queued": True}}
    result = await execute(tour, await create(tour, {"type": "response", "data": data}), sync=True)
    assert (tour.status, result["status_code"], result["return_value"]) == (202, 202, {"queued": True})


async def test_a_failing_one_says_why(tour: Tour) -> None:
    result = await execute(tour, "failing_sync", sync=True)
    assert (tour.status, result["errored"]) == (200, True)
    assert result["execution_error"] == {"message": "The sync failed", "node_id": "2"}
    found = await tour.call("GET", RUN, result["execution_id"], account=ME)
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
    tour: Tour, data: Mapping[str, object], fault: str
) -> None:
    result = await execute(tour, await create(tour, {"type": "action", "data": data}), sync=True)
    assert fault in result["execution_error"]["message"]


async def test_a_slow_one_can_be_stopped(tour: Tour) -> None:
    execution_id = (await execute(tour, "slow_sync", {"seconds": 60}))["execution_id"]
    await tour.call("POST", RUNS + "/{instanceId}/stop", execution_id, account=ME)
    assert (await tour.call("GET", RUN, execution_id, account=ME))["status"] == "STOPPING"
    stopped = await follow(tour, execution_id, "STOPPED")
    assert stopped["nodes"][-1]["node_status"] == "Stopped"
    await tour.call("POST", RUNS + "/{instanceId}/stop", execution_id, account=ME)
    assert tour.status == 400


async def test_one_past_its_time_limit_times_out(tour: Tour) -> None:
    slow = {"type": "delay", "data": {"seconds": 60}}
    workflow_id = await create(tour, slow, settings={"timeout": 0.05})
    result = await execute(tour, workflow_id, sync=True)
    assert (await tour.call("GET", RUN, result["execution_id"], account=ME))["status"] == "TIMED_OUT"


async def test_a_sandbox_that_stops_ends_what_runs(tour: Tour) -> None:
    execution_id = (await execute(tour, "slow_sync"))["execution_id"]
    await tour.sandbox.stop()
    await tour.sandbox.start()
    assert (await tour.call("GET", RUN, execution_id, account=ME))["status"] == "STOPPED"


async def test_a_reset_ends_what_runs_and_forgets_it(tour: Tour) -> None:
    execution_id = (await execute(tour, "slow_sync"))["execution_id"]
    account = tour.sandbox.organisation.account(ME)
    assert account
    run = account.own(ExecutionStore).get(execution_id)
    tour.sandbox.reset()
    await asyncio.wait_for(run.ended.wait(), 5)
    assert run.status == "STOPPED"
    assert (await tour.call("GET", RUNS, account=ME))["totalDocs"] == 0


async def test_a_rerun_is_a_new_execution_of_the_same_payload(tour: Tour) -> None:
    slow = (await execute(tour, "slow_sync", {"seconds": 60}))["execution_id"]
    await tour.call("POST", RUNS + "/{instanceId}/rerun", slow, account=ME)
    assert tour.status == 400
    failed = (await execute(tour, "failing_sync", {"a": 1}, sync=True))["execution_id"]
    again = await tour.call("POST", RUNS + "/{instanceId}/rerun", failed, account=ME)
    assert again["id"] != failed
    assert (await follow(tour, again["id"], "ERRORED"))["type_of_execution"] == "ASYNC"


async def test_batches_are_listed_by_page(tour: Tour) -> None:
    execution_id = (await execute(tour, "batch_export", sync=True))["execution_id"]
    path = RUN + "/nodes/{node_id}/batches"
    page = await tour.call("GET", path, execution_id, "2", account=ME, query={"page": "2", "limit": "2"})
    assert (page["totalDocs"], [each["output"] for each in page["docs"]]) == (3, [{"processed": 20}])
    none = await tour.call("GET", path, execution_id, "2", account=ME, query={"status": "Errored"})
    assert none["docs"] == []


async def test_an_approval_waits_for_somebody(tour: Tour) -> None:
    execution_id = (await execute(tour, "discount_approval"))["execution_id"]
    waiting: Any = {}

    async def look() -> bool:
        nodes = (await tour.call("GET", RUN, execution_id, account=ME))["nodes"]
        waiting.update(nodes[-1])
        return bool(waiting["node_status"] == "Waiting")

    while not await look():
        pass
    task_id = waiting["latest_output"]["task_id"]
    form = {"data": {"approved": True}}
    await tour.call("POST", f"{V2}/human-tasks/{{id}}", task_id, account=None, json=form)
    done = await follow(tour, execution_id, "COMPLETED")
    assert done["nodes"][1]["latest_output"]["data"] == {"approved": True}


async def test_executions_are_filtered_and_sorted(tour: Tour) -> None:
    ids = [(await execute(tour, alias, sync=True))["execution_id"] for alias in ("lead_sync", "failing_sync")]
    await execute(tour, "lead_sync", sync=True)

    async def found(**query: str) -> list[str]:
        answer = await tour.call("GET", RUNS, account=ME, query={"limit": "2", **query})
        return [each["_id"] for each in answer["docs"]]

    assert await found(sortAsc="true") == ids
    assert await found(status="ERRORED") == await found(workflow_name="failing") == ids[1:]
    assert await found(execution_id=ids[0]) == ids[:1]
    assert await found(start_date="2000-01-01T00:00:00Z", slug="slack,hubspot", sortAsc="true") == ids
    for nothing in ({"slug": "slack"}, {"execution_source": "Event"}, {"end_date": "2000-01-01T00:00:00Z"}):
        assert await found(**nothing) == []
    await tour.call("GET", RUN, ids[0], account="demo-user-2")
    assert tour.status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 400), ({"slug": "unknown"}, 404), ({"slug": "hubspot", "include-headers": "true"}, 501)],
)
async def test_what_cannot_be_executed(tour: Tour, headers: dict[str, str], status: int) -> None:
    await tour.call("POST", ONE + "/execute", "daily_sync", account=ME, headers=headers, json={})
    assert tour.status == status
    assert (await tour.call("GET", RUNS, account=ME))["totalDocs"] == 0


async def test_unpublished_foreign_and_unknown_workflows_do_not_run(tour: Tour) -> None:
    draft = await create(tour, publish=False)
    strange = await create(tour, {"type": "quantum"})
    for workflow_id, status in ((draft, 400), (strange, 501), ("nothing", 404)):
        await execute(tour, workflow_id)
        assert tour.status == status
    headers = {"slug": "hubspot"}
    await tour.call("POST", ONE + "/execute", strange, account="demo-user-2", headers=headers, json={})
    assert tour.status == 403


async def test_the_life_of_a_workflow(tour: Tour) -> None:
    token = tour.sandbox.issue_token(ME)
    workflow_id = await create(tour, publish=False)
    publish, versions = ONE + "/publish", f"{BASE}/versions/{{workflowId}}"
    draft = await tour.call("GET", ONE + "/edit", workflow_id, account=ME)
    assert (draft["associated_workflow"], draft["_id"] != workflow_id) == (workflow_id, True)
    assert (await tour.call("GET", ONE + "/edit", workflow_id, account=ME))["_id"] == draft["_id"]
    shown = await tour.call("PUT", publish, draft["_id"], token=token, json={"published": True, "version": 7})
    assert (shown["_id"], shown["published"]) == (workflow_id, True)
    await tour.call("PUT", publish, workflow_id, token=token, json={"published": True})
    listed = await tour.call("GET", versions, workflow_id, account=ME)
    assert sorted(each["version"] for each in listed["docs"]) == [2, 7]
    shown = await tour.call("PUT", publish, workflow_id, token=token, json={"published": False})
    assert shown["published"] is False
    await tour.call("PUT", publish, workflow_id, token=token, json={"published": False})
    assert tour.status == 400
    await tour.call("DELETE", ONE, workflow_id, token=token)
    await tour.call("GET", ONE, workflow_id, account=None)
    assert tour.status == 404


async def test_only_the_owner_publishes_and_deletes(tour: Tour) -> None:
    token = tour.sandbox.issue_token("demo-user-2")
    for workflow_id in (await create(tour), "daily_sync"):
        await tour.call("DELETE", ONE, workflow_id, token=token)
        assert tour.status == 403
        await tour.call("PUT", ONE + "/publish", workflow_id, token=token, json={"published": False})
        assert tour.status == 403


async def test_who_sees_which_workflows(tour: Tour) -> None:
    mine = await create(tour, publish=False, name="Very mine")

    async def names(account: str | None, **query: str) -> set[str]:
        answer = await tour.call("GET", BASE, account=account, query={"limit": "50", **query})
        return {each["name"] for each in answer["docs"]}

    shared = await names(None)
    assert "Daily Sync" in shared
    assert await names(ME) == shared | {"Very mine"}
    assert await names("demo-user-2") == shared
    assert await names(ME, name="^very") == await names(ME, published="false") == {"Very mine"}
    assert await names(ME, scope="private") == await names(ME, start_date="2999-01-01") == set()
    assert await names(None, slug="slack") == {"Discount Approval"}
    await tour.call("GET", ONE, mine, account=None)
    assert tour.status == 200
    await tour.call("GET", BASE, account=ME, query={"name": "("})
    assert tour.status == 400


async def test_a_schedule_that_comes_due_runs_its_workflow(tour: Tour) -> None:
    base = "/api/v1/workflow/public/scheduled"
    headers = {"slug": "hubspot", "workflow_id_alias": "lead_sync", "config_id": "c1"}
    body = {"trigger_type": "cron", "regex": "0 9 * * 1", "payload": {"email": "a@b.c"}}
    schedule_id = (await tour.call("POST", base, account=ME, headers=headers, json=body))["_id"]
    execution_id = tour.sandbox.run_schedule(ME, schedule_id)
    assert execution_id
    done = await follow(tour, execution_id, "COMPLETED")
    assert (done["trigger_application_event"], done["config_id"]) == ("Schedule", "c1")
    await tour.call("PUT", base + "/{schedule_id}/pause", schedule_id, account=ME)
    assert tour.sandbox.run_schedule(ME, schedule_id) is None
    with pytest.raises(LookupError):
        tour.sandbox.run_schedule(ME, "nothing")
