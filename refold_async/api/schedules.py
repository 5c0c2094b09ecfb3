"""Schedules: workflows that run by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.common import Environment, Identified, Message, Record
from refold_async.api.paging import Page, Paginator, paginate
from refold_async.api.resource import Resource, day, given
from refold_async.errors import InvalidCallError

if TYPE_CHECKING:
    TriggerType = Literal["cron", "interval"] | str
    ScheduleStatus = Literal["running", "paused"] | str
else:
    TriggerType = ScheduleStatus = str


class ScheduledWorkflow(Identified, frozen=True, kw_only=True):
    """The workflow that a schedule runs.

    Attributes:
        name: Its name.
        associated_application: The app that it belongs to.
    """

    name: str | None = None
    associated_application: Any = None


class Schedule(Identified, frozen=True, kw_only=True):
    """A schedule: when a workflow runs.

    Attributes:
        event_id: The id of the event that it fires.
        workflow: The workflow that it runs, or its id.
        config_id: The config that it runs under.
        linked_account_id: The customer for whom it runs.
        environment: `test` or `production`.
        org_id: The organisation's id.
        trigger_type: `cron` or `interval`.
        cron: Its cron expression, if it is of that type.
        trigger_interval: Its times, if it is of the other.
        status: `running` or `paused`.
        inactive: Whether it is paused.
        registered_by_api: Whether it was made through the API.
        options: Its first and last day and its time zone.
        payload: What the workflow is given at each run.
    """

    event_id: str | None = None
    workflow: str | ScheduledWorkflow | None = None
    config_id: str | None = None
    linked_account_id: str | None = None
    environment: Environment | None = None
    org_id: str | None = None
    trigger_type: TriggerType | None = None
    cron: str | None = msgspec.field(default=None, name="cron_patten")
    trigger_interval: list[Record] | None = None
    status: ScheduleStatus | None = None
    inactive: bool | None = None
    registered_by_api: bool | None = None
    options: dict[str, Any] | None = None
    payload: Any = None


class Schedules(Resource):
    """One customer's schedules: `account.schedules`."""

    __slots__ = ()

    def list(
        self, *, page: int | None = None, limit: int | None = None, timeout: float | None = None
    ) -> Paginator[Schedule]:
        """List the schedules.

        Calls `GET /api/v1/workflow/public/scheduled`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Schedules on a page; default: the service's, 10.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return paginate(
            self._requester,
            operations.SCHEDULES_LIST,
            Page[Schedule],
            page=page,
            limit=limit,
            timeout=timeout,
        )

    async def create(
        self,
        slug: str,
        workflow_id: str,
        *,
        cron: str | None = None,
        at: Sequence[datetime] | None = None,
        config_id: str | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
        tz: str | None = None,
        payload: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Schedule:
        """Schedule a workflow: by a cron expression, or at given times.

        Calls `POST /api/v1/workflow/public/scheduled`.

        Args:
            slug: The slug of the workflow's app, e.g. `hubspot`.
            workflow_id: The workflow's id or alias.
            cron: When it runs, e.g. `0 9 * * 1`; this or `at` is needed.
            at: The moments at which it runs, to the minute, as the clocks of `tz` show them.
            config_id: The config that it runs under; default: the customer's own.
            start_date: The first day on which it may run.
            end_date: The last day on which it may run.
            tz: The time zone of all these, e.g. `Europe/Vienna`.
            payload: What the workflow is given at each run.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: Unless exactly one of `cron` and `at` is given.
            BadRequestError: If the cron expression cannot be read.
            RefoldError: If the call fails in any other way.
        """
        if cron is None and at is None:
            raise InvalidCallError("a schedule needs `cron` or `at`")
        return await self._requester.call(
            operations.SCHEDULES_CREATE,
            Schedule,
            headers={
                "slug": slug,
                "workflow_id_alias": workflow_id,
                "config_id": config_id or self._account_id,
            },
            body=_timing(cron, at, start_date, end_date, tz=tz, payload=payload),
            timeout=timeout,
        )

    async def update(
        self,
        schedule_id: str,
        *,
        cron: str | None = None,
        at: Sequence[datetime] | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
        tz: str | None = None,
        payload: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Schedule:
        """Change the given parts of a schedule and keep the rest.

        Calls `PUT /api/v1/workflow/public/scheduled/{schedule_id}`.

        Args:
            schedule_id: The schedule's id.
            cron: When it runs, e.g. `0 9 * * 1`.
            at: The moments at which it runs, to the minute, as the clocks of `tz` show them.
            start_date: The first day on which it may run.
            end_date: The last day on which it may run.
            tz: The time zone of all these, e.g. `Europe/Vienna`.
            payload: What the workflow is given at each run.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: If both `cron` and `at` are given.
            NotFoundError: If there is no such schedule.
            RefoldError: If the call fails in any other way.
        """
        body = _timing(cron, at, start_date, end_date, tz=tz, payload=payload)
        return await self._requester.call(
            operations.SCHEDULES_UPDATE, Schedule, schedule_id, body=body, timeout=timeout
        )

    async def delete(self, schedule_id: str, *, timeout: float | None = None) -> Message:
        """Delete a schedule; its workflow no longer runs.

        Calls `DELETE /api/v1/workflow/public/scheduled/{schedule_id}`.

        Args:
            schedule_id: The schedule's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such schedule.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.SCHEDULES_DELETE, Message, schedule_id, timeout=timeout)

    async def pause(self, schedule_id: str, *, timeout: float | None = None) -> Schedule:
        """Pause a schedule: it does not run until it is resumed.

        Calls `PUT /api/v1/workflow/public/scheduled/{schedule_id}/pause`.

        Args:
            schedule_id: The schedule's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such schedule.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.SCHEDULES_PAUSE, Schedule, schedule_id, timeout=timeout)

    async def resume(self, schedule_id: str, *, timeout: float | None = None) -> Schedule:
        """Resume a paused schedule.

        Calls `PUT /api/v1/workflow/public/scheduled/{schedule_id}/resume`.

        Args:
            schedule_id: The schedule's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such schedule.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.SCHEDULES_RESUME, Schedule, schedule_id, timeout=timeout)


def _timing(
    cron: str | None,
    at: Sequence[datetime] | None,
    start_date: date | None,
    end_date: date | None,
    *,
    tz: str | None,
    payload: Mapping[str, object] | None,
) -> dict[str, object]:
    """Make the body that says when a workflow runs.

    Raises:
        InvalidCallError: If both `cron` and `at` are given, or a time has a time zone.
    """
    check_list("at", at, optional=True)
    if cron is not None and at is not None:
        raise InvalidCallError("a schedule runs by `cron` or `at`, not by both")
    kind = "cron" if cron is not None else "interval" if at is not None else None
    return given(
        trigger_type=kind,
        regex=cron,
        interval_dates=None if at is None else [_parts(each) for each in at],
        startDate=day("start_date", start_date),
        endDate=day("end_date", end_date),
        tz=tz,
        payload=check_mapping("payload", payload, optional=True),
    )


def _parts(when: datetime) -> dict[str, int]:
    if not isinstance(when, datetime):
        raise InvalidCallError(f"`at` takes datetimes, not {type(when).__name__}")
    if when.tzinfo is not None:
        raise InvalidCallError(f"`at` takes times without a time zone; pass the zone as tz=: {when!r}")
    return {
        "day": when.day,
        "month": when.month,
        "year": when.year,
        "hour": when.hour,
        "minute": when.minute,
    }
