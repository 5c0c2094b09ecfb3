"""Human tasks: forms that people fill in and that workflows wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from refold_async.sandbox.apps.values import object_id, timestamp
from refold_async.sandbox.documents import Document, DocumentStore
from refold_async.sandbox.params import mapping, require
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.seeds import load_seeds
from refold_async.sandbox.state import Organisation

LIFETIME = timedelta(days=4)

Listener = Callable[[Mapping[str, object]], None]


class HumanTaskStore(DocumentStore):
    """The tasks of an organisation: a seeded one, and those that workflows add.

    Attributes:
        first_id: The id of the task that waits from the start.
    """

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, envelope(404, "Specified Form Not Found"))
        self._listeners: dict[str, Listener] = {}
        self.first_id = object_id(organisation.seed, "human-task")
        self.create(self.first_id)

    def create(self, task_id: str | None = None, listener: Listener | None = None) -> Document:
        """Add a waiting task; `listener` receives the submitted data."""
        fields: Document = msgspec.to_builtins(load_seeds().human_task)
        expiry = timestamp(datetime.now(UTC) + LIFETIME)
        task = self.add({**fields, "data": {}, "status": "WAITING", "expire_in": expiry}, task_id)
        if listener is not None:
            self._listeners[str(task["_id"])] = listener
        return task

    def submit(self, task_id: str, data: Mapping[str, object]) -> None:
        """Submit a form; refuses a second submission, an expired form and data that does not fit."""
        task = self.get(task_id)
        if task["status"] == "SUBMITTED":
            raise refused(400, "Form has already been submitted")
        if str(task["expire_in"]) <= timestamp(datetime.now(UTC)):
            task["status"] = "TIMEOUT"
            raise refused(400, "Form has expired")
        check_form(mapping(task, "form_structure"), data)
        self.update(task_id, {"data": dict(data), "status": "SUBMITTED"})
        if listener := self._listeners.pop(task_id, None):
            listener(data)


def check_form(structure: Mapping[str, object], data: Mapping[str, object]) -> None:
    """Refuse data that lacks a required field or sets a read-only one."""
    required = structure.get("required")
    missing = [name for name in required if name not in data] if isinstance(required, list) else []
    if missing:
        raise refused(400, f"Missing required fields: {', '.join(missing)}")
    properties = mapping(structure, "properties")
    fixed = [name for name in data if mapping(properties, name).get("readOnly")]
    if fixed:
        raise refused(400, f"Read-only fields cannot be changed: {', '.join(fixed)}")


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return the form. The id is the only credential."""
    return success(request.organisation.own(HumanTaskStore).get(request.path_params["id"]))


async def submit(request: SandboxRequest) -> SandboxResponse:
    """Submit the form, once."""
    tasks = request.organisation.own(HumanTaskStore)
    tasks.get(request.path_params["id"])
    require(request.params, "data")
    tasks.submit(request.path_params["id"], mapping(request.params, "data"))
    return success({"message": "Form submitted successfully"})


_ONE = "/api/v2/public/human-tasks/{id}"


ROUTES = (
    Route("human_tasks.get", "GET", _ONE, get, "public"),
    Route("human_tasks.submit", "POST", _ONE, submit, "public"),
)
