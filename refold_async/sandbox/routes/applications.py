"""Applications as a linked account sees them, with the state of its connections."""

from refold_async.sandbox.apps import App
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Refused, Reply, envelope, success
from refold_async.sandbox.resources.showing import app_id_of, icon_of
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account


async def list_applications(call: Call) -> Reply:
    """Every enabled application that fits the query's ``slug``, ``tags``, ``ecosystem``, ``auth_type``."""
    account = call.account
    return success(
        [application(account, app) for app in account.organisation.apps.values() if _fits(call, app)]
    )


async def get_application(call: Call) -> Reply:
    """One application by its slug."""
    account = call.account
    slug = call.path_params["slug"]
    app = account.organisation.apps.get(slug)
    if app is None or not _fits(call, app):
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


def application(account: Account, app: App) -> dict[str, object]:
    """An application object; one that was never connected has no word of connections."""
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


def _connection_state(account: Account, app: App) -> dict[str, object]:
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


def _fits(call: Call, app: App) -> bool:
    wanted_tags = call.query("tags")
    return (
        call.query("slug") in (None, app.slug)
        and call.query("auth_type") in (None, app.auth_type)
        and call.query("ecosystem") in (None, str(app.ecosystem).lower())
        and (wanted_tags is None or bool(set(wanted_tags.split(",")) & set(app.tags)))
    )


ROUTES = (
    Route("applications.list", "GET", "/api/v2/public/application", list_applications, "account"),
    Route("applications.get", "GET", "/api/v2/public/application/{slug}", get_application, "account"),
)
