"""Puts replies on the wire, whole or broken.

A dropped connection is really dropped: the transport is aborted, and nothing more is written.
"""

import msgspec
from aiohttp import web

from refold_async.sandbox.faults import Fault
from refold_async.sandbox.pauses import Pauses
from refold_async.sandbox.replies import Reply, envelope, html_page, success

GARBAGE = b'\x00\xff<{"node_status": Success, data: [}'

# How often a hanging answer looks whether its client has gone.
HANG_CHECK = 0.2


def whole(reply: Reply) -> web.StreamResponse:
    """The reply as it is."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def drop(request: web.BaseRequest) -> web.StreamResponse:
    """Close the connection at once; what is given back is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def half(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the head and half of the body."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: max(1, len(reply.body) // 2)])
    return response


async def half_and_close(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send half of the answer and close."""
    response = await half(request, reply)
    if request.transport is not None:
        request.transport.close()
    return response


async def stall(request: web.BaseRequest, reply: Reply, pauses: Pauses) -> web.StreamResponse:
    """Send half of the answer, then wait until the client goes."""
    response = await half(request, reply)
    await hang(request, pauses)
    return response


async def hang(request: web.BaseRequest, pauses: Pauses) -> web.StreamResponse:
    """Wait until the client goes."""
    while request.transport is not None and not request.transport.is_closing():
        await pauses.sleep(HANG_CHECK)
    return drop(request)


def instead(fault: Fault, reply: Reply, request_id: str) -> Reply:
    """The reply that a fault puts in the place of the true one."""
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
        return reply._replace(body=reply.body[: int(len(reply.body) * fault.truncate)])
    return reply._replace(body=fault.garbage if isinstance(fault.garbage, bytes) else GARBAGE)


def _failure(fault: Fault, status: int, request_id: str) -> Reply:
    if fault.body == "html":
        return html_page(status, fault.headers)
    if fault.body == "empty":
        return Reply(status, b"", fault.headers)
    message = fault.message or f"Injected {status}"
    return envelope(status, message, code=fault.code, headers=fault.headers, more={"request_id": request_id})
