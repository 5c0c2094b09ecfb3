"""A local Refold: an HTTP server with in-memory state, injected faults and a ledger of what ran.

    async with Sandbox(accounts=1000) as sandbox:
        print(sandbox.base_url, sandbox.api_key)
        sandbox.faults.add(Fault(effect="write", drop="after", probability=0.1))
        ...
        assert not sandbox.ledger.duplicates()

It does not import the client. `python -m refold_async.sandbox` runs it as a command, `SandboxThread`
in a synchronous program.
"""

from __future__ import annotations

from refold_async.sandbox.api.webhooks import Delivery
from refold_async.sandbox.faults import Fault
from refold_async.sandbox.ledger import Ledger, Run
from refold_async.sandbox.limits import SandboxLimit
from refold_async.sandbox.names import UnknownNameError
from refold_async.sandbox.request_log import ReceivedRequest
from refold_async.sandbox.server import Sandbox, SandboxThread

__all__ = [
    "Delivery",
    "Fault",
    "Ledger",
    "ReceivedRequest",
    "Run",
    "Sandbox",
    "SandboxLimit",
    "SandboxThread",
    "UnknownNameError",
]
