"""Fan-out: many calls in, one outcome each, as fast as the rate limits allow.

    async with refold.batch(calls, concurrency=100, per_account=2) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Done(call, result): ...
                case Failed(call, error): ...
                case Skipped(call, reason): ...

A batch uses its key's whole rate limit, counted per process. Several processes that share a key exceed it
together: Refold's 429s then pause each of them, and no call fails for that within its `patience`. Give
each process its share of the limit instead, e.g. `RateLimit(5, burst=2)` for each of four.

`batch.py` builds the objects: `reader.py` reads the `source.py` into the `scheduler.py`, the workers of
`worker_pool.py` take calls from there and attempt them with a `runner.py`; `journal/` wraps that runner and
makes a batch resumable.
"""

from refold_async.batch.batch import Batch, BatchReport
from refold_async.batch.journal import Journal
from refold_async.batch.selection import calls_of
from refold_async.batch.settings import BatchOptions, BatchSettings, PerAccount
from refold_async.batch.source import Calls
from refold_async.batch.summary import BatchProgress, BatchSummary, Connection
from refold_async.calls import Call, Done, Failed, Outcome, Reason, Skipped

__all__ = [
    "Batch",
    "BatchOptions",
    "BatchProgress",
    "BatchReport",
    "BatchSettings",
    "BatchSummary",
    "Call",
    "Calls",
    "Connection",
    "Done",
    "Failed",
    "Journal",
    "Outcome",
    "PerAccount",
    "Reason",
    "Skipped",
    "calls_of",
]
