"""Response bytes: heads, chunks, error envelopes, and the good response to each operation."""

import json

from .steps import Request, Script, Send

ACTIONS = [{"name": "Get Contact", "action_id": "get_contact", "description": "Reads.", "tag": "crm"}]
FIELDS = [{"name": "limit", "label": "Limit", "required": False, "type": "text"}]
ENVELOPE = {"node_status": "Success", "http_status": 200, "data": {"served": "well"}}
POISON = "this answer belongs to no call"
"""Marks unsolicited responses; a result containing it was read from the wrong bytes."""

JSON_FIELD = b"Content-Type: application/json"
HTML_FIELD = b"Content-Type: text/html"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
CHUNKED_FIELD = b"Transfer-Encoding: chunked"


def head(status: int | bytes, *fields: bytes) -> bytes:
    """Return a status line (or the given raw one) and header lines, up to and including the empty line."""
    line = status if isinstance(status, bytes) else b"HTTP/1.1 %d Some Reason" % status
    return b"\r\n".join((line, *fields, b"", b""))


def reply(status: int | bytes, body: bytes = b"", *fields: bytes) -> bytes:
    """Return a complete response with its Content-Length."""
    return head(status, *fields, b"Content-Length: %d" % len(body)) + body


def ok(body: bytes, *fields: bytes) -> bytes:
    """Return a complete JSON response with status 200."""
    return reply(200, body, JSON_FIELD, *fields)


def chunks(body: bytes, size: int = 16) -> bytes:
    """Return a chunked body, including the last chunk."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def error_envelope(status: int, message: str, **more: str) -> bytes:
    """Return an error body in the format of the service."""
    return json.dumps(
        {"status_code": status, "http_error_type": "Error", "message": message, **more}
    ).encode()


def good_body(request: Request) -> bytes:
    """Return the body of a good response: an envelope, the list of actions, or one action's fields."""
    if request.path.endswith("/execute"):
        return json.dumps(ENVELOPE).encode()
    return json.dumps(ACTIONS if request.path.endswith("/actions") else FIELDS).encode()


def poison_body(request: Request) -> bytes:
    """Return a well-formed body for the same operation that belongs to no call."""
    if request.path.endswith("/execute"):
        return json.dumps(ENVELOPE | {"data": {"served": POISON}}).encode()
    part = ACTIONS[0] if request.path.endswith("/actions") else FIELDS[0]
    return json.dumps([part | {"name": POISON}]).encode()


def good(request: Request) -> Script:
    """Return the script of a server without faults."""
    return (Send(ok(good_body(request))),)
