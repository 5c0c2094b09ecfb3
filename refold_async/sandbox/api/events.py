"""Events: define those of the organisation's own application, and trigger the workflows they start."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser

import msgspec

from refold_async.sandbox.api.applications import DEFAULT_APP, app_of
from refold_async.sandbox.api.execution_state import ExecutionStore
from refold_async.sandbox.api.executions import check_nodes, start_execution
from refold_async.sandbox.api.workflow_state import StoredWorkflow, WorkflowStore
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document, DocumentStore, without
from refold_async.sandbox.params import require, settable, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.seeds import load_seeds
from refold_async.sandbox.state import Organisation, SandboxContext, StoredAccount

REPEAT_SECONDS = 300.0
"""How long a repeat with the same key is dropped, in seconds."""


class EventStore(DocumentStore):
    """The event definitions of an organisation, and the deduplication keys seen recently.

    A definition may name a `deduplication_key`, the dotted path of the payload field that makes two
    events equal. The reference does not say where the key is set; the name is the sandbox's own.
    """

    def __init__(self, organisation: Organisation) -> None:
        missing = envelope(404, "Event not found", code="RESOURCE_NOT_FOUND", code_field="error")
        super().__init__(organisation, missing)
        self._seen: dict[tuple[str, str, str], float] = {}
        for seed in load_seeds().events:
            fields = {"name": seed.name, "response": keys_of(seed.sample)}
            self.add(fields, object_id(organisation.seed, "event", seed.name))

    def named(self, name: str) -> Document:
        """Return the definition of an event; refuses an unknown name."""
        for definition in self:
            if definition["name"] == name:
                return definition
        raise refused(404, "Trigger not found", "INVALID_EVENT")

    def is_repeat(self, definition: Document, account: StoredAccount, payload: object) -> bool:
        """Return whether the account sent the same key within five minutes, and record this one."""
        path = definition.get("deduplication_key")
        value = _at(payload, str(path)) if path else None
        if value is None:
            return False
        moment = time.monotonic()
        self._seen = {key: at for key, at in self._seen.items() if at > moment - REPEAT_SECONDS}
        key = (account.account_id, str(definition["_id"]), msgspec.json.encode(value).decode())
        if key in self._seen:
            return True
        self._seen[key] = moment
        return False


def fire(
    context: SandboxContext,
    account: StoredAccount,
    name: str,
    payload: object,
    *,
    slug: str | None = None,
    config_id: str | None = None,
    tag: str | None = None,
) -> None:
    """Start every workflow that listens to an event, unless the event is a repeat."""
    events = account.organisation.own(EventStore)
    definition = events.named(name)
    workflows = [each for each in _waiting(account, name) if slug in (None, each.slug)]
    for workflow in workflows:
        check_nodes(workflow.document)
    if events.is_repeat(definition, account, payload):
        return
    for workflow in workflows:
        execution = account.own(ExecutionStore).create(
            workflow.document, payload, "Event", config_id=config_id, tag=tag
        )
        start_execution(context, execution)


def show_event(definition: Document) -> Document:
    """Return a definition as the API shows it."""
    return without(definition, "createdAt", "updatedAt")


def keys_of(sample: object, prefix: str = "") -> list[Document]:
    """Return the keys of a sample payload with their types, nested keys after their parent's."""
    if not isinstance(sample, Mapping):
        return []
    found: list[Document] = []
    for name, value in sample.items():
        found.append({"key": f"{prefix}{name}", "type": _type_of(value)})
        found += keys_of(value, f"{prefix}{name}.")
    return found


def _waiting(account: StoredAccount, name: str) -> list[StoredWorkflow]:
    workflows = account.organisation.own(WorkflowStore)
    return [
        each
        for each in workflows
        if each.event == name and each.document["published"] and each.is_for(account)
    ]


def _at(payload: object, path: str) -> object:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def _type_of(value: object) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "text"


async def list_events(request: SandboxRequest) -> SandboxResponse:
    """Return all definitions."""
    return _show_all(request)


async def create(request: SandboxRequest) -> SandboxResponse:
    """Add a definition and return all of them."""
    require(request.params, "name", "response", field="error")
    request.organisation.own(EventStore).add(_fields(request))
    return _show_all(request)


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return one definition."""
    return success(show_event(request.organisation.own(EventStore).get(request.path_params["event_id"])))


async def update(request: SandboxRequest) -> SandboxResponse:
    """Update a definition and return all of them."""
    events = request.organisation.own(EventStore)
    events.get(request.path_params["event_id"])
    events.update(request.path_params["event_id"], _fields(request))
    return _show_all(request)


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a definition and return the remaining ones."""
    request.organisation.own(EventStore).remove(request.path_params["event_id"])
    return _show_all(request)


async def trigger(request: SandboxRequest) -> SandboxResponse:
    """Trigger an event for the account, from JSON or from a form with files."""
    body = form_of(request) if _is_form(request) else request.params
    name = text(body, "event") or text(body, "trigger")
    if not name:
        raise refused(400, "event is required")
    slug = request.path_params.get("slug") or request.header("slug")
    slug = None if slug in (None, "", DEFAULT_APP) else app_of(request.organisation, slug).slug
    fire(
        request.context,
        request.account,
        name,
        body.get("payload", {}),
        slug=slug,
        config_id=request.header("config_id"),
        tag=request.header("instance_tag"),
    )
    return success({"message": "Webhook Fired Success"})


def _show_all(request: SandboxRequest) -> SandboxResponse:
    return success([show_event(each) for each in request.organisation.own(EventStore)])


def _fields(request: SandboxRequest) -> Document:
    fields = settable(request.params, ("name", "response", "json_schema", "deduplication_key"))
    if "response" in fields:
        fields["response"] = _keys(fields["response"])
    return fields


def _keys(response: object) -> object:
    """Return the keys of a sample payload, sent as JSON text or as an object; a list is kept as it is."""
    if isinstance(response, list):
        return response
    try:
        sample = msgspec.json.decode(response) if isinstance(response, str) else response
    except msgspec.DecodeError:
        raise refused(400, "response is not JSON", "VALIDATION_ERROR", "error") from None
    return keys_of(sample)


def _is_form(request: SandboxRequest) -> bool:
    return (request.header("Content-Type") or "").lower().startswith("multipart/form-data")


_BASE = "/api/v2/public/application/event"
_ONE = _BASE + "/{event_id}"


def form_of(request: SandboxRequest) -> Document:
    """Return the fields of a multipart body; files go into `payload` under their field names."""
    head = f"Content-Type: {request.header('Content-Type')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + request.body)
    if not message.is_multipart():
        raise refused(400, "Request body is not a valid form", "VALIDATION_ERROR")
    fields: Document = {}
    files: Document = {}
    for part in message.get_payload():
        if isinstance(part, Message):
            (fields if part.get_filename() is None else files)[_name(part)] = _value(part)
    payload = _json(fields.get("payload"))
    return {**fields, "payload": {**payload, **files} if isinstance(payload, Mapping) else payload}


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition"))


def _value(part: Message) -> object:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    if part.get_filename() is None:
        return raw.decode("utf-8", "replace")
    return {"filename": part.get_filename(), "content_type": part.get_content_type(), "size": len(raw)}


def _json(text: object) -> object:
    if not isinstance(text, str) or not text:
        return {}
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise refused(400, "payload is not JSON", "VALIDATION_ERROR") from None


ROUTES = (
    Route("events.list", "GET", _BASE, list_events),
    Route("events.create", "POST", _BASE, create),
    Route("events.get", "GET", _ONE, get),
    Route("events.update", "PUT", _ONE, update),
    Route("events.delete", "DELETE", _ONE, delete),
    Route("events.trigger", "POST", "/api/v2/public/event/trigger", trigger, "account"),
    Route("events.trigger_of_app", "POST", "/api/v2/public/event/{slug}", trigger, "account"),
)
