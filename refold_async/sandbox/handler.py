"""The road of one request: find its route, check its credentials, pace it, strike it, answer it."""

import math
import time

from aiohttp import web

from refold_async.sandbox import delivery
from refold_async.sandbox.auth import authenticate
from refold_async.sandbox.call import Call
from refold_async.sandbox.faults import UNHARMED, Fault
from refold_async.sandbox.replies import Refused, Reply, envelope
from refold_async.sandbox.requests import ReceivedRequest
from refold_async.sandbox.routing import Router
from refold_async.sandbox.world import World

NO_REPLY = Reply(0, b"")


class RequestHandler:
    """Answers requests; the server hands it each one."""

    def __init__(self, router: Router, world: World) -> None:
        self._router = router
        self._world = world
        self._arrived = 0

    async def travel(self, request: web.BaseRequest) -> web.StreamResponse:
        """The whole road, from the bytes of the body to the answer on the wire."""
        try:
            body = await request.content.read()
        except (ConnectionError, web.RequestPayloadError):
            return delivery.drop(request)
        received = self._receive(request, body)
        found = self._router.find(request.method, received.raw_path)
        if found is None:
            return _send(_unknown(request), received)
        route, path_params = found
        call = Call(request, route, path_params, body, self._world)
        refusal = self._refusal(call)
        return await self._answer(call, received) if refusal is None else _send(refusal, received)

    def _receive(self, request: web.BaseRequest, body: bytes) -> ReceivedRequest:
        self._arrived += 1
        url = request.rel_url
        received = ReceivedRequest(
            request.method, url.raw_path, url.raw_query_string, request.headers, body, time.time()
        )
        self._world.requests.add(received)
        return received

    def _refusal(self, call: Call) -> Reply | None:
        """The answer to a request without rights, or before its turn."""
        try:
            key = authenticate(call)
        except Refused as refusal:
            return refusal.reply
        early = self._world.limits.key_wait(key)
        if not early:
            return None
        headers = {"Retry-After": str(math.ceil(early))} if self._world.limits.retry_after else {}
        return envelope(
            429,
            "Too many requests",
            code="TOO_MANY_REQUESTS",
            headers=headers,
            more={"request_id": self._request_id()},
        )

    async def _answer(self, call: Call, received: ReceivedRequest) -> web.StreamResponse:
        world = self._world
        strike = world.faults.strike(call.target) if len(world.faults) else UNHARMED
        if delay := world.latency + strike.delay_before:
            await world.pauses.sleep(delay)
        fault = strike.fault
        reply = await _run(call) if fault is None or fault.runs else NO_REPLY
        if strike.delay_after:
            await world.pauses.sleep(strike.delay_after)
        return _send(reply, received) if fault is None else await self._harm(fault, call, reply, received)

    async def _harm(
        self, fault: Fault, call: Call, reply: Reply, received: ReceivedRequest
    ) -> web.StreamResponse:
        request = call.request
        if fault.hang:
            return await delivery.hang(request, self._world.pauses)
        if fault.drop in {"before", "after"}:
            return delivery.drop(request)
        if not (fault.drop or fault.stall):
            return _send(delivery.instead(fault, reply, self._request_id()), received)
        received.status = reply.status
        if fault.stall:
            return await delivery.stall(request, reply, self._world.pauses)
        return await delivery.half_and_close(request, reply)

    def _request_id(self) -> str:
        return f"req_{self._arrived:08d}"


async def _run(call: Call) -> Reply:
    try:
        return await call.route.handler(call)
    except Refused as refusal:
        return refusal.reply


def _send(reply: Reply, received: ReceivedRequest) -> web.StreamResponse:
    received.status = reply.status
    return delivery.whole(reply)


def _unknown(request: web.BaseRequest) -> Reply:
    return envelope(404, f"Cannot {request.method} {request.rel_url.raw_path}", code="RESOURCE_NOT_FOUND")
