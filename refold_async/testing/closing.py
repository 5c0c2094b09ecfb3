"""Closing a client from outside of its event loop, between the steps of a test runner."""

from __future__ import annotations

from refold_async.client import Refold


def close(client: Refold) -> None:
    """Close a client's connections in the event loops where they are open, none of which runs now.

    A loop that was closed has closed them already.
    """
    for session in [*client._sessions._open.values()]:  # noqa: SLF001 - a client is closed from within its loop alone
        if not session.loop.is_closed() and not session.loop.is_running():
            session.loop.run_until_complete(session.aclose())
