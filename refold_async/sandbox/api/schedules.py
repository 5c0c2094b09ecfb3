"""Schedules: register when a workflow runs, update, pause, resume and delete that.

The sandbox stores and checks schedules but has no clock for them: `Sandbox.run_schedule` runs one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from refold_async.sandbox.api.applications import app_summary
from refold_async.sandbox.api.execution_state import ExecutionStore, StoredExecution
from refold_async.sandbox.api.executions import start_execution
from refold_async.sandbox.api.workflow_state import StoredWorkflow, WorkflowStore
from refold_async.sandbox.documents import Document, DocumentStore, IdSequence, given, without
from refold_async.sandbox.params import mapping, objects, page_of, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import SandboxContext, StoredAccount


class CronRange(NamedTuple):
    """The numbers that a cron field may hold, and the names of some of them."""

    low: int
    high: int
    names: tuple[str, ...] = ()


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    CronRange(0, 59),
    CronRange(0, 23),
    CronRange(1, 31),
    CronRange(1, 12, MONTHS),
    CronRange(0, 7, DAYS),
)

_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?")


def is_cron(expression: str) -> bool:
    """Return whether an expression has five fields, each within its range."""
    fields = expression.split()
    return len(fields) == len(FIELDS) and all(map(_fits, fields, FIELDS))


def _fits(field: str, allowed: CronRange) -> bool:
    return all(_part_fits(part, allowed) for part in field.split(","))


def _part_fits(part: str, allowed: CronRange) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    first = _number(found["first"] or str(allowed.low), allowed)
    last = _number(found["last"] or str(allowed.high), allowed)
    return first is not None and last is not None and first <= last


def _number(text: str, allowed: CronRange) -> int | None:
    if text.upper() in allowed.names:
        return allowed.low + allowed.names.index(text.upper())
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        return None
    return int(text) if allowed.low <= int(text) <= allowed.high else None


class ScheduleStore(DocumentStore):
    """The schedules of one linked account."""

    def __init__(self, account: StoredAccount) -> None:
        missing = envelope(404, "Scheduled Job Not Found", code="RESOURCE_NOT_FOUND")
        super().__init__(account.organisation, missing)
        self._account = account

    def run(self, context: SandboxContext, schedule_id: str) -> StoredExecution | None:
        """Run a schedule as if it were due; returns `None` if it is paused."""
        schedule = self.get(schedule_id)
        if schedule["inactive"]:
            return None
        workflow = self._account.organisation.own(WorkflowStore).find(str(schedule["workflow"]))
        execution = self._account.own(ExecutionStore).create(
            workflow.document, schedule["payload"], "SCHEDULE", config_id=str(schedule["config_id"])
        )
        start_execution(context, execution)
        return execution


async def list_schedules(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the account's schedules, each with its workflow."""
    return page_of(request, list(_schedules(request)), lambda schedule: _expanded(request, schedule))


async def register(request: SandboxRequest) -> SandboxResponse:
    """Create a schedule for the workflow named in the headers."""
    require(request.params, "trigger_type")
    workflow = _workflow(request)
    schedule = _schedules(request).add(
        {
            "event_id": request.organisation.own(IdSequence).next(),
            "workflow": workflow.id,
            "config_id": request.header("config_id") or request.account.account_id,
            "linked_account_id": request.account.account_id,
            "environment": request.organisation.environment,
            "org_id": request.organisation.id,
            "status": "running",
            "inactive": False,
            "registered_by_api": True,
            **_timing(request.params),
            "payload": mapping(request.params, "payload"),
        }
    )
    return success(schedule)


async def update(request: SandboxRequest) -> SandboxResponse:
    """Change when the schedule runs, and with which payload."""
    schedule = _schedules(request).get(request.path_params["schedule_id"])
    options = mapping(schedule, "options")
    kept = {"trigger_type": schedule["trigger_type"], "regex": schedule["cron_patten"]}
    dates = {"interval_dates": schedule["trigger_interval"]}
    fields = _timing({**kept, **dates, **options, **request.params})
    payload = given(request.params, ("payload",))
    return success(_schedules(request).update(request.path_params["schedule_id"], {**fields, **payload}))


async def pause(request: SandboxRequest) -> SandboxResponse:
    """Pause a schedule."""
    return _set_status(request, "paused")


async def resume(request: SandboxRequest) -> SandboxResponse:
    """Resume a paused schedule."""
    return _set_status(request, "running")


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a schedule."""
    _schedules(request).remove(request.path_params["schedule_id"])
    return success({"message": "Scheduled Job Deleted Successfully"})


def _set_status(request: SandboxRequest, status: str) -> SandboxResponse:
    fields = {"status": status, "inactive": status == "paused"}
    return success(_schedules(request).update(request.path_params["schedule_id"], fields))


def _schedules(request: SandboxRequest) -> ScheduleStore:
    return request.account.own(ScheduleStore)


def _workflow(request: SandboxRequest) -> StoredWorkflow:
    workflow_id, slug = request.header("workflow_id_alias"), request.header("slug")
    if not workflow_id or not slug:
        raise refused(400, "slug and workflow_id_alias are required")
    return request.organisation.own(WorkflowStore).usable(workflow_id, request.account)


def _timing(fields: Mapping[str, object]) -> Document:
    """Return the checked timing of a schedule: trigger type, cron or dates, date range, time zone."""
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


def _expanded(request: SandboxRequest, schedule: Document) -> Document:
    """Return a schedule as lists show it; a deleted workflow stays an id."""
    shown = without(schedule, "environment", "org_id")
    for workflow in request.organisation.own(WorkflowStore):
        if workflow.id == schedule["workflow"]:
            application = given(app_summary(request.organisation, workflow.slug), ("_id", "name"))
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
