"""The figures of a job's report: those of all runs of its shards."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from refold_async.batch.figures import RunFigures, ShardFigures
from refold_async.batch.merged_figures import merged
from refold_async.errors import JournalError
from refold_async.fleet.job_reports import JobProgress


def job_figures(name: str, progress: JobProgress, runs: Sequence[RunFigures]) -> RunFigures:
    """Return the figures of a job.

    Args:
        name: Its name.
        progress: The state of its shards.
        runs: The figures of each run of each shard.

    Raises:
        JournalError: If no run has recorded figures.
    """
    if not runs:
        raise JournalError(f"no run of the job {name!r} has recorded figures yet")
    run, shards = merged(name, runs), progress.shards
    totals, running = run.summary, [each for each in shards if each.state == "running"]
    # What an earlier run had done is in the figures of that run.
    reasons = {reason: number for reason, number in totals.reasons.items() if reason != "done_before"}
    summary = replace(
        totals,
        done=totals.done - totals.replayed,
        replayed=0,
        skipped=sum(reasons.values()),
        reasons=reasons,
        under_way=sum(each.begun for each in running),
    )
    begun = sum(each.begun for each in shards)
    return replace(
        run,
        summary=summary,
        ended=not running,
        killed=False,
        run=None,
        calls={
            "done": progress.done,
            "failed": progress.failed,
            "unknown": progress.unknown,
            "begun": begun,
        },
        shards=tuple(
            ShardFigures(
                each.shard, each.state, each.done, each.failed, each.unknown, each.worker or "", each.seconds
            )
            for each in shards
        ),
    )
