"""Environment variables: values of a scope, their formats, and who may access them."""

import pytest

from .recording_client import V2, RecordingClient

ME = "demo-user-1"
VALUES = f"{V2}/env/values"
VALUE = f"{V2}/env/value/{{definition_id}}"


async def definition(recorder: RecordingClient, name: str) -> str:
    found = await recorder.call("GET", f"{V2}/env/definitions", account=None, query={"name": f"^{name}$"})
    return str(found["docs"][0]["_id"])


async def set_value(
    recorder: RecordingClient, name: str, value: str, account: str | None = ME, **more: str
) -> str:
    body = {"variable_definition_id": await definition(recorder, name), "value": value, **more}
    answer = await recorder.call("POST", VALUES, account=account, json=body)
    return str(answer.get("_id"))


async def test_a_value_belongs_to_its_account(recorder: RecordingClient) -> None:
    await set_value(recorder, "CALLBACK_URL", "https://a.example")
    first = await set_value(
        recorder, "CALLBACK_URL", "https://b.example", None, linked_account_id="demo-user-2"
    )
    again = await set_value(recorder, "CALLBACK_URL", "https://c.example", "demo-user-2")
    assert first == again
    definition_id = await definition(recorder, "CALLBACK_URL")
    for account, value in ((ME, "https://a.example"), ("demo-user-2", "https://c.example")):
        query = {"linked_account_id": account}
        assert (await recorder.call("GET", VALUE, definition_id, account=None, query=query))["value"] == value
    await recorder.call("GET", VALUE, definition_id, account="demo-user-3")
    assert recorder.status == 404


async def test_a_secret_is_never_shown(recorder: RecordingClient) -> None:
    definition_id = await definition(recorder, "API_SECRET")
    body = {"variable_definition_id": definition_id, "value": "hunter2"}
    assert (await recorder.call("POST", VALUES, account=ME, json=body))["value"] != "hunter2"
    assert (await recorder.call("GET", VALUE, definition_id, account=ME))["value"] == "[REDACTED]"
    [listed] = (await recorder.call("GET", f"{VALUES}/{{scope}}", "linked_account", account=ME))["docs"]
    assert listed["value"] == "[REDACTED]"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("CALLBACK_URL", "ftp://x", 400),
        ("CALLBACK_URL", "nothing", 400),
        ("CALLBACK_URL", "http://x", 200),
        ("RETRY_LIMIT", "1.5", 200),
        ("RETRY_LIMIT", "nan", 400),
        ("RETRY_LIMIT", "many", 400),
        ("REGION", "anything", 200),
    ],
)
async def test_values_must_match_their_format(
    recorder: RecordingClient, name: str, value: str, status: int
) -> None:
    await set_value(recorder, name, value, workflow_id="daily_sync")
    assert recorder.status == status


async def test_workflow_values_are_read_by_workflow_id(recorder: RecordingClient) -> None:
    await set_value(recorder, "RETRY_LIMIT", "3", workflow_id="daily_sync")
    for alias, count in (("daily_sync", 1), ("slow_sync", 0)):
        query = {"workflow_id": alias}
        page = await recorder.call("GET", f"{VALUES}/{{scope}}", "workflow", account=None, query=query)
        assert page["totalDocs"] == count
    await recorder.call("GET", f"{VALUES}/{{scope}}", "galaxy", account=None)
    assert recorder.status == 400


async def test_a_token_is_limited_to_its_account(recorder: RecordingClient) -> None:
    token = recorder.sandbox.issue_token(ME)
    mine = await set_value(recorder, "CALLBACK_URL", "https://a.example")
    theirs = await set_value(recorder, "CALLBACK_URL", "https://b.example", "demo-user-2")
    for path, status in ((f"{VALUES}/org", 403), (f"{VALUES}/linked_account", 200)):
        await recorder.call("GET", path, token=token)
        assert recorder.status == status
    for value_id, status in ((theirs, 403), (mine, 200), (mine, 404)):
        await recorder.call("DELETE", f"{VALUES}/{{value_id}}", value_id, token=token)
        assert recorder.status == status


async def test_definitions_are_filtered(recorder: RecordingClient) -> None:
    for query, names in (
        ({"scope": "workflow"}, ["RETRY_LIMIT"]),
        ({"var_format": "url"}, ["CALLBACK_URL"]),
        ({"name": "^api"}, ["API_BASE_URL", "API_SECRET"]),
    ):
        page = await recorder.call("GET", f"{V2}/env/definitions", account=None, query=query)
        assert [each["name"] for each in page["docs"]] == names
