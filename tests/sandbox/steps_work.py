"""Steps that configure apps and run work for a customer, each called with the client and checked."""

import datetime as dt

from .checked_client import ME, CheckedClient


async def configs(client: CheckedClient) -> None:
    mine, hubspot = client.account.configs, {"slug": "hubspot"}
    made = await client.call("configs.get_or_create", mine.get_or_create("hubspot"), body=hubspot)
    [first, *_] = made.workflows or []
    assert first.id
    off = await client.call(
        "configs.toggle_workflow",
        mine.toggle_workflow("hubspot", ME, first.id, enabled=False),
        "hubspot",
        ME,
        first.id,
        body={"enabled": False},
    )
    assert [each.enabled for each in off.workflows or [] if each.id == first.id] == [False]
    on = {"id": first.id, "enabled": True}
    changed = await client.call(
        "configs.update", mine.update("hubspot", workflows=[on]), body={**hubspot, "workflows": [on]}
    )
    assert [each.enabled for each in changed.workflows or [] if each.id == first.id] == [True]
    listed = await client.call("configs.list", mine.list("hubspot"), "hubspot")
    assert ME in {each.config_id for each in listed}
    default = await client.call("configs.get_default", mine.get("hubspot"), "hubspot")
    named = await client.call("configs.get", mine.get("hubspot", ME), "hubspot", ME)
    assert default.slug == named.slug == "hubspot"
    await client.call("configs.delete", mine.delete("hubspot", ME), "hubspot", ME)
    assert not await mine.list("hubspot")
    await mine.get_or_create("hubspot")
    await client.call("configs.delete_default", mine.delete("hubspot"), "hubspot")
    assert not await mine.list("hubspot")


async def config_fields(client: CheckedClient) -> None:
    fields, headers = client.account.config_fields, {"slug": "hubspot"}
    await client.account.configs.get_or_create("hubspot")
    config = await client.call("config_fields.list", fields.list("hubspot"), headers=headers)
    select, _, rules = (each.id or "" for each in config.fields or [])
    options = await client.call(
        "config_fields.options", fields.options("hubspot", select), select, headers=headers
    )
    assert (options.id, [each["value"] for each in options.options or []]) == (select, ["A", "B", "C"])
    await client.call(
        "config_fields.update",
        fields.update("hubspot", select, ["A"]),
        select,
        headers=headers,
        body={"value": ["A"]},
    )
    [kept] = [each.value for each in (await fields.list("hubspot")).fields or [] if each.id == select]
    assert kept == ["A"]
    emptied = await client.call(
        "config_fields.delete", fields.delete("hubspot", select), select, headers=headers
    )
    assert (emptied.id, emptied.value) == (select, None)
    column = {"id": "stage"}
    rule = await client.call(
        "config_fields.rule_options",
        fields.rule_options("hubspot", rules, column),
        rules,
        headers=headers,
        body={"rule_column": column},
    )
    assert {each["value"] for each in rule["options"]} >= {"stage"}


async def datarefs(client: CheckedClient) -> None:
    mine = client.account.datarefs
    made = await client.call("datarefs.create", mine.create("deals"), body={"refName": "deals"})
    assert made.name == "deals"
    filed = {"refNames": ["deals"], "group": "crm"}
    await client.call("datarefs.edit_group", mine.edit_group(["deals"], "crm"), body=filed)
    listed = await client.call("datarefs.list", mine.list(), query={"linked_account_id": ME})
    assert {each.name: each.group for each in listed}["deals"] == "crm"
    table = await client.call("datarefs.get", mine.get("synced_contacts"), "synced_contacts")
    assert table.items
    await client.call("datarefs.clear", mine.clear("synced_contacts"), "synced_contacts")
    assert not (await mine.get("synced_contacts")).items
    gone = await client.call("datarefs.delete", mine.delete("deals"), "deals")
    assert gone.deleted_count == 1


async def datastores(client: CheckedClient) -> None:
    mine = client.account.datastores
    names = await client.call("datastores.list", mine.list("hubspot"), "hubspot")
    assert "contacts" in names
    records = await client.call(
        "datastores.records", mine.records("hubspot", "contacts"), "hubspot", "contacts"
    )
    found = await client.call(
        "datastores.search",
        mine.search("hubspot", "contacts", {"email": "jane"}),
        "hubspot",
        "contacts",
        body={"email": "jane"},
    )
    assert 0 < len(found) < len(records)


async def mcp_servers(client: CheckedClient) -> None:
    mine = client.account.mcp_servers
    made = await client.call(
        "mcp_servers.create", mine.create("CRM", "ours"), body={"name": "CRM", "description": "ours"}
    )
    assert made.id
    one = await client.call("mcp_servers.get", mine.get(made.id), made.id)
    assert (one.name, one.description) == ("CRM", "ours")
    changed = await client.call(
        "mcp_servers.update", mine.update(made.id, agent_name="Ada"), made.id, body={"agent_name": "Ada"}
    )
    assert changed.agent_name == "Ada"
    page = await client.call("mcp_servers.list", mine.list(limit=100), query={"limit": "100"})
    assert made.id in {each.id for each in page}
    await client.call("mcp_servers.delete", mine.delete(made.id), made.id)
    assert made.id not in {each.id for each in await mine.list(limit=100)}


async def tables(client: CheckedClient) -> None:
    mine = client.account.tables
    columns = [{"column_name": "email"}, {"column_name": "stage"}]
    made = await client.call(
        "tables.create",
        mine.create("leads", ["email", "stage"]),
        body={"table_name": "leads", "columns": columns},
    )
    table = made.table_id or ""
    rows = [{"email": "jane@a.test", "stage": "new"}, {"email": "john@a.test", "stage": "won"}]
    added = await client.call("tables.add_records", mine.add_records(table, rows), table, body={"data": rows})
    [first, _] = added.add_record_result or []
    kept = await client.call("tables.records", mine.records(table), table)
    assert [each["email"] for each in kept.items] == ["jane@a.test", "john@a.test"]
    found = await client.call(
        "tables.search", mine.search(table, {"email": "john"}), table, body={"email": "john"}
    )
    assert [each["stage"] for each in found] == ["won"]
    await client.call(
        "tables.add_columns", mine.add_columns(table, ["score"]), table, body={"columns": ["score"]}
    )
    renames = {"renames": [{"old_name": "score", "new_name": "points"}]}
    await client.call(
        "tables.rename_columns", mine.rename_columns(table, {"score": "points"}), table, body=renames
    )
    assert "points" in ((await mine.records(table)).columns or [])
    await client.call(
        "tables.remove_columns", mine.remove_columns(table, ["points"]), table, body={"columns": ["points"]}
    )
    assert "points" not in ((await mine.records(table)).columns or [])
    filed = {"tableIds": [table], "group": "crm"}
    await client.call("tables.edit_group", mine.edit_group([table], "crm"), body=filed)
    page = await client.call("tables.list", mine.list())
    assert {each.id: each.group for each in page}[table] == "crm"
    record = str(first["record_id"])
    await client.call("tables.delete_record", mine.delete_record(table, record), table, record)
    assert len((await mine.records(table)).items) == 1
    assert await client.call("tables.delete", mine.delete(table), table)
    assert table not in {each.id for each in await mine.list()}


async def workflows(client: CheckedClient) -> None:
    mine, builder = client.account.workflows, client.token.workflows
    made = await client.call(
        "workflows.create", mine.create("Sync", slug="hubspot"), body={"name": "Sync", "slug": "hubspot"}
    )
    assert made.workflow
    made_id = made.workflow.id or ""
    draft = await client.call("workflows.draft", mine.draft(made_id), made_id)
    assert draft.name == "Sync"
    out = await client.call(
        "workflows.publish", builder.publish(made_id), made_id, by="token", body={"published": True}
    )
    assert out.published
    one = await client.call("workflows.get", mine.get(made_id), made_id)
    assert one.name == "Sync"
    page = await client.call("workflows.list", mine.list(limit=100), query={"limit": "100"})
    assert made_id in {each.id for each in page}
    enabled = await client.call("workflows.enabled", mine.enabled())
    assert "Daily Sync" in {each.name for each in enabled}
    shape = await client.call("workflows.request_structure", mine.request_structure("lead_sync"), "lead_sync")
    assert shape.payload == {"email": "jane@example.com"}
    versions = await client.call("workflows.versions", mine.versions(made_id), made_id)
    assert versions.items
    gone = await client.call("workflows.delete", builder.delete(made_id), made_id, by="token")
    assert gone.success
    assert made_id not in {each.id for each in await mine.list(limit=100)}


async def executions(client: CheckedClient) -> None:
    flows, runs, app = client.account.workflows, client.account.executions, {"slug": "hubspot"}
    started = await client.call(
        "workflows.execute", flows.execute("batch_export", "hubspot"), "batch_export", headers=app, body={}
    )
    batch = started.execution_id or ""
    waited = await client.call(
        "workflows.execute_and_wait",
        flows.execute_and_wait("lead_sync", "hubspot", {"email": "a@b.c"}),
        "lead_sync",
        headers={**app, "sync_execution": "true"},
        body={"email": "a@b.c"},
    )
    assert waited.return_value == {"email": "a@b.c"}
    slow = (await flows.execute("slow_sync", "hubspot")).execution_id or ""
    assert (await client.call("executions.stop", runs.stop(slow), slow)).message
    ended = await runs.follow(batch, timeout=10, poll=0.02)
    assert ended.status == "COMPLETED"
    one = await client.call("executions.get", runs.get(batch), batch)
    assert one.status == "COMPLETED"
    batches = await client.call("executions.batches", runs.batches(batch, "2"), batch, "2")
    assert batches.items
    again = await client.call("executions.rerun", runs.rerun(batch), batch)
    assert again.id not in {None, batch}
    page = await client.call("executions.list", runs.list(limit=100), query={"limit": "100"})
    assert {batch, slow} <= {each.id for each in page}


async def schedules(client: CheckedClient) -> None:
    mine = client.account.schedules
    made = await client.call(
        "schedules.create",
        mine.create("hubspot", "daily_sync", cron="0 9 * * 1", tz="UTC", start_date=dt.date(2031, 5, 1)),
        headers={"slug": "hubspot", "workflow_id_alias": "daily_sync", "config_id": ME},
        body={"trigger_type": "cron", "regex": "0 9 * * 1", "tz": "UTC", "startDate": "2031-05-01"},
    )
    assert made.id
    moved = await client.call(
        "schedules.update",
        mine.update(made.id, cron="0 10 * * 1"),
        made.id,
        body={"trigger_type": "cron", "regex": "0 10 * * 1"},
    )
    assert moved.cron == "0 10 * * 1"
    paused = await client.call("schedules.pause", mine.pause(made.id), made.id)
    resumed = await client.call("schedules.resume", mine.resume(made.id), made.id)
    assert (paused.id, resumed.id) == (made.id, made.id)
    assert paused != resumed
    page = await client.call("schedules.list", mine.list())
    assert made.id in {each.id for each in page}
    await client.call("schedules.delete", mine.delete(made.id), made.id)
    assert made.id not in {each.id for each in await mine.list()}
