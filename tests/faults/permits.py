"""What a client still holds between two calls that it should not."""

import asyncio
import select

from refold_async import Refold
from refold_async.sessions import Session
from refold_async.transport.direct import DirectRoad
from refold_async.transport.public import PublicRoad


def held(refold: Refold, *, connections: int) -> list[str]:
    """Give in words: places not given back, calls not ended, connections busy or not fit for another call."""
    return [words for session in refold._sessions._open.values() for words in _held_by(session, connections)]


def _held_by(session: Session, connections: int) -> list[str]:
    road = session._transport._road
    idle = _idle(road)
    found = {
        repr(session): session.active,
        repr(session.gate): not repr(session.gate).endswith(" 0 waiting)"),
        f"{session.gate!r} is not full": session.gate.free != session.gate._places,
        "a busy connection": _busy(road, len(idle)),
        f"{len(idle)} idle connections": len(idle) > connections,
        "an idle connection in doubt": not all(idle),
    }
    return [words for words, wrong in found.items() if wrong]


def _idle(road: object) -> list[bool]:
    """Whether each idle connection is fit for another call."""
    if isinstance(road, DirectRoad):
        return [kept.usable() for kept in road._idle]
    assert isinstance(road, PublicRoad)
    connector = road._http.connector
    assert connector is not None
    protocols = [protocol for kept in connector._conns.values() for protocol, _ in kept]
    return [
        protocol.is_connected() and not protocol.should_close and not _readable(protocol.transport)
        for protocol in protocols
    ]


def _readable(transport: asyncio.Transport | None) -> bool:
    assert transport is not None
    return bool(select.select([transport.get_extra_info("socket")], [], [], 0)[0])


def _busy(road: object, idle: int) -> bool:
    assert isinstance(road, DirectRoad | PublicRoad)
    connector = road._http.connector
    assert connector is not None
    if isinstance(road, DirectRoad):
        return len(road._kept) != idle or len(connector._acquired) != idle
    return bool(road._busy or connector._acquired)
