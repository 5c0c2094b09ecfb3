"""Schedules: what is stored and what is refused."""

import pytest

from refold_async.sandbox.api.schedules import is_cron

from .recording_client import SCHEDULED, RecordingClient

ME = "demo-user-1"
ONE = SCHEDULED + "/{schedule_id}"
HEADERS = {"slug": "hubspot", "workflow_id_alias": "daily_sync", "config_id": ME}
CRON = {"trigger_type": "cron", "regex": "0 9 * * 1"}
MOMENT = {"day": 1, "month": 7, "year": 2026, "hour": 9, "minute": 0}


async def test_a_schedule_is_kept_changed_paused_and_resumed(recorder: RecordingClient) -> None:
    body = {**CRON, "tz": "Europe/Oslo", "payload": {"a": 1}}
    made = await recorder.call("POST", SCHEDULED, account=ME, headers=HEADERS, json=body)
    interval = {"trigger_type": "interval", "interval_dates": [MOMENT]}
    changed = await recorder.call("PUT", ONE, made["_id"], account=ME, json=interval)
    assert (changed["trigger_interval"], changed["cron_patten"]) == ([MOMENT], "")
    assert (changed["options"]["tz"], changed["payload"]) == ("Europe/Oslo", {"a": 1})
    for action, inactive in (("pause", True), ("resume", False)):
        shown = await recorder.call("PUT", f"{ONE}/{action}", made["_id"], account=ME)
        assert (shown["inactive"], shown["status"]) == (inactive, "paused" if inactive else "running")
    listed = await recorder.call("GET", SCHEDULED, account=ME)
    assert listed["docs"][0]["workflow"]["associated_application"]["name"] == "Hubspot"
    assert (await recorder.call("GET", SCHEDULED, account="demo-user-2"))["docs"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"trigger_type": "daily"},
        {"trigger_type": "cron"},
        {"trigger_type": "cron", "regex": "60 9 * * 1"},
        {"trigger_type": "interval"},
        {"trigger_type": "interval", "interval_dates": [{**MOMENT, "month": 13}]},
        {"trigger_type": "interval", "interval_dates": ["tomorrow"]},
        {**CRON, "startDate": "soon"},
        {**CRON, "tz": "Mars/Base"},
        {**CRON, "payload": 3},
    ],
)
async def test_invalid_schedules_are_refused(recorder: RecordingClient, body: dict[str, object]) -> None:
    await recorder.call("POST", SCHEDULED, account=ME, headers=HEADERS, json=body)
    assert recorder.status == 400
    assert (await recorder.call("GET", SCHEDULED, account=ME))["totalDocs"] == 0


async def test_the_workflow_must_exist(recorder: RecordingClient) -> None:
    for headers, status in (({}, 400), ({**HEADERS, "workflow_id_alias": "nothing"}, 404)):
        await recorder.call("POST", SCHEDULED, account=ME, headers=headers, json=CRON)
        assert recorder.status == status


@pytest.mark.parametrize(
    "expression", ["* * * * *", "*/5 0-6,12 1 JAN-MAR mon", "0 0 31 12 7", "5/15 * * * *", "0  9 * * 1"]
)
def test_valid_cron_expressions(expression: str) -> None:
    assert is_cron(expression)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "* * * *", "* * * * * *", "61 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("5-1 * * * *", "*/0 * * * *", "a * * * *", "1- * * * *", ", * * * *", "٣ * * * *", "* * * JAN *x"),
    ],
)
def test_invalid_cron_expressions(expression: str) -> None:
    assert not is_cron(expression)
