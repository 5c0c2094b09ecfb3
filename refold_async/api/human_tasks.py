"""Human tasks: forms that a workflow waits for a person to submit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import Dated, Record
from refold_async.api.resource import Resource

if TYPE_CHECKING:
    HumanTaskStatus = Literal["WAITING", "SUBMITTED", "TIMEOUT"] | str
else:
    HumanTaskStatus = str


class HumanTask(Dated, frozen=True, kw_only=True):
    """A form that a workflow is waiting for.

    Attributes:
        name: Its name.
        description: What it asks for.
        status: `WAITING`, `SUBMITTED` or `TIMEOUT`.
        form_structure: The JSON Schema of its data.
        ui_structure: How the form shows its fields.
        data: What it is filled in with.
        group: Its group.
        expire_in: When it is too late.
        receiver_emails: Who is asked.
    """

    name: str | None = None
    description: str | None = None
    status: HumanTaskStatus | None = None
    form_structure: dict[str, Any] | None = None
    ui_structure: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    group: str | None = None
    expire_in: datetime | None = None
    receiver_emails: list[str] | None = None


class HumanTasks(Resource):
    """Forms for users: `refold.human_tasks`, `account.human_tasks`."""

    __slots__ = ()

    async def get(self, id: str, *, timeout: float | None = None) -> HumanTask:  # noqa: A002 - the reference's own name
        """Fetch a form.

        Calls `GET /api/v2/public/human-tasks/{id}`, which needs no credential.

        Args:
            id: The form's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such form.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.HUMAN_TASKS_GET, HumanTask, id, timeout=timeout)

    async def submit(
        self,
        id: str,  # noqa: A002
        data: Mapping[str, object],
        *,
        timeout: float | None = None,
    ) -> Record:
        """Submit a form, so that its workflow continues.

        Calls `POST /api/v2/public/human-tasks/{id}`, which needs no credential.

        Args:
            id: The form's id.
            data: What it is filled in with, as its `form_structure` asks for it.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If it was submitted before, has expired, or lacks a field.
            NotFoundError: If there is no such form.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.HUMAN_TASKS_SUBMIT,
            Record,
            id,
            body={"data": check_mapping("data", data)},
            timeout=timeout,
        )
