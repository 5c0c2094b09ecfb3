"""The request and the responses that every client is measured with."""

import json

ACCOUNT = "demo-user-1"
API_KEY = "tk_benchmark"
SLUG, ACTION = "hubspot", "get_contact"
PATH = f"/api/v2/integration-schema/{SLUG}/actions/{ACTION}/execute"
PARAMS = {"limit": "1"}

SMALL, MEDIUM, LARGE = 300, 104_000, 1_000_000

_CONTACT = {
    "id": "100000",
    "properties": {"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace"},
    "createdAt": "2024-05-01T12:00:00Z",
    "archived": False,
}


def envelope(size: int) -> bytes:
    """Return an execute response of exactly `size` bytes: contacts, and a note that fills the remainder."""
    room = size - len(_envelope(0, 0))
    contacts = max(0, (room + 1) // (len(_dump(_CONTACT)) + 1))
    return _envelope(contacts, size - len(_envelope(contacts, 0)))


def _envelope(contacts: int, padding: int) -> bytes:
    data = {"results": [_CONTACT] * contacts, "note": "x" * padding}
    return _dump({"node_status": "Success", "http_status": 200, "data": data})


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
