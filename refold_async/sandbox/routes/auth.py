"""How apps are connected: what each needs to know, and the address at which its owner consents."""

from urllib.parse import urlencode

from refold_async.sandbox.apps import App
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Refused, Reply, success
from refold_async.sandbox.resources.auth_types import auth_structure
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.showing import app_id_of, app_of
from refold_async.sandbox.routing import Route


async def get_structure(call: Call) -> Reply:
    """The fields that each way to connect an app needs; of an unknown app, the service's bare 500."""
    slug = call.path_params["slug"]
    app = call.organisation.apps.get(slug)
    if app is None:
        message = f"Schema not found for integration type: {slug}"
        raise Refused(success({"error": "SERVER_ERROR", "message": message}, 500))
    return success(auth_structure(app))


async def get_oauth_url(call: Call) -> Reply:
    """The address at which the app's owner consents; an app without OAuth is refused."""
    app = app_of(call.organisation, call.path_params["slug"])
    if app.auth_type != "oauth2":
        raise refused(400, f"Application {app.slug} does not support oauth2", field="error")
    return success({"auth_url": f"https://{app.slug}.example/oauth/authorize?{_consent(call, app)}"})


def _consent(call: Call, app: App) -> str:
    origin = f"{call.request.scheme}://{call.request.host}"
    return urlencode(
        {
            **dict(call.request.query),
            "client_id": app_id_of(call.organisation, app.slug),
            "state": object_id(call.organisation.seed, "state", call.account.account_id, app.slug),
            "redirect_uri": f"{origin}/api/v1/{app.slug}/callback",
            "scope": "read write",
        }
    )


ROUTES = (
    Route("auth.structure", "GET", "/api/v2/public/auth-structure/{slug}", get_structure, "public"),
    Route(
        "auth.oauth_url",
        "GET",
        "/api/v2/public/linked-account/integration/oauth-url/{slug}",
        get_oauth_url,
        "account_key",
    ),
)
