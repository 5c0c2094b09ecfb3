"""Attributes of spans and metrics, named by OpenTelemetry's semantic conventions where one applies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from refold_async.calls import Failed, Outcome, Skipped
from refold_async.errors import RefoldError
from refold_async.hooks import CallFacts

AccountIds = Literal["hash", "plain"] | Callable[[str], str] | None
"""How spans identify the customer: hashed, plain, by a function of yours, or not at all."""

AccountAttribute = Callable[[CallFacts], Mapping[str, str]]


def account_attribute(chosen: AccountIds) -> AccountAttribute:
    """Return the function that returns a call's customer attribute.

    Raises:
        ValueError: If `chosen` is not one of `AccountIds`.
    """
    if chosen is None:
        return lambda _: {}
    if chosen == "plain":
        return _named("refold.linked_account_id", str)
    if chosen == "hash":
        return _named("refold.linked_account_id.hash", _hash)
    if callable(chosen):
        return _named("refold.linked_account_id", chosen)
    raise ValueError(f"linked_account_ids must be 'hash', 'plain', a function or None, not {chosen!r}")


def _named(name: str, say: Callable[[str], str]) -> AccountAttribute:
    return lambda call: {} if call.linked_account_id is None else {name: say(call.linked_account_id)}


def _hash(linked_account_id: str) -> str:
    return hashlib.sha256(linked_account_id.encode()).hexdigest()[:16]


def call_attributes(call: CallFacts) -> dict[str, str | int]:
    """Return the attributes of a logical call."""
    values = {
        "refold.operation": call.operation,
        "refold.slug": call.slug,
        "refold.action_id": call.action_id,
        "refold.effect": call.effect,
    }
    return {
        **{name: value for name, value in values.items() if value is not None},
        **server_attributes(call.server),
    }


def request_attributes(call: CallFacts) -> dict[str, str | int]:
    """Return the attributes shared by a call's HTTP requests."""
    return {
        "http.request.method": call.method,
        "url.template": call.path,
        "url.scheme": urlsplit(call.server).scheme,
        **server_attributes(call.server),
    }


@lru_cache(maxsize=64)
def server_attributes(base_url: str) -> Mapping[str, str | int]:
    """Return the server attributes of a base URL."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}


def response_attributes(status: int | None, error: BaseException | None) -> dict[str, str | int]:
    """Return the attributes of an HTTP response."""
    values: dict[str, str | int] = {} if status is None else {"http.response.status_code": status}
    if status is not None and status >= 400:
        values["error.type"] = str(status)
    elif error is not None:
        values["error.type"] = type(error).__name__
    return values


def failure_attributes(error: BaseException | None, fate: str | None) -> dict[str, str | int]:
    """Return the attributes of a failed call. Messages are excluded: they may contain the service's text."""
    values: dict[str, str | int] = {}
    if error is not None:
        values["error.type"] = type(error).__name__
    if fate is not None:
        values["refold.fate"] = fate
    if isinstance(error, RefoldError) and error.status is not None:
        values["http.response.status_code"] = error.status
    return values


def outcome_attributes(outcome: Outcome) -> dict[str, str | int]:
    """Return the attributes of a batch's outcome."""
    values: dict[str, str | int] = {
        "refold.outcome": type(outcome).__name__.lower(),
        "refold.slug": outcome.call.slug,
    }
    if isinstance(outcome, Failed):
        values |= {"error.type": type(outcome.error).__name__, "refold.fate": outcome.error.fate}
    elif isinstance(outcome, Skipped):
        values["refold.reason"] = outcome.reason
    return values
