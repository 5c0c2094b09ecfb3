"""How an app is shown where another resource refers to it."""

from refold_async.sandbox.apps import App
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.resources.documents import Document
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.state import Organisation

DEFAULT_APP = "custom"
"""The slug of the organisation's own app, which is not among those that customers connect."""

ICON_URL = "https://assets.refold.example"


def icon_of(slug: str) -> str:
    """The URL of an app's logo."""
    return f"{ICON_URL}/{slug}/logo.png"


def app_id_of(organisation: Organisation, slug: str) -> str:
    """The id that an app has in an organisation."""
    return object_id(organisation.seed, "app", slug)


def app_summary(organisation: Organisation, slug: str) -> Document:
    """The application, in the few fields that its references bear."""
    app = organisation.apps.get(slug)
    return {
        "_id": app_id_of(organisation, slug),
        "name": app.name if app else "Default app",
        "icon": icon_of(slug),
        "description": app.description if app else "",
    }


def app_of(organisation: Organisation, slug: str) -> App:
    """The app of a slug; refuses an unknown one."""
    app = organisation.apps.get(slug)
    if app is None:
        raise refused(404, f"Application app_type '{slug}' not found")
    return app
