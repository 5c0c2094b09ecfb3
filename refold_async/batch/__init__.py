"""The fan-out: calls in, outcomes out, at the pace that the service and each customer allow.

    async with refold.batch(calls, concurrency=100, per_account=2) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Done(call, result): ...
                case Failed(call, error): ...
                case Skipped(call, reason): ...

A batch fills its key's rate limit, and counts in its own process alone. Several processes that share a
key overrun it together: Refold's 429s then pause each of them, and no call fails for that within its
`patience`. Give each process its share of the limit instead, as `RateLimit(5, burst=2)` to each of four.

Read it from `batch` (what a program holds) to `pool` (the workers), `lanes` (whose call goes next),
`reader` (the input) and `attempts` (one attempt); `journal` and what it names make a batch resumable.
"""

from refold_async.batch.batch import Batch, BatchReport
from refold_async.batch.journal import Journal
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
]
