"""Events: define those of the organisation's own application, and fire them."""

import msgspec

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.documents import Document, given
from refold_async.sandbox.resources.events import Events, fire, keys_of, show_event
from refold_async.sandbox.resources.forms import form_of
from refold_async.sandbox.resources.reading import require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.showing import DEFAULT_APP, app_of
from refold_async.sandbox.routing import Route


async def list_events(call: Call) -> Reply:
    """Every definition."""
    return _show_all(call)


async def create(call: Call) -> Reply:
    """One more definition; the answer holds them all."""
    require(call.params, "name", "response", field="error")
    call.organisation.own(Events).add(_fields(call))
    return _show_all(call)


async def get(call: Call) -> Reply:
    """One definition."""
    return success(show_event(call.organisation.own(Events).get(call.path_params["event_id"])))


async def update(call: Call) -> Reply:
    """Change a definition; the answer holds them all."""
    events = call.organisation.own(Events)
    events.get(call.path_params["event_id"])
    events.update(call.path_params["event_id"], _fields(call))
    return _show_all(call)


async def delete(call: Call) -> Reply:
    """Delete a definition; the answer holds those that are left."""
    call.organisation.own(Events).remove(call.path_params["event_id"])
    return _show_all(call)


async def trigger(call: Call) -> Reply:
    """Fire an event for the account, from JSON or from a form with files."""
    body = form_of(call) if _is_form(call) else call.params
    name = text(body, "event") or text(body, "trigger")
    if not name:
        raise refused(400, "event is required")
    slug = call.path_params.get("slug") or call.header("slug")
    slug = None if slug in (None, "", DEFAULT_APP) else app_of(call.organisation, slug).slug
    fire(
        call.world,
        call.account,
        name,
        body.get("payload", {}),
        slug=slug,
        config_id=call.header("config_id"),
        tag=call.header("instance_tag"),
    )
    return success({"message": "Webhook Fired Success"})


def _show_all(call: Call) -> Reply:
    return success([show_event(each) for each in call.organisation.own(Events)])


def _fields(call: Call) -> Document:
    fields = given(call.params, ("name", "response", "json_schema", "deduplication_key"))
    if "response" in fields:
        fields["response"] = _keys(fields["response"])
    return fields


def _keys(response: object) -> object:
    """The keys of a sample payload that came as JSON text or as an object; a list of keys as it is."""
    if isinstance(response, list):
        return response
    try:
        sample = msgspec.json.decode(response) if isinstance(response, str) else response
    except msgspec.DecodeError:
        raise refused(400, "response is not JSON", "VALIDATION_ERROR", "error") from None
    return keys_of(sample)


def _is_form(call: Call) -> bool:
    return (call.header("Content-Type") or "").lower().startswith("multipart/form-data")


_BASE = "/api/v2/public/application/event"
_ONE = _BASE + "/{event_id}"

ROUTES = (
    Route("events.list", "GET", _BASE, list_events),
    Route("events.create", "POST", _BASE, create),
    Route("events.get", "GET", _ONE, get),
    Route("events.update", "PUT", _ONE, update),
    Route("events.delete", "DELETE", _ONE, delete),
    Route("events.trigger", "POST", "/api/v2/public/event/trigger", trigger, "account"),
    Route("events.trigger_of_app", "POST", "/api/v2/public/event/{slug}", trigger, "account"),
)
