"""The servers behind recordings: a proxy that records the service, and a server that replays it."""

from __future__ import annotations

import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Final, Protocol

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from refold_async.testing.exchanges import Exchange, RecordedRequest, RecordedResponse, Scrubber

_KEPT: Final = ("Content-Type", "Retry-After")
_CREDENTIALS: Final = ("x-api-key", "Authorization")
_HOP_BY_HOP: Final = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}
)


class ExchangeServer(Protocol):
    """Responds to requests."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Return the response to a request."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


@contextlib.asynccontextmanager
async def listening(server: ExchangeServer) -> AsyncIterator[str]:
    """Run a server on a free local port, and yield its base URL."""
    runner = web.ServerRunner(web.Server(server.answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{site.port}"
    finally:
        await runner.cleanup()
        await server.aclose()


def _record(request: web.BaseRequest, body: bytes, scrubber: Scrubber) -> RecordedRequest:
    account = request.headers.get("linked_account_id")
    return RecordedRequest(
        method=request.method,
        target=scrubber.text(request.raw_path),
        linked_account_id=None if account is None else scrubber.text(account),
        body=scrubber.body(body),
    )


class RecordingProxy:
    """Forwards requests to the real service, and records its responses.

    Attributes:
        exchanges: The requests and responses so far, without secrets.
    """

    def __init__(self, base_url: str, scrubber: Scrubber) -> None:
        self._base_url = base_url
        self._scrubber = scrubber
        self._http: aiohttp.ClientSession | None = None
        self.exchanges: list[Exchange] = []

    async def aclose(self) -> None:
        """Close the connections to the service."""
        if self._http is not None:
            await self._http.close()

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Forward a request and return its response."""
        for name in _CREDENTIALS:
            self._scrubber.learn(request.headers.get(name, "").removeprefix("Bearer "))
        body = await request.content.read()
        status, headers, answer = await self._forward(request, body)
        response = RecordedResponse(status=status, headers=headers, body=self._scrubber.answer(answer))
        self.exchanges.append(Exchange(request=_record(request, body, self._scrubber), response=response))
        return web.Response(status=status, headers=headers, body=answer)

    async def _forward(self, request: web.BaseRequest, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self._http = self._http or aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        headers = [
            (name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP
        ]
        async with self._http.request(
            request.method,
            URL(self._base_url + request.raw_path, encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
        ) as reply:
            kept = {name: reply.headers[name] for name in _KEPT if name in reply.headers}
            return reply.status, kept, await reply.read()


class ReplayServer:
    """Responds with recorded responses.

    Attributes:
        remaining: The exchanges not yet replayed, by request.
        unexpected: The requests that were not recorded.
    """

    def __init__(self, exchanges: Iterable[Exchange], scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self.remaining: dict[bytes, deque[Exchange]] = defaultdict(deque)
        self.unexpected: list[RecordedRequest] = []
        for exchange in exchanges:
            self.remaining[_key(exchange.request)].append(exchange)

    async def aclose(self) -> None:
        """No-op."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Return the next recorded response to a request."""
        asked = _record(request, await request.content.read(), self._scrubber)
        exchanges = self.remaining.get(_key(asked))
        if not exchanges:
            self.unexpected.append(asked)
            return _not_recorded(asked)
        response = exchanges.popleft().response
        return web.Response(status=response.status, headers=response.headers, body=response.body.encode())


def _key(recorded: RecordedRequest) -> bytes:
    return msgspec.json.encode(recorded, order="sorted")


def _not_recorded(recorded: RecordedRequest) -> web.Response:
    body = {"status_code": 501, "error_code": "NOT_RECORDED", "message": f"not in the recording: {recorded}"}
    return web.Response(status=501, content_type="application/json", body=msgspec.json.encode(body))
