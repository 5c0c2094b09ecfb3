"""The fan-out: calls in, outcomes out, at the pace that the service and each customer allow.

    async with refold.batch(calls, concurrency=100, per_account=2) as outcomes:
        async for outcome in outcomes:
            match outcome:
                case Done(call, result): ...
                case Failed(call, error): ...
                case Skipped(call, reason): ...

Read it from `batch` (what a program holds) to `engine` (the workers), `lanes` (whose call goes next),
`reader` (the input) and `attempts` (one attempt); `journal` and what it names make a batch resumable.
"""

from refold_async.batch.batch import Batch, BatchReport
from refold_async.batch.call import Call
from refold_async.batch.journal import Journal
from refold_async.batch.outcomes import Done, Failed, Outcome, Reason, Skipped
from refold_async.batch.progress import BatchProgress
from refold_async.batch.settings import BatchOptions, BatchSettings, PerAccount
from refold_async.batch.source import Calls
from refold_async.batch.summary import BatchSummary, Connection

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
