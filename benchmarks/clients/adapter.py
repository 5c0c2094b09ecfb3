"""The type of client adapters, and what they share: request headers and the typed decoder."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from benchmarks.payloads import ACCOUNT, API_KEY

Call = Callable[[], Awaitable[object]]
"""Executes the action once and returns the decoded `data`."""

Adapter = Callable[[str, ssl.SSLContext | None], AbstractAsyncContextManager[Call]]
"""Opens a client for a base URL, with the TLS context for `https`."""

HEADERS = {
    "x-api-key": API_KEY,
    "linked_account_id": ACCOUNT,
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "benchmarks",
}


class Envelope(msgspec.Struct):
    """The fields of an execute response that a client without an SDK would read."""

    node_status: str
    data: object


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Envelope).decode


def data_of(body: bytes) -> object:
    """Return the `data` of a successful response."""
    envelope = decode(body)
    if envelope.node_status != "Success":
        raise RuntimeError(envelope.node_status)
    return envelope.data
