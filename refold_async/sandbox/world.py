"""All that one sandbox holds, handed to every request."""

from dataclasses import dataclass

from refold_async.sandbox.background import BackgroundTasks
from refold_async.sandbox.faults import FaultBook
from refold_async.sandbox.ledger import Ledger
from refold_async.sandbox.limits import Limits
from refold_async.sandbox.pauses import Pauses
from refold_async.sandbox.requests import RequestLog
from refold_async.sandbox.state import Organisation


@dataclass(slots=True)
class World:
    """The state, the books and the clocks of a sandbox."""

    organisation: Organisation
    api_keys: list[str]
    ledger: Ledger
    requests: RequestLog
    faults: FaultBook
    limits: Limits
    pauses: Pauses
    background: BackgroundTasks
    latency: float = 0.0
