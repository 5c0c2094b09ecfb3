"""Reading the reply to an execute. Pure functions."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from refold_async._core.decoding import BOM, read_as
from refold_async._core.lenient_json import loads, members
from refold_async._core.responses import Response, bounded, redact, refuses, retry_after, status_error
from refold_async.errors import Fate, UnreadableReplyError
from refold_async.results import ActionFailed, ActionResult, restored


class _ActionEnvelope(msgspec.Struct, gc=False):
    node_status: Any = None
    http_status: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_decode_envelope: Final = msgspec.json.Decoder(_ActionEnvelope).decode

SUCCESS: Final = "Success"

_UNENDED: Final = frozenset({"Ready", "Waiting", "Stopped", "Timed_Out"})
"""What Refold calls an action that has not ended, or not by itself: the app's status is not its last word."""


def read_result(_: type[ActionResult], reply: Response, secret: str = "") -> ActionResult:
    """Read the reply to an execute.

    Raises:
        StatusError: If the reply's status is not a success.
        ActionFailed: If the status is a success, but `node_status` is not.
        UnreadableReplyError: If the body is not the result of an action.
    """
    if not 200 <= reply.status < 300:
        raise status_error(reply, secret=secret)
    try:
        envelope = _decode_envelope(reply.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        envelope = _odd_envelope_of(reply.body.removeprefix(BOM))
    status, number = envelope.node_status, envelope.http_status
    if not isinstance(status, str):
        raise UnreadableReplyError(
            "the reply has no node_status, so it is not the result of an action", fate="unknown"
        )
    result = ActionResult(status, number if type(number) is int else _number(number), envelope.data)
    if status != SUCCESS:
        error = _failure(result, secret)
        error.retry_after = retry_after(reply.headers.get("Retry-After"))
        raise error
    return result


def _odd_envelope_of(body: bytes) -> _ActionEnvelope:
    """Read an envelope that is JSON for its grammar only, and keep its data as it came.

    Raises:
        UnreadableReplyError: If it is not JSON, or not an object.
    """
    try:
        found = members(body)
        status, number = (loads(found.get(name, b"null")) for name in ("node_status", "http_status"))
    except (ValueError, RecursionError):
        return read_as(_ActionEnvelope, body)
    return _ActionEnvelope(status, number, msgspec.Raw(found.get("data", b"null")))


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9]\d{2}", value) else None


def _failure(result: ActionResult, secret: str) -> ActionFailed:
    result = _without(secret, result)
    status = result.http_status
    # The app's 429 as well as a 5xx: part of it may have been done, in whatever form the app says so.
    refused = status is not None and status >= 400 and status != 429 and refuses(status)
    fate: Fate = "rejected" if refused and result.node_status not in _UNENDED else "unknown"
    told = f", http_status {status}" if status is not None else ""
    said = bounded(bytes(memoryview(result.raw)[:2000]).decode(errors="replace"))
    return ActionFailed(
        f"the action ended as {bounded(result.node_status)}{told}: {said}", result=result, fate=fate
    )


def _without(secret: str, result: ActionResult) -> ActionResult:
    """Return a result without the credential, since its error may be logged or pickled."""
    # Latin-1 keeps every byte as it is, also those of broken UTF-8.
    clean = redact(bytes(result.raw).decode("latin-1"), secret).encode("latin-1")
    return restored(redact(result.node_status, secret), result.http_status, clean)
