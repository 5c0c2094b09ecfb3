"""Responses: success, and the service's error bodies.

The internal code is under `error` in some of Refold's bodies and under `error_code` in others, so
`envelope` takes the name of the field and each body keeps the one it is documented with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

CodeField = Literal["error", "error_code"]

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}
HTML_HEADERS: Mapping[str, str] = {"Content-Type": "text/html"}

ERROR_TYPES: Mapping[int, str] = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    501: "NOT_IMPLEMENTED",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
}

NOTHING: Mapping[str, str] = MappingProxyType({})

_encode = msgspec.json.Encoder().encode


class SandboxResponse(NamedTuple):
    """A status, a body and the headers to send with it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON_HEADERS


class Refused(Exception):
    """Raised anywhere below a handler to end the request with a response."""

    def __init__(self, response: SandboxResponse) -> None:
        super().__init__(response.status, response.body)
        self.response = response


def success(value: object, status: int = 200) -> SandboxResponse:
    """Return a JSON response with `value` as its body."""
    return SandboxResponse(status, _encode(value))


def envelope(
    status: int,
    message: str,
    *,
    code: str = "SERVER_ERROR",
    code_field: CodeField = "error_code",
    error_type: str | None = None,
    headers: Mapping[str, str] = NOTHING,
    more: Mapping[str, object] = NOTHING,
) -> SandboxResponse:
    """Return the service's error body; `more` adds fields to the four it always has."""
    body = {
        "status_code": status,
        "http_error_type": error_type or ERROR_TYPES.get(status, "SERVER_ERROR"),
        code_field: code,
        "message": message,
        **more,
    }
    return SandboxResponse(status, _encode(body), {**JSON_HEADERS, **headers})


def html_page(status: int, headers: Mapping[str, str] = NOTHING) -> SandboxResponse:
    """Return what a proxy in front of the service answers: a page instead of JSON."""
    title = f"{status} {ERROR_TYPES.get(status, 'ERROR').replace('_', ' ').title()}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><hr>nginx</body></html>"
    return SandboxResponse(status, page.encode(), {**HTML_HEADERS, **headers})


def refused(
    status: int, message: str, code: str = "SERVER_ERROR", field: CodeField = "error_code"
) -> Refused:
    """Return an error envelope to raise; `field` names the field of the internal code."""
    return Refused(envelope(status, message, code=code, code_field=field))


def refused_bare(status: int, message: str) -> Refused:
    """Return the two-field error body of datastores and workflow execution, to raise."""
    return Refused(
        SandboxResponse(status, msgspec.json.encode({"message": "Server Error", "error": message}))
    )


def not_in_sandbox(what: str) -> Refused:
    """Return a 501 for behaviour that the reference leaves undocumented."""
    return refused(501, f"{what} is not available in the sandbox")
