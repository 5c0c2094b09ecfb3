"""What every client adapter is, and what they share: the request's parts and the typed decoder."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from benchmarks.payloads import ACCOUNT, API_KEY

Call = Callable[[], Awaitable[object]]
"""Executes the action once and gives back the decoded `data`."""

Adapter = Callable[[str, ssl.SSLContext | None], AbstractAsyncContextManager[Call]]
"""Opens a client on a base URL; the context is the one to trust where the URL is `https`."""

HEADERS = {
    "x-api-key": API_KEY,
    "linked_account_id": ACCOUNT,
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "benchmarks",
}


class Envelope(msgspec.Struct):
    """The fields of an execute answer that a client without an SDK would look at."""

    node_status: str
    data: object


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Envelope).decode


def data_of(body: bytes) -> object:
    """The answer's `data`, where the answer is a success."""
    envelope = decode(body)
    if envelope.node_status != "Success":
        raise RuntimeError(envelope.node_status)
    return envelope.data
