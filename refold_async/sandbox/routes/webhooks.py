"""Webhooks: register endpoints for events, change them, put them into groups, delete them."""

from collections.abc import Iterable

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.documents import Document, given
from refold_async.sandbox.resources.posting import EVENT_MARK
from refold_async.sandbox.resources.reading import is_web_url, items, require, text
from refold_async.sandbox.resources.refusals import not_in_sandbox, refused
from refold_async.sandbox.resources.webhooks import EVENTS, WORKFLOW_EVENTS, Webhooks
from refold_async.sandbox.routing import Route

SETTABLE = (
    "webhook_url",
    "webhook_events",
    "webhook_headers",
    "webhook_description",
    "description",
    "method",
    "slug",
    "workflow_ids",
    "webhook_type",
    "is_enabled",
    "group",
)


async def list_webhooks(call: Call) -> Reply:
    """Every webhook of the organisation."""
    return success(list(_webhooks(call)))


async def register(call: Call) -> Reply:
    """Register an endpoint for events."""
    require(call.params, "webhook_url", "webhook_events", field="error")
    fields = _checked(call)
    defaults: Document = {
        "org_id": call.organisation.id,
        "environment": call.organisation.environment,
        "is_enabled": True,
        "workflow_ids": [],
        "webhook_body": EVENT_MARK,
        "method": "POST",
        "webhook_type": "default",
        "__v": 0,
    }
    return success(_webhooks(call).add({**defaults, **fields}))


async def get(call: Call) -> Reply:
    """One webhook."""
    return success(_webhooks(call).get(call.path_params["id"]))


async def update(call: Call) -> Reply:
    """Change the fields that came."""
    webhooks = _webhooks(call)
    webhooks.get(call.path_params["id"])
    return success(webhooks.update(call.path_params["id"], _checked(call)))


async def delete(call: Call) -> Reply:
    """Delete one and answer those that are left."""
    webhooks = _webhooks(call)
    webhooks.remove(call.path_params["id"])
    return success(list(webhooks))


async def set_group(call: Call) -> Reply:
    """Put webhooks into a group, or out of theirs."""
    require(call.params, "webhookIds", field="error")
    webhooks = _webhooks(call)
    chosen = [webhooks.get(str(each)) for each in items(call.params, "webhookIds")]
    webhooks.set_group(chosen, text(call.params, "group"))
    return success(chosen)


def _webhooks(call: Call) -> Webhooks:
    return call.organisation.own(Webhooks)


def _checked(call: Call) -> Document:
    """The fields that came, where the service would take them."""
    fields = given(call.params, SETTABLE)
    if "webhook_url" in fields and not is_web_url(text(fields, "webhook_url")):
        raise refused(400, "Invalid webhook url", "VALIDATION_ERROR", "error")
    _check_events(items(fields, "webhook_events"), WORKFLOW_EVENTS if fields.get("slug") else EVENTS)
    if fields.get("method", "POST") not in ("POST", "PUT", "PATCH"):
        raise refused(400, "Invalid method", "VALIDATION_ERROR", "error")
    if fields.get("webhook_type") == "slack":
        raise not_in_sandbox("A webhook of the type slack")
    if fields.get("webhook_type") == "custom":
        fields |= given(call.params, ("webhook_body",))
    return fields


def _check_events(events: Iterable[object], known: Iterable[str]) -> None:
    if not set(map(str, events)) <= set(known):
        raise refused(400, "Invalid event. Check events list in documentation.", "INVALID_EVENT", "error")


_BASE = "/api/v2/public/webhook"

ROUTES = (
    Route("webhooks.list", "GET", _BASE, list_webhooks),
    Route("webhooks.create", "POST", _BASE, register, "either"),
    Route("webhooks.get", "GET", _BASE + "/{id}", get),
    Route("webhooks.update", "PUT", _BASE + "/{id}", update, "either"),
    Route("webhooks.delete", "DELETE", _BASE + "/{id}", delete, "either"),
    Route("webhooks.edit_group", "PUT", "/api/v2/public/webhooks/group/edit", set_group),
)
