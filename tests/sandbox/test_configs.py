"""Configs with their fields and datastores."""

from typing import Any

import pytest

from .tour import UNKNOWN_ID, V2, Tour

ME = "demo-user-1"
MINE = f"{V2}/slug/{{slug}}/config"
ONE = MINE + "/{configId}"
FIELD = f"{V2}/config/field/{{fieldId}}"
HUBSPOT = {"slug": "hubspot"}


async def install(tour: Tour, **body: object) -> Any:
    return await tour.call("POST", f"{V2}/config", account=ME, json={"slug": "hubspot", **body})


async def ids(tour: Tour) -> list[str]:
    return [each["config_id"] for each in await tour.call("GET", MINE + "s", "hubspot", account=ME)]


async def test_configs_are_told_apart_by_their_ids(tour: Tour) -> None:
    await install(tour, config_id="second")
    assert await ids(tour) == [ME, "second"]
    await tour.call("DELETE", ONE, "hubspot", "second", account=ME)
    assert await ids(tour) == [ME]
    await tour.call("DELETE", MINE, "hubspot", account=ME)
    assert await ids(tour) == []


async def test_an_install_writes_once_and_an_update_every_time(tour: Tour) -> None:
    field_id = (await install(tour))["fields"][1]["id"]
    for value in ("a", "b"):
        shown = await install(tour, config_id="new", fields=[{"id": field_id, "value": value}])
        assert shown["fields"][1]["value"] == "a"
    body = {"slug": "hubspot", "config_id": "new", "application_data_slots": [{"id": field_id, "value": "c"}]}
    shown = await tour.call("PUT", f"{V2}/config", account=ME, json=body)
    assert (shown["fields"][1]["value"], shown["field_errors"]) == ("c", [])


async def test_an_unknown_field_is_noted(tour: Tour) -> None:
    shown = await install(tour, config_id="new", fields=[{"id": UNKNOWN_ID, "value": 1}])
    assert [each["id"] for each in shown["field_errors"]] == [UNKNOWN_ID]


async def test_a_workflow_is_switched_on_and_listed_as_enabled(tour: Tour) -> None:
    shown = await install(tour)
    target = shown["workflows"][1]["id"]
    for enabled in (True, False):
        path = ONE + "/workflows/{workflowId}"
        toggled = await tour.call("PATCH", path, "hubspot", ME, target, account=ME, json={"enabled": enabled})
        assert [each["enabled"] for each in toggled["workflows"] if each["id"] == target] == [enabled]
        listed = await tour.call("GET", f"{V2}/workflow/enabled", account=ME)
        assert (target in [each["id"] for each in listed]) is enabled
    await tour.call("PATCH", path, "hubspot", ME, UNKNOWN_ID, account=ME, json={"enabled": True})
    assert tour.status == 404


async def test_a_field_keeps_its_value_per_config_and_workflow(tour: Tour) -> None:
    shown = await install(tour)
    field_id = shown["fields"][0]["id"]
    workflow = shown["workflows"][0]
    slot_id = workflow["fields"][0]["id"]

    async def put(field: str, value: object, **query: str) -> Any:
        body = {"value": value}
        return await tour.call("PUT", FIELD, field, account=ME, headers=HUBSPOT, query=query, json=body)

    assert (await put(field_id, ["A"]))["value"] == ["A"]
    assert (await put(slot_id, "Jane", workflow_id=workflow["id"]))["value"] == "Jane"
    await put(field_id, ["B"], config_id="nothing")
    assert tour.status == 404
    again = await tour.call("GET", MINE, "hubspot", account=ME)
    assert again["fields"][0]["value"] == ["A"]
    assert again["workflows"][0]["fields"][0]["value"] == "Jane"
    cleared = await tour.call("DELETE", FIELD, field_id, account=ME, headers=HUBSPOT)
    assert "value" not in cleared
    assert "value" not in await tour.call("POST", FIELD, field_id, account=ME, headers=HUBSPOT, json={})


async def test_options_can_be_left_out(tour: Tour) -> None:
    headers = {**HUBSPOT, "disable_field_options": "true"}
    shown = await tour.call("GET", MINE, "hubspot", account=ME, headers=headers)
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
    tour: Tour, method: str, path: str, slug: str | None, status: int
) -> None:
    headers = {} if slug is None else {"slug": slug}
    await tour.call(method, path, account=ME, headers=headers, json={"slug": slug})
    assert tour.status == status


async def test_tenant_configs_are_not_made_up(tour: Tour) -> None:
    await tour.call("GET", MINE, "hubspot", account=ME, json={"tenant_config": True})
    assert tour.status == 501


async def test_datastores_are_searched_in_any_case(tour: Tour) -> None:
    base = f"{V2}/datastore/config/{{slug}}"
    assert await tour.call("GET", base, "hubspot", account=ME) == ["contacts", "synced_deals"]
    search = base + "/{datastore_name}/search"
    for wanted, count in (
        ({"email": "JANE"}, 1),
        ({"email": "@", "stage": "new"}, 1),
        ({}, 2),
        ({"x": "y"}, 0),
    ):
        found = await tour.call("POST", search, "hubspot", "contacts", account=ME, json=wanted)
        assert len(found) == count
    await tour.call("GET", base + "/{datastore_name}/records", "hubspot", "nothing", account=ME)
    assert tour.status == 404
    await install(tour, config_id="empty")
    assert await tour.call("GET", base, "hubspot", account=ME, query={"config_id": "empty"}) == []
