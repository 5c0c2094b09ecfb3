"""Schedules: register when a workflow should run, change that, pause, resume and delete it.

The sandbox keeps and checks schedules; `Sandbox.run_schedule` lets one come due, time alone does not.
"""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.cron import is_cron
from refold_async.sandbox.resources.documents import Document, Ids, given, without
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import mapping, objects, require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.schedules import Schedules
from refold_async.sandbox.resources.showing import app_summary
from refold_async.sandbox.resources.workflows import Workflow, Workflows
from refold_async.sandbox.routing import Route


async def list_schedules(call: Call) -> Reply:
    """A page of the account's schedules, each with its workflow in full."""
    return page_of(call, list(_schedules(call)), lambda schedule: _expanded(call, schedule))


async def register(call: Call) -> Reply:
    """A schedule for the workflow that the headers name."""
    require(call.params, "trigger_type")
    workflow = _workflow(call)
    schedule = _schedules(call).add(
        {
            "event_id": call.organisation.own(Ids).next(),
            "workflow": workflow.id,
            "config_id": call.header("config_id") or call.account.account_id,
            "linked_account_id": call.account.account_id,
            "environment": call.organisation.environment,
            "org_id": call.organisation.id,
            "status": "running",
            "inactive": False,
            "registered_by_api": True,
            **_timing(call.params),
            "payload": mapping(call.params, "payload"),
        }
    )
    return success(schedule)


async def update(call: Call) -> Reply:
    """Change when it runs and with what."""
    schedule = _schedules(call).get(call.path_params["schedule_id"])
    options = mapping(schedule, "options")
    kept = {"trigger_type": schedule["trigger_type"], "regex": schedule["cron_patten"]}
    dates = {"interval_dates": schedule["trigger_interval"]}
    fields = _timing({**kept, **dates, **options, **call.params})
    payload = given(call.params, ("payload",))
    return success(_schedules(call).update(call.path_params["schedule_id"], {**fields, **payload}))


async def pause(call: Call) -> Reply:
    """Let it run no more for now."""
    return _set_status(call, "paused")


async def resume(call: Call) -> Reply:
    """Let a paused one run again."""
    return _set_status(call, "running")


async def delete(call: Call) -> Reply:
    """Delete it for good."""
    _schedules(call).remove(call.path_params["schedule_id"])
    return success({"message": "Scheduled Job Deleted Successfully"})


def _set_status(call: Call, status: str) -> Reply:
    fields = {"status": status, "inactive": status == "paused"}
    return success(_schedules(call).update(call.path_params["schedule_id"], fields))


def _schedules(call: Call) -> Schedules:
    return call.account.own(Schedules)


def _workflow(call: Call) -> Workflow:
    workflow_id, slug = call.header("workflow_id_alias"), call.header("slug")
    if not workflow_id or not slug:
        raise refused(400, "slug and workflow_id_alias are required")
    return call.organisation.own(Workflows).usable(workflow_id, call.account)


def _timing(fields: Mapping[str, object]) -> Document:
    """When it runs, checked: the type of trigger, what it needs, the span of days and the time zone."""
    kind, regex = text(fields, "trigger_type"), text(fields, "regex")
    if kind not in {"cron", "interval"}:
        raise refused(400, "trigger_type must be cron or interval")
    if kind == "cron" and not is_cron(regex):
        raise refused(400, f"Invalid cron expression: {regex}")
    intervals = [dict(each) for each in objects(fields, "interval_dates")] if kind == "interval" else []
    if kind == "interval" and not (intervals and all(map(_is_moment, intervals))):
        raise refused(400, "interval_dates must hold dates")
    _check_span(fields)
    options = given(fields, ("startDate", "endDate", "tz"))
    return {
        "trigger_type": kind,
        "cron_patten": regex if kind == "cron" else "",
        "trigger_interval": intervals,
        "options": {**options, "trigger_type": kind},
    }


def _check_span(fields: Mapping[str, object]) -> None:
    try:
        for name in ("startDate", "endDate"):
            if day := text(fields, name):
                date.fromisoformat(day)
        if (zone := text(fields, "tz", "UTC")) != "UTC":
            ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise refused(400, f"Invalid schedule: {error}") from None


def _is_moment(interval: Mapping[str, object]) -> bool:
    parts = [interval.get(name, 0) for name in ("year", "month", "day", "hour", "minute")]
    try:
        datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - only whether there is such a moment
    except (TypeError, ValueError):
        return False
    return True


def _expanded(call: Call, schedule: Document) -> Document:
    """The schedule as lists show it; a workflow that is gone stays an id."""
    shown = without(schedule, "environment", "org_id")
    for workflow in call.organisation.own(Workflows):
        if workflow.id == schedule["workflow"]:
            application = given(app_summary(call.organisation, workflow.slug), ("_id", "name"))
            names = given(workflow.document, ("_id", "name"))
            return {**shown, "workflow": {**names, "associated_application": application}}
    return shown


_BASE = "/api/v1/workflow/public/scheduled"
_ONE = _BASE + "/{schedule_id}"

ROUTES = (
    Route("schedules.list", "GET", _BASE, list_schedules, "account_key"),
    Route("schedules.create", "POST", _BASE, register, "account_key"),
    Route("schedules.update", "PUT", _ONE, update, "account_key"),
    Route("schedules.delete", "DELETE", _ONE, delete, "account_key"),
    Route("schedules.pause", "PUT", _ONE + "/pause", pause, "account_key"),
    Route("schedules.resume", "PUT", _ONE + "/resume", resume, "account_key"),
)
