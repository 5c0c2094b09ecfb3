"""Auth types: the credentials that an app takes, by the way in which it is connected."""

from collections.abc import Mapping

from refold_async.sandbox.apps import App
from refold_async.sandbox.resources.documents import Document

OAUTH: Mapping[str, object] = {
    "access_token": "string",
    "refresh_token": "string",
    "client_id": "string",
    "client_secret": "string",
    "callback_url": {"type": "string", "required": False},
}
OAUTH_OF: Mapping[str, Mapping[str, object]] = {"netsuite": {"account_id": "string"}}
"""What an app's OAuth needs beside what every app's does."""

PLACEHOLDER = "your-"
"""How a value begins that was copied from an example: no host answers to it."""
HOSTS: Mapping[str, str] = {"netsuite": "suitetalk.api.netsuite.com"}


def auth_structure(app: App) -> dict[str, Document]:
    """The fields of each auth type: the type of a value, or an object for one that may be left out."""
    oauth = {**OAUTH, **OAUTH_OF.get(app.slug, {})}
    if app.auth_type == "oauth2":
        return {"oauth2": oauth}
    fields: Document = {
        field.name: "string" if field.required else {"type": "string", "required": False}
        for field in app.auth_fields
    }
    return {"keybased": fields, "oauth2": oauth}


def missing_fields(structure: Mapping[str, object], given: Mapping[str, object]) -> list[str]:
    """The fields that must come and did not."""
    return [name for name, kind in structure.items() if isinstance(kind, str) and not given.get(name)]


def unreachable_host(app: App, given: Mapping[str, object]) -> str | None:
    """The host at which credentials cannot be verified, as it is for those copied from an example."""
    for value in given.values():
        if isinstance(value, str) and value.startswith(PLACEHOLDER):
            return f"{value}.{HOSTS.get(app.slug, f'{app.slug}.example')}"
    return None
