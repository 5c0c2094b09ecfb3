"""Credentials: those of the organisation's own app, and those by which customers' apps are connected."""

from collections.abc import Mapping

from refold_async.sandbox.apps import App
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.auth_types import auth_structure, missing_fields, unreachable_host
from refold_async.sandbox.resources.profiles import Profile
from refold_async.sandbox.resources.reading import mapping, require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.showing import DEFAULT_APP, app_of
from refold_async.sandbox.resources.webhooks import announce_connection
from refold_async.sandbox.routing import Route


async def set_default_app_credential(call: Call) -> Reply:
    """Write one credential of the account's default app."""
    credentials, key = _default_app(call), call.path_params["key"]
    require(call.params, "value", field="error")
    action = "updated" if key in credentials else "added"
    credentials[key] = str(call.params["value"])
    call.account.own(Profile).touch()
    message = f"Auth credential '{key}' {action} successfully"
    return success({"success": True, "message": message, "action": action})


async def delete_default_app_credential(call: Call) -> Reply:
    """Delete one credential of the account's default app."""
    credentials, key = _default_app(call), call.path_params["key"]
    if key not in credentials:
        raise refused(404, f"Auth credential key '{key}' not found", "RESOURCE_NOT_FOUND", "error")
    del credentials[key]
    call.account.own(Profile).touch()
    return success({"success": True, "message": f"Auth credential '{key}' deleted successfully"})


async def save_key_credentials(call: Call) -> Reply:
    """Connect an app with keys."""
    app = app_of(call.organisation, call.path_params["slug"])
    kind = call.query("auth_type") or app.auth_type
    structure = auth_structure(app).get("keybased")
    if kind != "keybased" or structure is None:
        raise refused(400, f"Application {app.slug} does not support keybased authentication", field="error")
    if missing := missing_fields(structure, call.params):
        raise refused(400, f"Required parameter '{missing[0]}' is missing", "VALIDATION_ERROR", "error")
    _connect(call, app, call.params)
    return success({"success": True})


async def migrate_token(call: Call) -> Reply:
    """Connect an app with credentials from elsewhere; some faults of theirs are answered with a 200."""
    require(call.params, "slug", "auth_object", field="error")
    slug, auth_object = text(call.params, "slug"), mapping(call.params, "auth_object")
    if slug == DEFAULT_APP:
        return success({"error": "Custom apps are not supported for this endpoint."})
    app = app_of(call.organisation, slug)
    if len(auth_object) != 1:
        return success({"error": "auth_object must have exactly one auth type."})
    [kind] = auth_object
    structure = auth_structure(app).get(kind)
    if structure is None:
        return success({"error": f"Auth type {kind} is not supported by {slug}."})
    given = mapping(auth_object, kind)
    if missing := missing_fields(structure, given):
        return success({"error": f"Missing required fields: {', '.join(missing)}."})
    _connect(call, app, given)
    return success({"success": True, "message": "Token migrated successfully"})


def _default_app(call: Call) -> dict[str, str]:
    credentials = call.account.own(Profile).default_app
    if credentials is None:
        message = f"Default app integration not found for linked account {call.account.account_id}"
        raise refused(404, message, "RESOURCE_NOT_FOUND", "error")
    return credentials


def _connect(call: Call, app: App, credentials: Mapping[str, object]) -> None:
    """Connect the app where its credentials can be verified, and tell the webhooks."""
    if host := unreachable_host(app, credentials):
        raise refused(500, f"Failed to verify credentials: getaddrinfo ENOTFOUND {host}", field="error")
    call.account.connect(app.slug)
    call.account.own(Profile).touch()
    announce_connection(call.world, call.account, "Connection Created", app.slug)


_DEFAULT = "/api/v2/public/linked-account/default-app/auth-credentials/{key}"
_SAVE = "/api/v2/public/linked-account/integration/save-key-credentials/{slug}"

ROUTES = (
    Route("credentials.upsert", "PUT", _DEFAULT, set_default_app_credential, "account"),
    Route("credentials.delete", "DELETE", _DEFAULT, delete_default_app_credential, "account"),
    Route("credentials.save_keys", "PUT", _SAVE, save_key_credentials, "account_key"),
    Route("credentials.migrate", "PUT", "/api/v2/public/migrate-token", migrate_token, "account_key"),
)
