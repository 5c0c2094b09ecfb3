"""Credentials: how apps are connected, and the credentials of the organisation's own app."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from refold_async.sandbox.api.applications import DEFAULT_APP, app_id_of, app_of
from refold_async.sandbox.api.linked_accounts import Profile
from refold_async.sandbox.api.webhooks import announce_connection
from refold_async.sandbox.apps import App
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document
from refold_async.sandbox.params import mapping, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import Refused, SandboxResponse, refused, success
from refold_async.sandbox.routing import Route

OAUTH: Mapping[str, object] = {
    "access_token": "string",
    "refresh_token": "string",
    "client_id": "string",
    "client_secret": "string",
    "callback_url": {"type": "string", "required": False},
}
OAUTH_OF: Mapping[str, Mapping[str, object]] = {"netsuite": {"account_id": "string"}}
"""What an app's OAuth needs in addition to the common fields."""

PLACEHOLDER = "your-"
"""The prefix of values copied from an example: no host has such a name."""
HOSTS: Mapping[str, str] = {"netsuite": "suitetalk.api.netsuite.com"}


def auth_structure(app: App) -> dict[str, Document]:
    """Return the fields of each auth type: the type of a value, or an object for an optional one."""
    oauth = {**OAUTH, **OAUTH_OF.get(app.slug, {})}
    if app.auth_type == "oauth2":
        return {"oauth2": oauth}
    fields: Document = {
        field.name: "string" if field.required else {"type": "string", "required": False}
        for field in app.auth_fields
    }
    return {"keybased": fields, "oauth2": oauth}


def missing_fields(structure: Mapping[str, object], given: Mapping[str, object]) -> list[str]:
    """Return the required fields that are missing."""
    return [name for name, kind in structure.items() if isinstance(kind, str) and not given.get(name)]


def unreachable_host(app: App, given: Mapping[str, object]) -> str | None:
    """Return the host that cannot be reached if the credentials are placeholders from an example."""
    for value in given.values():
        if isinstance(value, str) and value.startswith(PLACEHOLDER):
            return f"{value}.{HOSTS.get(app.slug, f'{app.slug}.example')}"
    return None


async def get_structure(request: SandboxRequest) -> SandboxResponse:
    """Return the fields of each auth type; an unknown app is the service's bare 500."""
    slug = request.path_params["slug"]
    app = request.organisation.apps.get(slug)
    if app is None:
        message = f"Schema not found for integration type: {slug}"
        raise Refused(success({"error": "SERVER_ERROR", "message": message}, 500))
    return success(auth_structure(app))


async def get_oauth_url(request: SandboxRequest) -> SandboxResponse:
    """Return the URL of the consent page; refuses an app without OAuth."""
    app = app_of(request.organisation, request.path_params["slug"])
    if app.auth_type != "oauth2":
        raise refused(400, f"Application {app.slug} does not support oauth2", field="error")
    return success({"auth_url": f"https://{app.slug}.example/oauth/authorize?{_consent(request, app)}"})


def _consent(request: SandboxRequest, app: App) -> str:
    origin = f"{request.raw.scheme}://{request.raw.host}"
    return urlencode(
        {
            **dict(request.raw.query),
            "client_id": app_id_of(request.organisation, app.slug),
            "state": object_id(request.organisation.seed, "state", request.account.account_id, app.slug),
            "redirect_uri": f"{origin}/api/v1/{app.slug}/callback",
            "scope": "read write",
        }
    )


async def set_default_app_credential(request: SandboxRequest) -> SandboxResponse:
    """Set one credential of the account's default app."""
    credentials, key = _default_app(request), request.path_params["key"]
    require(request.params, "value", field="error")
    action = "updated" if key in credentials else "added"
    credentials[key] = str(request.params["value"])
    request.account.own(Profile).touch()
    message = f"Auth credential '{key}' {action} successfully"
    return success({"success": True, "message": message, "action": action})


async def delete_default_app_credential(request: SandboxRequest) -> SandboxResponse:
    """Delete one credential of the account's default app."""
    credentials, key = _default_app(request), request.path_params["key"]
    if key not in credentials:
        raise refused(404, f"Auth credential key '{key}' not found", "RESOURCE_NOT_FOUND", "error")
    del credentials[key]
    request.account.own(Profile).touch()
    return success({"success": True, "message": f"Auth credential '{key}' deleted successfully"})


async def save_key_credentials(request: SandboxRequest) -> SandboxResponse:
    """Connect an app with keys."""
    app = app_of(request.organisation, request.path_params["slug"])
    kind = request.query("auth_type") or app.auth_type
    structure = auth_structure(app).get("keybased")
    if kind != "keybased" or structure is None:
        raise refused(400, f"Application {app.slug} does not support keybased authentication", field="error")
    if missing := missing_fields(structure, request.params):
        raise refused(400, f"Required parameter '{missing[0]}' is missing", "VALIDATION_ERROR", "error")
    _connect(request, app, request.params)
    return success({"success": True})


async def migrate_token(request: SandboxRequest) -> SandboxResponse:
    """Connect an app with existing credentials; some errors are answered with status 200, as documented."""
    require(request.params, "slug", "auth_object", field="error")
    slug, auth_object = text(request.params, "slug"), mapping(request.params, "auth_object")
    if slug == DEFAULT_APP:
        return success({"error": "Custom apps are not supported for this endpoint."})
    app = app_of(request.organisation, slug)
    if len(auth_object) != 1:
        return success({"error": "auth_object must have exactly one auth type."})
    [kind] = auth_object
    structure = auth_structure(app).get(kind)
    if structure is None:
        return success({"error": f"Auth type {kind} is not supported by {slug}."})
    given = mapping(auth_object, kind)
    if missing := missing_fields(structure, given):
        return success({"error": f"Missing required fields: {', '.join(missing)}."})
    _connect(request, app, given)
    return success({"success": True, "message": "Token migrated successfully"})


def _default_app(request: SandboxRequest) -> dict[str, str]:
    credentials = request.account.own(Profile).default_app
    if credentials is None:
        message = f"Default app integration not found for linked account {request.account.account_id}"
        raise refused(404, message, "RESOURCE_NOT_FOUND", "error")
    return credentials


def _connect(request: SandboxRequest, app: App, credentials: Mapping[str, object]) -> None:
    """Connect the app if its credentials can be verified, and notify the webhooks."""
    if host := unreachable_host(app, credentials):
        raise refused(500, f"Failed to verify credentials: getaddrinfo ENOTFOUND {host}", field="error")
    request.account.connect(app.slug)
    request.account.own(Profile).touch()
    announce_connection(request.context, request.account, "Connection Created", app.slug)


_DEFAULT = "/api/v2/public/linked-account/default-app/auth-credentials/{key}"
_SAVE = "/api/v2/public/linked-account/integration/save-key-credentials/{slug}"


ROUTES = (
    Route("auth.structure", "GET", "/api/v2/public/auth-structure/{slug}", get_structure, "public"),
    Route(
        "auth.oauth_url",
        "GET",
        "/api/v2/public/linked-account/integration/oauth-url/{slug}",
        get_oauth_url,
        "account_key",
    ),
    Route("credentials.upsert", "PUT", _DEFAULT, set_default_app_credential, "account"),
    Route("credentials.delete", "DELETE", _DEFAULT, delete_default_app_credential, "account"),
    Route("credentials.save_keys", "PUT", _SAVE, save_key_credentials, "account_key"),
    Route("credentials.migrate", "PUT", "/api/v2/public/migrate-token", migrate_token, "account_key"),
)
