"""Applications as a linked account sees them, with the state of its connections."""

from __future__ import annotations

from refold_async.sandbox.apps import App
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import Refused, SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Organisation, StoredAccount

DEFAULT_APP = "custom"
"""The slug of the organisation's own app, which is not among those that customers connect."""

ICON_URL = "https://assets.refold.example"


def icon_of(slug: str) -> str:
    """Return the URL of an app's logo."""
    return f"{ICON_URL}/{slug}/logo.png"


def app_id_of(organisation: Organisation, slug: str) -> str:
    """Return an app's id within an organisation."""
    return object_id(organisation.seed, "app", slug)


def app_summary(organisation: Organisation, slug: str) -> Document:
    """Return the few fields of an application that other resources embed."""
    app = organisation.apps.get(slug)
    return {
        "_id": app_id_of(organisation, slug),
        "name": app.name if app else "Default app",
        "icon": icon_of(slug),
        "description": app.description if app else "",
    }


def app_of(organisation: Organisation, slug: str) -> App:
    """Return the app with this slug; refuses an unknown one."""
    app = organisation.apps.get(slug)
    if app is None:
        raise refused(404, f"Application app_type '{slug}' not found")
    return app


async def list_applications(request: SandboxRequest) -> SandboxResponse:
    """Return the enabled applications that match `slug`, `tags`, `ecosystem` and `auth_type`."""
    account = request.account
    return success(
        [application(account, app) for app in account.organisation.apps.values() if _fits(request, app)]
    )


async def get_application(request: SandboxRequest) -> SandboxResponse:
    """Return one application by its slug."""
    account = request.account
    slug = request.path_params["slug"]
    app = account.organisation.apps.get(slug)
    if app is None or not _fits(request, app):
        raise Refused(
            envelope(
                404,
                f"Application with app_type '{slug}' not found for org {account.organisation.id}",
                code="EXTERNAL_API_FAILURE",
                code_field="error",
                error_type="EXTERNAL_API_ERROR",
            )
        )
    return success(application(account, app))


def application(account: StoredAccount, app: App) -> dict[str, object]:
    """Return an application object; connection fields appear only if it was ever connected."""
    options: dict[str, object] = {"keybased": app.auth_fields} if app.auth_type == "keybased" else {}
    return {
        "name": app.name,
        "icon": icon_of(app.slug),
        "description": app.description,
        "auth_type": app.auth_type,
        "type": app.slug,
        "app_id": app_id_of(account.organisation, app.slug),
        "tags": app.tags,
        "ecosystem": app.ecosystem,
        "slug": app.slug,
        "auth_type_options": {**options, "oauth2": []},
        "auth_input_map": app.auth_fields,
        **_connection_state(account, app),
    }


def _connection_state(account: StoredAccount, app: App) -> dict[str, object]:
    connection = account.connections.get(app.slug)
    if connection is None:
        return {"reauth_required": False}
    state = {
        "identifier": connection.identifier,
        "connectedAt": connection.connected_at,
        "status": "expired" if connection.expired else "active",
        "auth_type": app.auth_type,
    }
    return {"connected": True, "connected_accounts": [state], "reauth_required": connection.expired}


def _fits(request: SandboxRequest, app: App) -> bool:
    wanted_tags = request.query("tags")
    return (
        request.query("slug") in (None, app.slug)
        and request.query("auth_type") in (None, app.auth_type)
        and request.query("ecosystem") in (None, str(app.ecosystem).lower())
        and (wanted_tags is None or bool(set(wanted_tags.split(",")) & set(app.tags)))
    )


ROUTES = (
    Route("applications.list", "GET", "/api/v2/public/application", list_applications, "account"),
    Route("applications.get", "GET", "/api/v2/public/application/{slug}", get_application, "account"),
)
