"""The look-up that these tests use: a contact by its e-mail address."""

from typing import Any

from refold_async import Call, Lookup

SLUG, WRITE, SEARCH = "hubspot", "create_contact", "search_contacts"


def write(email: str, account: str = "demo-user-1", key: str | None = None) -> Call:
    return Call(account, SLUG, WRITE, {"email": email}, key=key)


def by_email(call: Call) -> Lookup:
    assert call.params is not None
    email = call.params["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"].get("email") == email]

    return Lookup(SEARCH, {"propertyName": "email", "operator": "EQ", "value": email}, found=found)
