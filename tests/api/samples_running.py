"""Sample calls: workflows, their executions and schedules, events and MCP servers."""

import datetime as dt

from refold_async.api.mcp_servers import McpApp, McpSuggestion
from refold_async.walks import Cursor

from .sample import CUSTOMER, PAGE, PAGE_QUERY, Sample, delete, get, post, put

V2 = "/api/v2/public"
V1 = "/api/v1/workflow/public/scheduled"

_FROM = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2031, 6, 1, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
_SPAN = {"start_date": _FROM, "end_date": _UNTIL}
_SPAN_QUERY = {"start_date": "2031-05-01T00:00:00+00:00", "end_date": "2031-06-01T12:30:00+02:00"}
_WORKFLOWS = {"slug": "hubspot", "application_id": "a-1", "name": "^Sync"}
_WORKFLOW_QUERY = {**_WORKFLOWS, **_SPAN_QUERY, "published": "true", "scope": "private"}

WORKFLOWS = {
    "workflows.list": get(
        f"{V2}/workflow",
        kwargs={**PAGE, **_WORKFLOWS, **_SPAN, "published": True, "private": True},
        query={**PAGE_QUERY, **_WORKFLOW_QUERY},
    ),
    "workflows.get": get(f"{V2}/workflow/w-1", "w-1"),
    "workflows.create": post(
        f"{V2}/workflow",
        "Lead Sync",
        kwargs={
            "slug": "hubspot",
            "associated_application": "a-1",
            "description": "syncs",
            "fields": {"nodes": [{"id": "1"}], "name": "overridden"},
        },
        body={
            "name": "Lead Sync",
            "slug": "hubspot",
            "associated_application": "a-1",
            "description": "syncs",
            "nodes": [{"id": "1"}],
        },
    ),
    "workflows.draft": get(f"{V2}/workflow/w-1/edit", "w-1"),
    "workflows.enabled": get(f"{V2}/workflow/enabled"),
    "workflows.request_structure": get(f"{V2}/workflow/request-structure/w-1", "w-1"),
    "workflows.versions": get(f"{V2}/workflow/versions/w-1", "w-1", kwargs=PAGE, query=PAGE_QUERY),
    "workflows.publish": put(
        f"{V2}/workflow/w-1/publish", "w-1", kwargs={"version": 3}, body={"published": True, "version": 3}
    ),
    "workflows.delete": delete(f"{V2}/workflow/w-1", "w-1"),
}

_RUN = {"config_id": "c-1", "instance_tag": "tag-1"}
_RUN_HEADERS = {"slug": "hubspot", **_RUN, "include-headers": "true"}

RUNS = {
    "workflows.execute": post(
        f"{V2}/workflow/w-1/execute",
        "w-1",
        "hubspot",
        {"email": "a@b.test"},
        kwargs={**_RUN, "include_headers": True, "effect": "write"},
        headers=_RUN_HEADERS,
        body={"email": "a@b.test"},
    ),
    "workflows.execute_and_wait": post(
        f"{V2}/workflow/w-1/execute",
        "w-1",
        "hubspot",
        kwargs={**_RUN, "include_headers": True},
        headers={**_RUN_HEADERS, "sync_execution": "true"},
        body={},
    ),
    "workflows.execute_and_follow": post(
        f"{V2}/workflow/w-1/execute",
        "w-1",
        "hubspot",
        {"a": 1},
        kwargs={**_RUN, "include_headers": True, "timeout": 5.0, "poll": 0.01, "longest_poll": 0.01},
        headers=_RUN_HEADERS,
        body={"a": 1},
    ),
}

_EXECUTIONS = {
    "status": "ERRORED",
    "slug": "hubspot,slack",
    "workflow_id": "w-1",
    "workflow_name": "Sync",
    "execution_type": "ASYNC",
    "execution_source": "API_CALL",
}
_EXECUTION_QUERY = {**_EXECUTIONS, **_SPAN_QUERY, "sortAsc": "true"}

EXECUTIONS = {
    "executions.list": get(
        f"{V2}/execution",
        kwargs={**PAGE, **_EXECUTIONS, **_SPAN, "execution_id": "x-1", "oldest_first": True},
        query={**PAGE_QUERY, **_EXECUTION_QUERY, "execution_id": "x-1"},
    ),
    "executions.get": get(f"{V2}/execution/x-1", "x-1"),
    "executions.follow": get(
        f"{V2}/execution/x-1", "x-1", kwargs={"timeout": 5.0, "poll": 0.01, "longest_poll": 0.01}
    ),
    "executions.batches": get(
        f"{V2}/execution/x-1/nodes/2/batches",
        "x-1",
        "2",
        kwargs={**PAGE, "status": "Errored"},
        query={**PAGE_QUERY, "status": "Errored"},
    ),
    "executions.stop": post(f"{V2}/execution/x-1/stop", "x-1"),
    "executions.rerun": post(f"{V2}/execution/x-1/rerun", "x-1"),
}

_DAYS = {"start_date": dt.date(2031, 5, 1), "end_date": dt.date(2031, 6, 1)}
_DAYS_BODY = {"startDate": "2031-05-01", "endDate": "2031-06-01"}

SCHEDULES = {
    "schedules.list": get(V1, kwargs=PAGE, query=PAGE_QUERY),
    "schedules.create": post(
        V1,
        "hubspot",
        "w-1",
        kwargs={"cron": "0 9 * * 1", "tz": "UTC", "payload": {"full": True}, **_DAYS},
        headers={"slug": "hubspot", "workflow_id_alias": "w-1", "config_id": CUSTOMER},
        body={
            "trigger_type": "cron",
            "regex": "0 9 * * 1",
            "tz": "UTC",
            "payload": {"full": True},
            **_DAYS_BODY,
        },
    ),
    "schedules.create (at)": post(
        V1,
        "hubspot",
        "w-1",
        kwargs={"at": [dt.datetime(2031, 5, 1, 9, 5)], "config_id": "c-1"},  # noqa: DTZ001
        headers={"slug": "hubspot", "workflow_id_alias": "w-1", "config_id": "c-1"},
        body={
            "trigger_type": "interval",
            "interval_dates": [{"day": 1, "month": 5, "year": 2031, "hour": 9, "minute": 5}],
        },
    ),
    "schedules.update": put(
        f"{V1}/s-1",
        "s-1",
        kwargs={"cron": "0 10 * * 1", "tz": "UTC", "payload": {}, **_DAYS},
        body={"trigger_type": "cron", "regex": "0 10 * * 1", "tz": "UTC", "payload": {}, **_DAYS_BODY},
    ),
    "schedules.update (at)": put(
        f"{V1}/s-1",
        "s-1",
        kwargs={"at": []},
        body={"trigger_type": "interval", "interval_dates": []},
    ),
    "schedules.delete": delete(f"{V1}/s-1", "s-1"),
    "schedules.pause": put(f"{V1}/s-1/pause", "s-1"),
    "schedules.resume": put(f"{V1}/s-1/resume", "s-1"),
}

EVENTS = {
    "events.trigger": post(
        f"{V2}/event/trigger",
        "paid",
        {"sum": 1},
        kwargs=_RUN,
        headers=_RUN,
        body={"event": "paid", "payload": {"sum": 1}},
    ),
    "events.trigger (of an app)": post(
        f"{V2}/event/hubspot",
        "paid",
        None,
        kwargs={**_RUN, "slug": "hubspot", "effect": "idempotent"},
        headers=_RUN,
        body={"event": "paid", "payload": None},
    ),
}

_SERVER = {
    "name": "CRM",
    "description": "ours",
    "agent_name": "Ada",
    "base_prompt": "Be kind.",
    "safe_mode": False,
    "primary_color": "#111",
    "secondary_color": "#222",
    "chains": [{"id": "1"}],
}

MCP = {
    "mcp_servers.list": get(f"{V2}/mcp-servers", kwargs=PAGE, query=PAGE_QUERY),
    "mcp_servers.create": post(
        f"{V2}/mcp-servers", "CRM", "ours", body={"name": "CRM", "description": "ours"}
    ),
    "mcp_servers.get": get(f"{V2}/mcp-servers/m-1", "m-1"),
    "mcp_servers.update": put(
        f"{V2}/mcp-servers/m-1",
        "m-1",
        kwargs={
            **_SERVER,
            "associated_apps": [McpApp(slug="hubspot", actions=["get_contact"])],
            "suggestions": [McpSuggestion(name="Hi", prompt="Say hi")],
        },
        body={
            **_SERVER,
            "associated_apps": [{"slug": "hubspot", "actions": ["get_contact"]}],
            "suggestions": [{"name": "Hi", "prompt": "Say hi"}],
        },
    ),
    "mcp_servers.delete": delete(f"{V2}/mcp-servers/m-1", "m-1"),
}

WALKS = {
    "actions.walk": Sample(
        "POST",
        "/api/v2/integration-schema/hubspot/actions/get_contact/execute",
        ("hubspot", "get_contact"),
        {"paging": Cursor("paging.next.after", "after")},
        is_derived=True,
    ),
}

RUNNING_SAMPLES: dict[str, Sample] = {
    **WALKS,
    **WORKFLOWS,
    **RUNS,
    **EXECUTIONS,
    **SCHEDULES,
    **EVENTS,
    **MCP,
}
