"""`refold workflows …` and `refold executions …`."""

import json
from pathlib import Path
from typing import Any

import pytest

from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

ACCOUNT = ("--account", "demo-user-1")
RUN = ("workflows", "run")
HUBSPOT = (*ACCOUNT, "--slug", "hubspot")


def listed(refold: Command, *filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(refold("executions", "list", *ACCOUNT, *filters, "--json").out)
    return found


def test_workflows_are_listed(refold: Command) -> None:
    human = refold("workflows", "list", "--slug", "slack")
    assert human.out.startswith("1 of 1 workflows")
    assert "discount_approval" in human.out
    piped = refold("workflows", "list", "--name", "^Daily", "--published", "--json")
    assert [each["workflow_alias"] for each in json.loads(piped.out)] == ["daily_sync"]
    assert json.loads(refold("workflows", "list", "--unpublished", "--json").out) == []


def test_a_customers_own_workflows_are_listed(refold: Command, sandbox: Sandbox) -> None:
    refold(
        "api", "POST", "/api/v2/public/workflow", *ACCOUNT, "--body", '{"name": "Mine", "slug": "hubspot"}'
    )
    ended = refold("workflows", "list", *ACCOUNT, "--all", "--json")
    assert "Mine" in {each["name"] for each in json.loads(ended.out)}
    assert sandbox.requests[-1].headers["linked_account_id"] == "demo-user-1"


def test_a_workflow_is_shown_with_its_nodes(refold: Command) -> None:
    [found] = json.loads(refold("workflows", "list", "--name", "^Daily", "--json").out)
    human = [line.split() for line in refold("workflows", "get", found["_id"]).out.splitlines()]
    assert ["alias", "daily_sync"] in human
    assert ["2", "action"] in human
    assert json.loads(refold("workflows", "get", found["_id"], "--json").out)["name"] == "Daily Sync"


def test_a_workflow_is_started_with_a_payload_and_gives_its_executions_id(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "lead.json"
    path.write_text('{"email": "a@b.example"}')
    line = (*RUN, "lead_sync", *HUBSPOT, "--payload", f"@{path}", "--config", "c1", "--instance-tag", "t1")
    ended = refold(*line)
    [request] = [each for each in sandbox.requests if each.raw_path.endswith("lead_sync/execute")]
    assert request.json() == {"email": "a@b.example"}
    headers = {name: request.headers[name] for name in ("slug", "config_id", "instance_tag")}
    assert headers == {"slug": "hubspot", "config_id": "c1", "instance_tag": "t1"}
    assert ended.out.strip() in {each["_id"] for each in listed(refold)}
    assert json.loads(refold(*line, "--json").out)["execution_id"]


def test_a_workflow_is_waited_for_with_its_progress_on_stderr(refold: Command) -> None:
    ended = refold(*RUN, "daily_sync", *HUBSPOT, "--wait", "--json")
    execution = json.loads(ended.out)
    assert (ended.code, execution["status"]) == (0, "COMPLETED")
    assert ended.err.splitlines()[-1] == f"execution {execution['_id']}: COMPLETED, 100 %"


def test_a_workflow_that_fails_shows_which_node_did_and_ends_in_6(refold: Command) -> None:
    ended = refold(*RUN, "failing_sync", *HUBSPOT, "--wait")
    assert ended.code == 6
    assert ["2", "error", "Error", "Errored"] in [line.split()[:4] for line in ended.out.splitlines()]
    assert "ended as ERRORED" in ended.err
    assert "check which node failed" in ended.err
    [failed] = listed(refold, "--status", "ERRORED")
    followed = refold("executions", "follow", failed["_id"], *ACCOUNT, "--json")
    error = json.loads(followed.out)["error"]
    assert (followed.code, error["class"]) == (6, "WorkflowFailed")
    assert error["execution"]["nodes"][1]["node_status"] == "Errored"


@pytest.mark.parametrize("status", [401, 404])
def test_a_started_workflow_that_cannot_be_followed_ends_in_6(
    refold: Command, sandbox: Sandbox, status: int
) -> None:
    sandbox.faults.add(Fault(operation="executions.get", status=status))
    assert refold(*RUN, "daily_sync", *HUBSPOT, "--wait").code == 6


def test_an_execution_is_left_at_the_deadline_stopped_and_started_again(refold: Command) -> None:
    late = refold(*RUN, "slow_sync", *HUBSPOT, "--wait", "--deadline", "0.3")
    assert late.code == 6
    [running] = [each["_id"] for each in listed(refold, "--status", "RUNNING")]
    assert (
        f"is still running; to wait for it again: refold executions follow {running} --account demo-user-1"
        in late.err
    )
    assert refold("executions", "rerun", running, *ACCOUNT).code == 1
    assert refold("executions", "stop", running, *ACCOUNT).out == f"stopping {running}\n"
    assert refold("executions", "follow", running, *ACCOUNT).code == 6
    assert "STOPPED" in refold("executions", "get", running, *ACCOUNT).out
    again = refold("executions", "rerun", running, *ACCOUNT).out.strip()
    assert again not in {"", running}
    stopped = refold("executions", "stop", again, *ACCOUNT, "--json")
    assert json.loads(stopped.out)["message"]


def test_executions_are_listed_for_people(refold: Command) -> None:
    refold(*RUN, "daily_sync", "--account", "demo-user-8", "--slug", "hubspot", "--wait")
    ended = refold("executions", "list", "--account", "demo-user-8", "--slug", "hubspot")
    [row] = [line for line in ended.out.splitlines() if "COMPLETED" in line]
    assert row.split()[1:5] == ["COMPLETED", "Daily", "Sync", "Hubspot"]


@pytest.mark.parametrize(
    "line",
    [
        (*RUN, "daily_sync", *HUBSPOT, "--payload", "[1]"),
        (*RUN, "daily_sync", *ACCOUNT),
        (*RUN, "daily_sync", *HUBSPOT, "--wait", "--deadline", "0"),
        (*RUN, "daily_sync", *HUBSPOT, "--wait", "--deadline", "nan"),
        ("executions", "list"),
        ("executions", "follow", "..", *ACCOUNT),
    ],
)
def test_invalid_arguments_exit_with_2_and_send_nothing(
    refold: Command, sandbox: Sandbox, line: tuple[str, ...]
) -> None:
    before = len(sandbox.requests)
    assert refold(*line).code == 2
    assert len(sandbox.requests) == before
