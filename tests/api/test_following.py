"""Workflows as users need them: started, waited for, and followed to their end."""

import asyncio
import json
import math
import pickle
from collections.abc import Iterable
from typing import Any

import pytest
from aiohttp import web

from refold_async import (
    BadRequestError,
    ClosedError,
    DeadlineExceededError,
    Execution,
    InvalidCallError,
    KeyAccount,
    NotFoundError,
    Refold,
    RefoldError,
    ServerError,
    SettingsError,
    UnreadableReplyError,
    WorkflowFailed,
    deadline,
)
from refold_async._core.responses import Response
from refold_async.api.executions import follow
from refold_async.api.workflow_models import WorkflowResult, read_result

from .recorder import Arrived, Recorder

FAST: Any = {"poll": 0.002, "longest_poll": 0.005}


def respond_with(recorder: Recorder, states: Iterable[Any]) -> None:
    """Answer one state after another; the last for ever. A number is an HTTP status."""
    left = list(states)

    def answer(arrived: Arrived) -> web.Response | None:
        if arrived.method == "POST":
            return web.json_response({"message": "started", "execution_id": "x-1"})
        state = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(state, int):
            return web.json_response({"message": "not now"}, status=state)
        return web.json_response({"_id": "x-1", "status": state, "nodes": [{"node_id": "1"}]})

    recorder.answer = answer


async def test_an_execution_is_followed_to_its_end(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING", "RUNNING", "PAUSED_BY_A_NEW_SERVICE", "COMPLETED"])
    execution = await account.executions.follow("x-1", timeout=5, **FAST)
    assert (execution.id, execution.status, execution.completed) == ("x-1", "COMPLETED", True)
    assert len(recorder.arrived) == 4


@pytest.mark.parametrize("end", ["ERRORED", "STOPPED", "TIMED_OUT", "errored"])
async def test_a_failed_end_is_an_error(account: KeyAccount, recorder: Recorder, end: str) -> None:
    respond_with(recorder, ["RUNNING", "STOPPING", end])
    with pytest.raises(WorkflowFailed) as caught:
        await account.executions.follow("x-1", timeout=5, **FAST)
    assert caught.value.execution.id == "x-1"  # type: ignore[union-attr]
    assert caught.value.fate == "unknown"
    assert end in str(caught.value)
    assert (caught.value.operation, caught.value.linked_account_id) == (
        "executions.follow", account.linked_account_id,
    )  # fmt: skip


def test_a_failed_workflow_is_pickled_between_processes() -> None:
    error = WorkflowFailed("it failed", execution=Execution(id="x-1", status="ERRORED"))
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.fate, copied.execution) == (str(error), "unknown", error.execution)


async def test_a_transient_failure_does_not_end_the_wait(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING", *[503] * 5, "COMPLETED"])
    assert (await account.executions.follow("x-1", timeout=5, **FAST)).completed


async def test_a_question_that_is_never_answered_does_not_end_the_wait(
    account: KeyAccount, recorder: Recorder
) -> None:
    """Each question has a `timeout` of its own, the client's, which says nothing of the execution."""
    respond_with(recorder, ["RUNNING", "COMPLETED"])
    timeouts = [None, 1e-9, None]

    async def look(execution_id: str) -> Execution:
        return await account.executions.get(execution_id, timeout=timeouts.pop())

    assert (await follow(look, "x-1", timeout=5, **FAST)).completed
    assert not timeouts


async def test_a_lasting_failure_ends_the_wait(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING", 404])
    with pytest.raises(NotFoundError):
        await account.executions.follow("x-1", timeout=5, **FAST)


async def test_the_deadline_holds_and_names_the_execution(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING"])
    began = asyncio.get_running_loop().time()
    with pytest.raises(DeadlineExceededError, match=r"'x-1' had not ended .* RUNNING") as caught:
        await account.executions.follow("x-1", timeout=0.1, **FAST)
    assert caught.value.fate == "unknown"
    assert asyncio.get_running_loop().time() - began < 2


async def test_an_outer_deadline_holds_too(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING"])
    with deadline(0.1), pytest.raises(DeadlineExceededError, match="had not ended"):
        await account.executions.follow("x-1", timeout=60, poll=10)
    assert len(recorder.arrived) == 2, "it was given up after the first look"


async def test_an_end_within_an_outer_deadline_is_seen(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING", "COMPLETED"])
    with deadline(0.4):
        assert (await account.executions.follow("x-1", timeout=60, **FAST)).completed


@pytest.mark.parametrize("name", ["poll", "longest_poll"])
@pytest.mark.parametrize("value", [0, -1, math.nan, "1"])
async def test_an_invalid_interval_is_refused_before_sending(
    account: KeyAccount, recorder: Recorder, name: str, value: Any
) -> None:
    words = f"{name} must be a positive number of seconds"
    with pytest.raises(SettingsError, match=words):
        await account.executions.follow("x-1", timeout=5, **{name: value})
    with pytest.raises(SettingsError, match=words):
        await account.workflows.execute_and_follow("w-1", "hubspot", timeout=5, **{name: value})
    assert recorder.arrived == []


async def test_started_and_followed_in_one(account: KeyAccount, recorder: Recorder) -> None:
    respond_with(recorder, ["RUNNING", "COMPLETED"])
    execution = await account.workflows.execute_and_follow("w-1", "hubspot", {"a": 1}, timeout=5, **FAST)
    assert execution.completed
    assert [(each.method, each.raw_path.rpartition("/")[2]) for each in recorder.arrived] == [
        ("POST", "execute"),
        ("GET", "x-1"),
        ("GET", "x-1"),
    ]
    assert "sync_execution" not in recorder.arrived[0].headers


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_a_started_workflow_that_cannot_be_followed_is_not_rejected(
    account: KeyAccount, recorder: Recorder, status: int
) -> None:
    recorder.answer = lambda arrived: (
        web.json_response({}, status=status) if arrived.method == "GET" else None
    )
    with pytest.raises(RefoldError) as caught:
        await account.workflows.execute_and_follow("w-1", "hubspot", timeout=1, **FAST)
    error = caught.value
    assert (error.fate, error.effect, error.operation) == ("unknown", "write", "workflows.execute_and_follow")
    assert "execution" in str(error)


async def test_a_started_workflow_whose_client_is_closed_is_not_unsent(
    account: KeyAccount, refold: Refold, recorder: Recorder
) -> None:
    respond_with(recorder, ["RUNNING"])
    run = asyncio.create_task(account.workflows.execute_and_follow("w-1", "hubspot", timeout=5, **FAST))
    while len(recorder.arrived) < 3:  # noqa: ASYNC110 - the recorder has no event
        await asyncio.sleep(0.001)
    await refold.aclose()
    with pytest.raises(ClosedError) as caught:
        await run
    assert caught.value.fate == "unknown"


async def test_an_answer_without_an_execution_is_an_error(account: KeyAccount, recorder: Recorder) -> None:
    recorder.answer = lambda _: web.json_response({"message": "queued"})
    with pytest.raises(UnreadableReplyError, match="no execution"):
        await account.workflows.execute_and_follow("w-1", "hubspot", timeout=5)


async def test_a_rerun_can_be_followed(account: KeyAccount, recorder: Recorder) -> None:
    again = await account.executions.rerun("x-0")
    assert again.id
    respond_with(recorder, ["COMPLETED"])
    await account.executions.follow(again.id, timeout=5, **FAST)
    assert recorder.last.path.endswith(again.id)


def _sync(status: int, body: object) -> Response:
    return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


RESULTS: list[tuple[str, Response, object, int | None]] = [
    (
        "as documented",
        _sync(200, {"execution_id": "x", "return_value": {"a": 1}, "status_code": 200}),
        {"a": 1},
        200,
    ),
    ("returns nothing", _sync(200, {"execution_id": "x"}), None, 200),
    (
        "its own status",
        _sync(422, {"execution_id": "x", "return_value": "no", "status_code": 422}),
        "no",
        422,
    ),
    ("its own body", _sync(200, {"ok": True}), {"ok": True}, 200),
    ("a list of its own", _sync(201, [1, 2]), [1, 2], 201),
    ("an empty body", _sync(204, b""), None, 204),
]


@pytest.mark.parametrize(
    ("reply", "value", "status"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS]
)
def test_what_a_workflow_returned(reply: Response, value: object, status: int) -> None:
    result = read_result(WorkflowResult, reply)
    assert (result.return_value, result.status_code) == (value, status)


@pytest.mark.parametrize("status", [200, 500])
def test_a_workflow_that_failed_is_an_error(status: int) -> None:
    body = {"execution_id": "x", "errored": True, "execution_error": {"message": "node 2: tk_9"}}
    with pytest.raises(WorkflowFailed, match="node 2") as caught:
        read_result(WorkflowResult, _sync(status, body), "tk_9")
    assert caught.value.execution.execution_id == "x"  # type: ignore[union-attr]
    assert "tk_9" not in str(caught.value)
    assert b"tk_9" not in pickle.dumps(caught.value)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (
            _sync(400, {"message": "Server Error", "error": "Workflow ID and slug are needed"}),
            BadRequestError,
        ),
        (_sync(503, b"<html>"), ServerError),
        (_sync(502, b""), ServerError),
        (_sync(200, b"<html>"), UnreadableReplyError),
    ],
)
def test_a_workflow_that_was_not_run_is_the_services_error(reply: Response, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_result(WorkflowResult, reply)


async def test_a_workflow_is_started_once_however_it_fails(account: KeyAccount, recorder: Recorder) -> None:
    recorder.answer = lambda _: web.json_response({}, status=503)
    for call in (account.workflows.execute, account.workflows.execute_and_wait):
        with pytest.raises(ServerError) as caught:
            await call("w-1", "hubspot")
        assert caught.value.fate == "unknown"
    assert len(recorder.arrived) == 2


async def test_a_workflow_that_only_reads_is_tried_again(account: KeyAccount, recorder: Recorder) -> None:
    answers = [web.json_response({}, status=503), web.json_response({"return_value": 7})]
    recorder.answer = lambda _: answers.pop(0)
    result = await account.workflows.execute_and_wait("w-1", "hubspot", effect="read")
    assert result.return_value == 7


async def test_batches_of_an_engine_without_them_are_an_error(
    account: KeyAccount, recorder: Recorder
) -> None:
    body = {"status_code": 501, "http_error_type": "NOT_IMPLEMENTED", "message": "not for this kind"}
    recorder.answer = lambda _: web.json_response(body, status=501)
    with pytest.raises(ServerError) as caught:
        await account.executions.batches("x-1", "2")
    assert (caught.value.status, caught.value.attempts) == (501, 1)


async def test_moments_need_a_time_zone(account: KeyAccount, recorder: Recorder) -> None:
    from datetime import datetime

    with pytest.raises(InvalidCallError, match="start_date needs a time zone"):
        await account.executions.list(start_date=datetime(2031, 5, 1))  # noqa: DTZ001
    assert recorder.arrived == []


async def test_a_schedule_needs_one_timing(account: KeyAccount, recorder: Recorder) -> None:
    from datetime import UTC, datetime

    schedules = account.schedules
    with pytest.raises(InvalidCallError, match="needs `cron` or `at`"):
        await schedules.create("hubspot", "w-1")
    with pytest.raises(InvalidCallError, match="not by both"):
        await schedules.update("s-1", cron="* * * * *", at=[])
    with pytest.raises(InvalidCallError, match="times without a time zone"):
        await schedules.create("hubspot", "w-1", at=[datetime(2031, 5, 1, tzinfo=UTC)])
    assert recorder.arrived == []


@pytest.mark.parametrize("nobody", ["", "a\nb", 7])
async def test_an_account_id_is_a_string(refold: Refold, recorder: Recorder, nobody: Any) -> None:
    for call in (refold.linked_accounts.create, refold.linked_accounts.upsert, refold.session_tokens.create):
        with pytest.raises(InvalidCallError, match="linked_account_id"):
            await call(nobody)
    assert recorder.arrived == []
