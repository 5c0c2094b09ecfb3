"""The log of received requests, each with the status of its response."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from threading import Lock
from urllib.parse import parse_qsl, unquote

import msgspec


class ReceivedRequest(msgspec.Struct, gc=False):
    """One request as it was received.

    Attributes:
        method: The HTTP method.
        raw_path: The path as it was sent, percent-encoded.
        query_string: The part after the `?`, as it was sent.
        headers: All headers, including credentials; lookup ignores case.
        body: The bytes of the body.
        at: When it arrived, in seconds since the epoch.
        status: The status of the response; `None` while it is pending and for a dropped request.
    """

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    status: int | None = None

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        """The query's values by name; the last one if a name is repeated."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def json(self) -> object:
        """Return the decoded body; raises `msgspec.DecodeError` if it is not JSON."""
        return msgspec.json.decode(self.body)


class RequestLog:
    """The latest requests, oldest first, behind a lock so that any thread can read them."""

    def __init__(self, limit: int) -> None:
        self._requests: deque[ReceivedRequest] = deque(maxlen=limit)
        self._lock = Lock()

    def add(self, request: ReceivedRequest) -> None:
        """Add a request, dropping the oldest if the log is full."""
        with self._lock:
            self._requests.append(request)

    def snapshot(self) -> list[ReceivedRequest]:
        """Return the requests kept, oldest first."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()
