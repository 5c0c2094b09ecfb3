"""The bytes of answers: heads, chunks, error envelopes, and the good answer of every operation."""

import json

from .steps import Request, Script, Send

ACTIONS = [{"name": "Get Contact", "action_id": "get_contact", "description": "Reads.", "tag": "crm"}]
FIELDS = [{"name": "limit", "label": "Limit", "required": False, "type": "text"}]
ENVELOPE = {"node_status": "Success", "http_status": 200, "data": {"served": "well"}}
POISON = "this answer belongs to no call"
"""Stands in answers that were not asked for; a result that holds it came from the wrong bytes."""

JSON_FIELD = b"Content-Type: application/json"
HTML_FIELD = b"Content-Type: text/html"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
CHUNKED_FIELD = b"Transfer-Encoding: chunked"


def head(status: int | bytes, *fields: bytes) -> bytes:
    """A status line, or one made of raw bytes, and header lines, up to the empty line."""
    line = status if isinstance(status, bytes) else b"HTTP/1.1 %d Some Reason" % status
    return b"\r\n".join((line, *fields, b"", b""))


def reply(status: int | bytes, body: bytes = b"", *fields: bytes) -> bytes:
    """A whole answer, with the length of its body."""
    return head(status, *fields, b"Content-Length: %d" % len(body)) + body


def ok(body: bytes, *fields: bytes) -> bytes:
    """A whole answer of status 200 in JSON."""
    return reply(200, body, JSON_FIELD, *fields)


def chunks(body: bytes, size: int = 16) -> bytes:
    """A body in chunks, with the last one."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def error_envelope(status: int, message: str, **more: str) -> bytes:
    """The body of an error as the service itself writes it."""
    return json.dumps(
        {"status_code": status, "http_error_type": "Error", "message": message, **more}
    ).encode()


def good_body(request: Request) -> bytes:
    """What a well-behaved service answers: an envelope, the list of actions, or one action's fields."""
    if request.path.endswith("/execute"):
        return json.dumps(ENVELOPE).encode()
    return json.dumps(ACTIONS if request.path.endswith("/actions") else FIELDS).encode()


def poison_body(request: Request) -> bytes:
    """A well-formed answer to the same operation that was meant for nobody."""
    if request.path.endswith("/execute"):
        return json.dumps(ENVELOPE | {"data": {"served": POISON}}).encode()
    part = ACTIONS[0] if request.path.endswith("/actions") else FIELDS[0]
    return json.dumps([part | {"name": POISON}]).encode()


def good(request: Request) -> Script:
    """The script of a server without faults."""
    return (Send(ok(good_body(request))),)
