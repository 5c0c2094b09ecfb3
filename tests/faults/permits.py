"""Finds what a client holds between two calls but should not."""

import asyncio
import select

from refold_async import Refold
from refold_async._core.sessions import Session
from refold_async._core.transport.fast import FastTransport
from refold_async._core.transport.public import PublicTransport


def held(refold: Refold, *, connections: int) -> list[str]:
    """Describe permits not released, calls not ended, and connections that are busy or not reusable."""
    return [words for session in refold._sessions._open.values() for words in _held_by(session, connections)]


def _held_by(session: Session, connections: int) -> list[str]:
    transport = session._connections._transport
    idle = _idle(transport)
    found = {
        repr(session): session.active,
        repr(session.limiter): not repr(session.limiter).endswith(" 0 waiting)"),
        f"{session.limiter!r} is not full": session.limiter.available != session.limiter._capacity,
        "a busy connection": _busy(transport, len(idle)),
        f"{len(idle)} idle connections": len(idle) > connections,
        "an unusable idle connection": not all(idle),
    }
    return [words for words, wrong in found.items() if wrong]


def _idle(transport: object) -> list[bool]:
    """Return, for each idle connection, whether it is reusable."""
    if isinstance(transport, FastTransport):
        return [kept.usable() for kept in transport._idle]
    assert isinstance(transport, PublicTransport)
    connector = transport._http.connector
    assert connector is not None
    protocols = [protocol for kept in connector._conns.values() for protocol, _ in kept]
    return [
        protocol.is_connected() and not protocol.should_close and not _readable(protocol.transport)
        for protocol in protocols
    ]


def _readable(transport: asyncio.Transport | None) -> bool:
    assert transport is not None
    return bool(select.select([transport.get_extra_info("socket")], [], [], 0)[0])


def _busy(transport: object, idle: int) -> bool:
    assert isinstance(transport, FastTransport | PublicTransport)
    connector = transport._http.connector
    assert connector is not None
    if isinstance(transport, FastTransport):
        return len(transport._kept) != idle or len(connector._acquired) != idle
    return bool(transport._busy or connector._acquired)
