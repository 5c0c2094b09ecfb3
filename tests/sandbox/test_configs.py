"""Configs with their fields and datastores."""

from typing import Any

import pytest

from .recording_client import UNKNOWN_ID, V2, RecordingClient

ME = "demo-user-1"
MINE = f"{V2}/slug/{{slug}}/config"
ONE = MINE + "/{configId}"
FIELD = f"{V2}/config/field/{{fieldId}}"
HUBSPOT = {"slug": "hubspot"}


async def install(recorder: RecordingClient, **body: object) -> Any:
    return await recorder.call("POST", f"{V2}/config", account=ME, json={"slug": "hubspot", **body})


async def ids(recorder: RecordingClient) -> list[str]:
    return [each["config_id"] for each in await recorder.call("GET", MINE + "s", "hubspot", account=ME)]


async def test_configs_are_identified_by_their_ids(recorder: RecordingClient) -> None:
    await install(recorder, config_id="second")
    assert await ids(recorder) == [ME, "second"]
    await recorder.call("DELETE", ONE, "hubspot", "second", account=ME)
    assert await ids(recorder) == [ME]
    await recorder.call("DELETE", MINE, "hubspot", account=ME)
    assert await ids(recorder) == []


async def test_an_install_writes_once_and_an_update_always(recorder: RecordingClient) -> None:
    field_id = (await install(recorder))["fields"][1]["id"]
    for value in ("a", "b"):
        shown = await install(recorder, config_id="new", fields=[{"id": field_id, "value": value}])
        assert shown["fields"][1]["value"] == "a"
    body = {"slug": "hubspot", "config_id": "new", "application_data_slots": [{"id": field_id, "value": "c"}]}
    shown = await recorder.call("PUT", f"{V2}/config", account=ME, json=body)
    assert (shown["fields"][1]["value"], shown["field_errors"]) == ("c", [])


async def test_an_unknown_field_is_reported(recorder: RecordingClient) -> None:
    shown = await install(recorder, config_id="new", fields=[{"id": UNKNOWN_ID, "value": 1}])
    assert [each["id"] for each in shown["field_errors"]] == [UNKNOWN_ID]


async def test_an_enabled_workflow_is_listed(recorder: RecordingClient) -> None:
    shown = await install(recorder)
    target = shown["workflows"][1]["id"]
    for enabled in (True, False):
        path = ONE + "/workflows/{workflowId}"
        toggled = await recorder.call(
            "PATCH", path, "hubspot", ME, target, account=ME, json={"enabled": enabled}
        )
        assert [each["enabled"] for each in toggled["workflows"] if each["id"] == target] == [enabled]
        listed = await recorder.call("GET", f"{V2}/workflow/enabled", account=ME)
        assert (target in [each["id"] for each in listed]) is enabled
    await recorder.call("PATCH", path, "hubspot", ME, UNKNOWN_ID, account=ME, json={"enabled": True})
    assert recorder.status == 404


async def test_a_field_keeps_its_value_per_config_and_workflow(recorder: RecordingClient) -> None:
    shown = await install(recorder)
    field_id = shown["fields"][0]["id"]
    workflow = shown["workflows"][0]
    slot_id = workflow["fields"][0]["id"]

    async def put(field: str, value: object, **query: str) -> Any:
        body = {"value": value}
        return await recorder.call("PUT", FIELD, field, account=ME, headers=HUBSPOT, query=query, json=body)

    assert (await put(field_id, ["A"]))["value"] == ["A"]
    assert (await put(slot_id, "Jane", workflow_id=workflow["id"]))["value"] == "Jane"
    await put(field_id, ["B"], config_id="nothing")
    assert recorder.status == 404
    again = await recorder.call("GET", MINE, "hubspot", account=ME)
    assert again["fields"][0]["value"] == ["A"]
    assert again["workflows"][0]["fields"][0]["value"] == "Jane"
    cleared = await recorder.call("DELETE", FIELD, field_id, account=ME, headers=HUBSPOT)
    assert "value" not in cleared
    assert "value" not in await recorder.call("POST", FIELD, field_id, account=ME, headers=HUBSPOT, json={})


async def test_options_can_be_left_out(recorder: RecordingClient) -> None:
    headers = {**HUBSPOT, "disable_field_options": "true"}
    shown = await recorder.call("GET", MINE, "hubspot", account=ME, headers=headers)
    assert not any("options" in field for field in shown["fields"])


@pytest.mark.parametrize(
    ("method", "path", "slug", "status"),
    [
        ("POST", f"{V2}/config/field", None, 400),
        ("POST", f"{V2}/config/field", "unknown", 404),
        ("POST", f"{V2}/config", "", 400),
    ],
)
async def test_the_app_must_be_named(
    recorder: RecordingClient, method: str, path: str, slug: str | None, status: int
) -> None:
    headers = {} if slug is None else {"slug": slug}
    await recorder.call(method, path, account=ME, headers=headers, json={"slug": slug})
    assert recorder.status == status


async def test_a_tenant_config_has_the_fields_that_all_customers_start_from(
    recorder: RecordingClient,
) -> None:
    own = await recorder.call("GET", MINE, "hubspot", account=ME)
    await recorder.call("GET", MINE, "hubspot", account=ME, json={"tenant_config": False})
    tenant = await recorder.call("GET", MINE, "hubspot", account=ME, json={"tenant_config": True})
    assert tenant["tenant_config"] is True
    assert tenant["config_id"] != own["config_id"]
    assert [each["id"] for each in tenant["fields"]] == [each["id"] for each in own["fields"]]
    await recorder.call("GET", MINE, "hubspot", account=ME, json={"tenant_config": "true"})
    assert recorder.status == 400


async def test_datastore_search_ignores_case(recorder: RecordingClient) -> None:
    base = f"{V2}/datastore/config/{{slug}}"
    assert await recorder.call("GET", base, "hubspot", account=ME) == ["contacts", "synced_deals"]
    search = base + "/{datastore_name}/search"
    for wanted, count in (
        ({"email": "JANE"}, 1),
        ({"email": "@", "stage": "new"}, 1),
        ({}, 2),
        ({"x": "y"}, 0),
    ):
        found = await recorder.call("POST", search, "hubspot", "contacts", account=ME, json=wanted)
        assert len(found) == count
    await recorder.call("GET", base + "/{datastore_name}/records", "hubspot", "nothing", account=ME)
    assert recorder.status == 404
    await install(recorder, config_id="empty")
    assert await recorder.call("GET", base, "hubspot", account=ME, query={"config_id": "empty"}) == []
