"""Handles one request: finds its route, authenticates, rate-limits, injects a fault, responds.

A dropped connection is really dropped: the transport is aborted, and nothing more is written.
"""

from __future__ import annotations

import math
import time

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from refold_async.sandbox.authentication import authenticate
from refold_async.sandbox.console import Pages
from refold_async.sandbox.faults import NO_INJECTION, Fault
from refold_async.sandbox.request_log import ReceivedRequest
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import (
    JSON_HEADERS,
    Refused,
    SandboxResponse,
    envelope,
    html_page,
    success,
)
from refold_async.sandbox.routing import Route, Router
from refold_async.sandbox.state import SandboxContext
from refold_async.sandbox.tasks import Pauses

GARBAGE = b'\x00\xff<{"node_status": Success, data: [}'

HANG_CHECK = 0.2
"""Seconds between two checks of a hanging response for a client that has disconnected."""

_JSON_HEADERS = CIMultiDict(JSON_HEADERS)

NO_RESPONSE = SandboxResponse(0, b"")


class RequestHandler:
    """Answers the requests of the server."""

    def __init__(self, router: Router, context: SandboxContext, pages: Pages) -> None:
        self._router = router
        self._context = context
        self._pages = pages
        self._arrived = 0

    async def handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        """Read a request's body and respond."""
        try:
            # A body that came with its head is read without awaiting the stream.
            body = raw.content.read_nowait() if raw.content.is_eof() else await raw.content.read()
        except (ConnectionError, web.RequestPayloadError):
            return _drop(raw)
        if self._pages.owns(raw.rel_url.raw_path):
            return self._pages.respond(raw, body)
        received = self._receive(raw, body)
        found = self._router.find(raw.method, received.raw_path)
        if found is None:
            return _send(_unknown(raw), received)
        route, path_params = found
        request = SandboxRequest(
            raw,
            operation=route.operation,
            scope=route.scope,
            path_params=path_params,
            body=body,
            context=self._context,
        )
        refusal = self._refusal(request)
        return await self._answer(route, request, received) if refusal is None else _send(refusal, received)

    def _receive(self, raw: web.BaseRequest, body: bytes) -> ReceivedRequest:
        self._arrived += 1
        url = raw.rel_url
        received = ReceivedRequest(
            raw.method, url.raw_path, url.raw_query_string, raw.headers, body, time.time()
        )
        self._context.requests.add(received)
        return received

    def _refusal(self, request: SandboxRequest) -> SandboxResponse | None:
        """Return the response to a request that is not authorised or exceeds the rate limit."""
        try:
            key = authenticate(request)
        except Refused as refusal:
            return refusal.response
        limits = self._context.limits
        early = limits.key_wait(key)
        if not early:
            return None
        return envelope(
            429,
            "Too many requests",
            code="TOO_MANY_REQUESTS",
            headers={"Retry-After": str(math.ceil(early))} if limits.retry_after else {},
            more={"request_id": self._request_id()},
        )

    async def _answer(
        self, route: Route, request: SandboxRequest, received: ReceivedRequest
    ) -> web.StreamResponse:
        context = self._context
        injection = context.faults.inject(route.target(request)) if len(context.faults) else NO_INJECTION
        if delay := context.latency + injection.delay_before:
            await context.pauses.sleep(delay)
        fault = injection.fault
        response = await (_run(route, request) if fault is None else self._run_faulty(route, request, fault))
        if injection.delay_after:
            await context.pauses.sleep(injection.delay_after)
        if fault is None or not fault.outcomes:
            return _send(response, received)
        try:
            return await self._send_faulty(fault, request.raw, response, received)
        except ConnectionError:  # the client has left: without this, aiohttp would log a traceback
            return _drop(request.raw)

    async def _run_faulty(self, route: Route, request: SandboxRequest, fault: Fault) -> SandboxResponse:
        if fault.late:
            self._context.background.start(lambda: self._run_late(route, request, fault.late))
        if not fault.runs:
            return NO_RESPONSE
        request.paging_fault = fault.paging
        if fault.twice:
            await _run(route, request)
        return await _run(route, request)

    async def _run_late(self, route: Route, request: SandboxRequest, seconds: float) -> None:
        await self._context.pauses.sleep(seconds)
        await _run(route, request)

    async def _send_faulty(
        self, fault: Fault, raw: web.BaseRequest, response: SandboxResponse, received: ReceivedRequest
    ) -> web.StreamResponse:
        if fault.hang:
            return await _hang(raw, self._context.pauses)
        if fault.drop in {"before", "after"}:
            return _drop(raw)
        if not (fault.drop or fault.stall):
            return _send(_replacement(fault, response, self._request_id()), received)
        received.status = response.status
        if fault.stall:
            return await _stall(raw, response, self._context.pauses)
        return await _send_half_and_close(raw, response)

    def _request_id(self) -> str:
        return f"req_{self._arrived:08d}"


async def _run(route: Route, request: SandboxRequest) -> SandboxResponse:
    try:
        return await route.handler(request)
    except Refused as refusal:
        return refusal.response


def _unknown(raw: web.BaseRequest) -> SandboxResponse:
    return envelope(404, f"Cannot {raw.method} {raw.rel_url.raw_path}", code="RESOURCE_NOT_FOUND")


def _replacement(fault: Fault, response: SandboxResponse, request_id: str) -> SandboxResponse:
    """Return the response that a fault sends instead of the true one."""
    if fault.status is not None:
        return _failure(fault, fault.status, request_id)
    if fault.node_status is not None:
        message = {"message": fault.message or f"Injected {fault.node_status}"}
        data = message if fault.data is msgspec.UNSET else fault.data
        body = {"node_status": fault.node_status, "data": data}
        if fault.http_status is not None:
            body["http_status"] = fault.http_status
        return success(body)
    if fault.truncate is not None:
        return response._replace(body=response.body[: int(len(response.body) * fault.truncate)])
    return response._replace(body=fault.garbage if isinstance(fault.garbage, bytes) else GARBAGE)


def _failure(fault: Fault, status: int, request_id: str) -> SandboxResponse:
    if fault.body == "html":
        return html_page(status, fault.headers)
    if fault.body == "empty":
        return SandboxResponse(status, b"", fault.headers)
    message = fault.message or f"Injected {status}"
    return envelope(status, message, code=fault.code, headers=fault.headers, more={"request_id": request_id})


def _send(response: SandboxResponse, received: ReceivedRequest) -> web.StreamResponse:
    received.status = response.status
    # Copied by multidict itself, which is faster than aiohttp's conversion of a mapping.
    headers = _JSON_HEADERS.copy() if response.headers is JSON_HEADERS else response.headers
    return web.Response(status=response.status, body=response.body, headers=headers)


def _drop(raw: web.BaseRequest) -> web.StreamResponse:
    """Abort the connection."""
    if raw.transport is not None:
        raw.transport.abort()
    # aiohttp wants a response from every handler; on an aborted transport it is never written.
    return web.Response()


async def _send_half(raw: web.BaseRequest, response: SandboxResponse) -> web.StreamResponse:
    """Send the headers and half of the body."""
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(response.body)
    await stream.prepare(raw)
    await stream.write(response.body[: max(1, len(response.body) // 2)])
    return stream


async def _send_half_and_close(raw: web.BaseRequest, response: SandboxResponse) -> web.StreamResponse:
    stream = await _send_half(raw, response)
    if raw.transport is not None:
        # Closed, not aborted: the half that is sent must reach the client.
        raw.transport.close()
    return stream


async def _stall(raw: web.BaseRequest, response: SandboxResponse, pauses: Pauses) -> web.StreamResponse:
    """Send half of the response, then wait until the client disconnects."""
    stream = await _send_half(raw, response)
    await _hang(raw, pauses)
    return stream


async def _hang(raw: web.BaseRequest, pauses: Pauses) -> web.StreamResponse:
    """Wait until the client disconnects."""
    # aiohttp cancels no handler when its client leaves, so the transport has to be polled.
    while raw.transport is not None and not raw.transport.is_closing():
        await pauses.sleep(HANG_CHECK)
    return _drop(raw)
