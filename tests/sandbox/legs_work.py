"""The legs of the journey on which a customer's apps are configured, and work is done."""

import datetime as dt

from .journey import ME, Journey


async def configs(way: Journey) -> None:
    mine, hubspot = way.account.configs, {"slug": "hubspot"}
    made = await way.call("configs.get_or_create", mine.get_or_create("hubspot"), body=hubspot)
    [first, *_] = made.workflows or []
    assert first.id
    off = await way.call(
        "configs.toggle_workflow",
        mine.toggle_workflow("hubspot", ME, first.id, enabled=False),
        "hubspot",
        ME,
        first.id,
        body={"enabled": False},
    )
    assert [each.enabled for each in off.workflows or [] if each.id == first.id] == [False]
    on = {"id": first.id, "enabled": True}
    changed = await way.call(
        "configs.update", mine.update("hubspot", workflows=[on]), body={**hubspot, "workflows": [on]}
    )
    assert [each.enabled for each in changed.workflows or [] if each.id == first.id] == [True]
    listed = await way.call("configs.list", mine.list("hubspot"), "hubspot")
    assert ME in {each.config_id for each in listed}
    default = await way.call("configs.get_default", mine.get("hubspot"), "hubspot")
    named = await way.call("configs.get", mine.get("hubspot", ME), "hubspot", ME)
    assert default.slug == named.slug == "hubspot"
    await way.call("configs.delete", mine.delete("hubspot", ME), "hubspot", ME)
    assert not await mine.list("hubspot")
    await mine.get_or_create("hubspot")
    await way.call("configs.delete_default", mine.delete("hubspot"), "hubspot")
    assert not await mine.list("hubspot")


async def config_fields(way: Journey) -> None:
    fields, headers = way.account.config_fields, {"slug": "hubspot"}
    await way.account.configs.get_or_create("hubspot")
    config = await way.call("config_fields.list", fields.list("hubspot"), headers=headers)
    select, _, rules = (each.id or "" for each in config.fields or [])
    options = await way.call(
        "config_fields.options", fields.options("hubspot", select), select, headers=headers
    )
    assert (options.id, [each["value"] for each in options.options or []]) == (select, ["A", "B", "C"])
    await way.call(
        "config_fields.update",
        fields.update("hubspot", select, ["A"]),
        select,
        headers=headers,
        body={"value": ["A"]},
    )
    [kept] = [each.value for each in (await fields.list("hubspot")).fields or [] if each.id == select]
    assert kept == ["A"]
    emptied = await way.call(
        "config_fields.delete", fields.delete("hubspot", select), select, headers=headers
    )
    assert (emptied.id, emptied.value) == (select, None)
    column = {"id": "stage"}
    rule = await way.call(
        "config_fields.rule_options",
        fields.rule_options("hubspot", rules, column),
        rules,
        headers=headers,
        body={"rule_column": column},
    )
    assert {each["value"] for each in rule["options"]} >= {"stage"}


async def datarefs(way: Journey) -> None:
    mine = way.account.datarefs
    made = await way.call("datarefs.create", mine.create("deals"), body={"refName": "deals"})
    assert made.name == "deals"
    filed = {"refNames": ["deals"], "group": "crm"}
    await way.call("datarefs.edit_group", mine.edit_group(["deals"], "crm"), body=filed)
    listed = await way.call("datarefs.list", mine.list(), query={"linked_account_id": ME})
    assert {each.name: each.group for each in listed}["deals"] == "crm"
    table = await way.call("datarefs.get", mine.get("synced_contacts"), "synced_contacts")
    assert table.items
    await way.call("datarefs.clear", mine.clear("synced_contacts"), "synced_contacts")
    assert not (await mine.get("synced_contacts")).items
    gone = await way.call("datarefs.delete", mine.delete("deals"), "deals")
    assert gone.deleted_count == 1


async def datastores(way: Journey) -> None:
    mine = way.account.datastores
    names = await way.call("datastores.list", mine.list("hubspot"), "hubspot")
    assert "contacts" in names
    records = await way.call("datastores.records", mine.records("hubspot", "contacts"), "hubspot", "contacts")
    found = await way.call(
        "datastores.search",
        mine.search("hubspot", "contacts", {"email": "jane"}),
        "hubspot",
        "contacts",
        body={"email": "jane"},
    )
    assert 0 < len(found) < len(records)


async def mcp_servers(way: Journey) -> None:
    mine = way.account.mcp_servers
    made = await way.call(
        "mcp_servers.create", mine.create("CRM", "ours"), body={"name": "CRM", "description": "ours"}
    )
    assert made.id
    one = await way.call("mcp_servers.get", mine.get(made.id), made.id)
    assert (one.name, one.description) == ("CRM", "ours")
    changed = await way.call(
        "mcp_servers.update", mine.update(made.id, agent_name="Ada"), made.id, body={"agent_name": "Ada"}
    )
    assert changed.agent_name == "Ada"
    page = await way.call("mcp_servers.list", mine.list(limit=100), query={"limit": "100"})
    assert made.id in {each.id for each in page}
    await way.call("mcp_servers.delete", mine.delete(made.id), made.id)
    assert made.id not in {each.id for each in await mine.list(limit=100)}


async def tables(way: Journey) -> None:
    mine = way.account.tables
    columns = [{"column_name": "email"}, {"column_name": "stage"}]
    made = await way.call(
        "tables.create",
        mine.create("leads", ["email", "stage"]),
        body={"table_name": "leads", "columns": columns},
    )
    table = made.table_id or ""
    rows = [{"email": "jane@a.test", "stage": "new"}, {"email": "john@a.test", "stage": "won"}]
    added = await way.call("tables.add_records", mine.add_records(table, rows), table, body={"data": rows})
    [first, _] = added.add_record_result or []
    kept = await way.call("tables.records", mine.records(table), table)
    assert [each["email"] for each in kept.items] == ["jane@a.test", "john@a.test"]
    found = await way.call(
        "tables.search", mine.search(table, {"email": "john"}), table, body={"email": "john"}
    )
    assert [each["stage"] for each in found] == ["won"]
    await way.call(
        "tables.add_columns", mine.add_columns(table, ["score"]), table, body={"columns": ["score"]}
    )
    renames = {"renames": [{"old_name": "score", "new_name": "points"}]}
    await way.call(
        "tables.rename_columns", mine.rename_columns(table, {"score": "points"}), table, body=renames
    )
    assert "points" in ((await mine.records(table)).columns or [])
    await way.call(
        "tables.remove_columns", mine.remove_columns(table, ["points"]), table, body={"columns": ["points"]}
    )
    assert "points" not in ((await mine.records(table)).columns or [])
    filed = {"tableIds": [table], "group": "crm"}
    await way.call("tables.edit_group", mine.edit_group([table], "crm"), body=filed)
    page = await way.call("tables.list", mine.list())
    assert {each.id: each.group for each in page}[table] == "crm"
    record = str(first["record_id"])
    await way.call("tables.delete_record", mine.delete_record(table, record), table, record)
    assert len((await mine.records(table)).items) == 1
    assert await way.call("tables.delete", mine.delete(table), table)
    assert table not in {each.id for each in await mine.list()}


async def workflows(way: Journey) -> None:
    mine, builder = way.account.workflows, way.token.workflows
    made = await way.call(
        "workflows.create", mine.create("Sync", slug="hubspot"), body={"name": "Sync", "slug": "hubspot"}
    )
    assert made.workflow
    made_id = made.workflow.id or ""
    draft = await way.call("workflows.draft", mine.draft(made_id), made_id)
    assert draft.name == "Sync"
    out = await way.call(
        "workflows.publish", builder.publish(made_id), made_id, by="token", body={"published": True}
    )
    assert out.published
    one = await way.call("workflows.get", mine.get(made_id), made_id)
    assert one.name == "Sync"
    page = await way.call("workflows.list", mine.list(limit=100), query={"limit": "100"})
    assert made_id in {each.id for each in page}
    enabled = await way.call("workflows.enabled", mine.enabled())
    assert "Daily Sync" in {each.name for each in enabled}
    shape = await way.call("workflows.request_structure", mine.request_structure("lead_sync"), "lead_sync")
    assert shape.payload == {"email": "jane@example.com"}
    versions = await way.call("workflows.versions", mine.versions(made_id), made_id)
    assert versions.items
    gone = await way.call("workflows.delete", builder.delete(made_id), made_id, by="token")
    assert gone.success
    assert made_id not in {each.id for each in await mine.list(limit=100)}


async def executions(way: Journey) -> None:
    flows, runs, app = way.account.workflows, way.account.executions, {"slug": "hubspot"}
    started = await way.call(
        "workflows.execute", flows.execute("batch_export", "hubspot"), "batch_export", headers=app, body={}
    )
    batch = started.execution_id or ""
    waited = await way.call(
        "workflows.execute_and_wait",
        flows.execute_and_wait("lead_sync", "hubspot", {"email": "a@b.c"}),
        "lead_sync",
        headers={**app, "sync_execution": "true"},
        body={"email": "a@b.c"},
    )
    assert waited.return_value == {"email": "a@b.c"}
    slow = (await flows.execute("slow_sync", "hubspot")).execution_id or ""
    assert (await way.call("executions.stop", runs.stop(slow), slow)).message
    ended = await runs.follow(batch, timeout=10, poll=0.02)
    assert ended.status == "COMPLETED"
    one = await way.call("executions.get", runs.get(batch), batch)
    assert one.status == "COMPLETED"
    batches = await way.call("executions.batches", runs.batches(batch, "2"), batch, "2")
    assert batches.items
    again = await way.call("executions.rerun", runs.rerun(batch), batch)
    assert again.id not in {None, batch}
    page = await way.call("executions.list", runs.list(limit=100), query={"limit": "100"})
    assert {batch, slow} <= {each.id for each in page}


async def schedules(way: Journey) -> None:
    mine = way.account.schedules
    made = await way.call(
        "schedules.create",
        mine.create("hubspot", "daily_sync", cron="0 9 * * 1", tz="UTC", start_date=dt.date(2031, 5, 1)),
        headers={"slug": "hubspot", "workflow_id_alias": "daily_sync", "config_id": ME},
        body={"trigger_type": "cron", "regex": "0 9 * * 1", "tz": "UTC", "startDate": "2031-05-01"},
    )
    assert made.id
    moved = await way.call(
        "schedules.update",
        mine.update(made.id, cron="0 10 * * 1"),
        made.id,
        body={"trigger_type": "cron", "regex": "0 10 * * 1"},
    )
    assert moved.cron == "0 10 * * 1"
    paused = await way.call("schedules.pause", mine.pause(made.id), made.id)
    resumed = await way.call("schedules.resume", mine.resume(made.id), made.id)
    assert (paused.id, resumed.id) == (made.id, made.id)
    assert paused != resumed
    page = await way.call("schedules.list", mine.list())
    assert made.id in {each.id for each in page}
    await way.call("schedules.delete", mine.delete(made.id), made.id)
    assert made.id not in {each.id for each in await mine.list()}
