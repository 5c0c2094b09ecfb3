"""Events: definitions, and what triggering one starts."""

import json

import aiohttp
import pytest

from refold_async.sandbox.api.execution_state import ExecutionStore

from .recording_client import V2, RecordingClient

ME = "demo-user-1"
BASE = f"{V2}/application/event"
ONE = BASE + "/{event_id}"
TRIGGER = f"{V2}/event/trigger"


async def runs(recorder: RecordingClient) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (
        await recorder.call("GET", f"{V2}/execution", account=ME, query={"execution_source": "Event"})
    )["docs"]
    return found


async def test_a_sample_becomes_keys(recorder: RecordingClient) -> None:
    sample = {"event": "", "payload": {"age": 1, "tags": [], "ok": True, "who": {"email": ""}}}
    for response in (json.dumps(sample), sample):
        shown = await recorder.call("POST", BASE, account=None, json={"name": "e", "response": response})
        keys = {each["key"]: each["type"] for each in shown[-1]["response"]}
        assert keys == {
            "event": "text",
            "payload": "object",
            "payload.age": "number",
            "payload.tags": "array",
            "payload.ok": "boolean",
            "payload.who": "object",
            "payload.who.email": "text",
        }
    await recorder.call("POST", BASE, account=None, json={"name": "e", "response": "{"})
    assert recorder.status == 400


async def test_an_event_starts_the_workflows_that_wait_for_it(recorder: RecordingClient) -> None:
    body = {"event": "candidate_created", "payload": {"email": "a@b.c"}}
    headers = {"instance_tag": "nightly", "config_id": "c1"}
    await recorder.call("POST", TRIGGER, account=ME, headers=headers, json=body)
    [run] = await runs(recorder)
    told = (run["instance_tag"], run["config_id"], run["trigger_application_event"])
    assert told == ("nightly", "c1", "Event")
    await recorder.call("POST", f"{V2}/event/{{slug}}", "slack", account=ME, json=body)
    assert len(await runs(recorder)) == 1
    await recorder.call(
        "POST",
        f"{V2}/event/{{slug}}",
        "hubspot",
        account=ME,
        json={**body, "event": None, "trigger": "candidate_created"},
    )
    assert len(await runs(recorder)) == 2


async def test_repeats_of_a_key_are_dropped_per_account(recorder: RecordingClient) -> None:
    [event] = await recorder.call("GET", BASE, account=None)
    key = {"deduplication_key": "lead.id"}
    await recorder.call("PUT", ONE, event["_id"], account=None, json={"name": event["name"], **key})
    for lead in (1, 1, 2, None, None):
        body = {"event": "candidate_created", "payload": {"lead": {"id": lead}}}
        answer = await recorder.call("POST", TRIGGER, account=ME, json=body)
        assert answer == {"message": "Webhook Fired Success"}
    assert len(await runs(recorder)) == 4
    body = {"event": "candidate_created", "payload": {"lead": {"id": 1}}}
    await recorder.call("POST", TRIGGER, account="demo-user-2", json=body)
    other = await recorder.call("GET", f"{V2}/execution", account="demo-user-2")
    assert other["totalDocs"] == 1


async def test_form_files_are_added_to_the_payload(recorder: RecordingClient) -> None:
    form = aiohttp.FormData()
    form.add_field("event", "candidate_created")
    form.add_field("payload", '{"email": "a@b.c"}')
    form.add_field("resume", b"%PDF\x00\xff", filename="cv.pdf", content_type="application/pdf")
    await recorder.call("POST", TRIGGER, account=ME, data=form)
    [run] = await runs(recorder)
    account = recorder.sandbox.organisation.account(ME)
    assert account is not None
    payload = account.own(ExecutionStore).get(str(run["_id"])).payload
    file = {"filename": "cv.pdf", "content_type": "application/pdf", "size": 6}
    assert payload == {"email": "a@b.c", "resume": file}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {}, 400),
        ({}, {"event": "nothing"}, 404),
        ({}, {"event": 3}, 400),
        ({"slug": "unknown"}, {"event": "candidate_created"}, 404),
    ],
)
async def test_invalid_events_start_nothing(
    recorder: RecordingClient, headers: dict[str, str], body: dict[str, object], status: int
) -> None:
    await recorder.call("POST", TRIGGER, account=ME, headers=headers, json=body)
    assert recorder.status == status
    assert await runs(recorder) == []


async def test_malformed_forms_are_refused(recorder: RecordingClient) -> None:
    form = aiohttp.FormData()
    form.add_field("event", "candidate_created")
    form.add_field("payload", "{", content_type="text/plain")
    await recorder.call("POST", TRIGGER, account=ME, data=form)
    assert recorder.status == 400
