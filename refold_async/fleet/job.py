"""`Job`: a batch in shards, which any engine or plain processes can run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, Unpack, cast

from anyio.to_thread import run_sync as in_thread

from refold_async._core.checks import check_count
from refold_async._core.json_lines import json_line
from refold_async.batch import BatchOptions, BatchSettings, Journal, PerAccount
from refold_async.batch.rows import done_fields
from refold_async.batch.settings import ResultCheck
from refold_async.calls import Call, Done
from refold_async.client import Refold
from refold_async.errors import JournalInUseError, SettingsError
from refold_async.fleet.job_reports import (
    JobProgress,
    JobSummary,
    ShardReport,
    read_progress,
    read_summary,
    save_report,
)
from refold_async.fleet.shards import Accounts, JobFolder, Parts, accounts_of, checked_calls
from refold_async.settings import RateLimit
from refold_async.settle import Settle

CallsOfShard = Callable[[Sequence[str]], Iterable[Call] | AsyncIterable[Call]]
"""Returns the calls of the customers it is given."""

_WAIT: Final = 1.0
_PART_ROWS: Final = 1000


class JobOptions(TypedDict, total=False):
    """The keyword settings that a `Job` passes to each shard's batch; see `BatchOptions`."""

    concurrency: int
    per_account: int | RateLimit | PerAccount | None
    window: int
    timeout: float | None
    patience: float
    on_failure: Literal["collect", "stop"]
    stop_at_failure_share: float | None
    settle: Settle | None
    result_check: ResultCheck | None
    validate: bool


class Job:
    """A named batch in shards; each may be run anywhere on this host, at any time, and again.

    All calls of a customer are in one shard, whose journal makes a second run harmless. It holds settings
    only, so it can be pickled; the key comes from the worker's `REFOLD_API_KEY`.

    Args:
        name: The name of the job; its folder is refused to a job with another name.
        calls: Called on the worker with the customers of one shard; returns their calls, each with a `key`.
            A function of a module, so that it can be pickled.
        accounts: The path of a file with one linked account id per line, which every worker can read; or the
            ids.
        journal: A folder on this host: one SQLite journal per shard. Not on a network file system.
        shards: The number of shards, frozen when the job first runs; default 64.
        results: A folder for the results; default: none are written. Each call that is done has exactly one
            row, in one `shard-0007/part-000012.jsonl`.
        client: The keyword settings of the `Refold` that each run creates; default: none.
        options: Settings of each shard's batch; see `JobOptions`.

    Raises:
        SettingsError: If a setting cannot work.
    """

    def __init__(
        self,
        name: str,
        calls: CallsOfShard,
        *,
        accounts: Accounts,
        journal: str | os.PathLike[str],
        shards: int = 64,
        results: str | os.PathLike[str] | None = None,
        client: Mapping[str, Any] | None = None,
        **options: Unpack[JobOptions],
    ) -> None:
        if not isinstance(name, str) or not name:
            raise SettingsError(f"Job: name must be a non-empty string, not {name!r}")
        if not callable(calls):
            raise SettingsError(f"Job: calls must be a function of account ids, not {type(calls).__name__}")
        check_count("Job: shards", shards)
        if not isinstance(journal, str | os.PathLike) or "://" in os.fspath(journal):
            # The value is not shown: a URL may contain a password.
            raise SettingsError("Job: journal must be the path of a folder")
        if "api_key" in (client or {}):
            raise SettingsError("Job: client must not contain api_key; set REFOLD_API_KEY on each worker")
        if not isinstance(accounts, str | os.PathLike):
            accounts = tuple(accounts)  # an iterator would be empty for the second shard
        if journal_options := {"journal", "on_progress"} & set(options):
            raise SettingsError(f"Job: {min(journal_options)} cannot be set for a shard")
        BatchSettings(**options)
        self.name: Final = name
        self._calls: Final = calls
        self._accounts: Final = accounts
        self._shards: Final = shards
        self._folder: Final = JobFolder(journal)
        self._results: Final = None if results is None else Path(results)
        self._client: Final = dict(client or {})
        self._options: Final = options

    def __repr__(self) -> str:
        return f"Job({self.name!r}, shards={self._shards}, journal={str(self._folder.path)!r})"

    def shards(self) -> range:
        """Return the shards: what an engine is given one by one."""
        return range(self._shards)

    def accounts(self, shard: int) -> list[str]:
        """Return the customers of a shard.

        Raises:
            SettingsError: If there is no such shard, or the file of accounts cannot be read.
        """
        return list(accounts_of(self._accounts, self._checked(shard), self._shards))

    async def run(self, shard: int) -> ShardReport:
        """Run a shard to its end. Idempotent: calls that are done are not run again.

        While another process on this host runs the shard, it waits, and then completes what is left.

        Raises:
            SettingsError: If there is no such shard, the folder belongs to another job, or a call has no key.
            JournalError: If the shard's journal cannot be used.
        """
        await in_thread(self._folder.create, self.name, self._shards)
        accounts = await in_thread(self.accounts, shard)
        while True:
            try:
                return await self._run(shard, accounts)
            except JournalInUseError:
                await asyncio.sleep(_WAIT)

    def run_sync(self, shard: int) -> ShardReport:
        """Run a shard in an event loop of its own, from a thread that has none; see `run`."""
        return asyncio.run(self.run(shard))

    def progress(self) -> JobProgress:
        """Return the state of each shard, from any process on this host, also while they run.

        Raises:
            JournalError: If a journal cannot be read.
        """
        return read_progress(self._folder, self._shards)

    def summary(self) -> JobSummary:
        """Return the totals, the unknown writes and the result files; see `progress`.

        Raises:
            JournalError: If a journal cannot be read.
        """
        return read_summary(self._folder, self._shards, self._results)

    async def _run(self, shard: int, accounts: Sequence[str]) -> ShardReport:
        journal = Journal(self._folder.journal(shard), job=f"{self.name} [{shard}/{self._shards}]")
        options = cast("BatchOptions", {**self._options, "journal": journal})
        calls = checked_calls(self._calls(accounts), shard, self._shards)
        async with Refold(**self._client) as refold, refold.batch(calls, **options) as batch:
            # After the journal is owned: nobody else writes parts of this shard then.
            parts = None if self._results is None else await in_thread(Parts, self._part_folder(shard))
            async for group in batch.groups(least=1 if parts is None else _PART_ROWS):
                if parts is not None:
                    rows = [
                        (outcome.call, json_line(done_fields(outcome)))
                        for outcome in group
                        if isinstance(outcome, Done)
                    ]
                    await in_thread(partial(parts.add, rows))
            totals = batch.summary
            report = ShardReport(
                shard=shard,
                done=totals.done,
                failed=totals.failed,
                done_before=totals.reasons.get("done_before", 0),
                skipped=totals.skipped - totals.reasons.get("done_before", 0),
                seconds=totals.seconds,
            )
            # Before the journal is released: a later run's report must not be replaced by this one.
            await in_thread(save_report, self._folder, report)
        return report

    def _part_folder(self, shard: int) -> Path:
        assert self._results is not None  # noqa: S101 - the caller has checked it
        return self._results / f"shard-{shard:04d}"

    def _checked(self, shard: int) -> int:
        if isinstance(shard, bool) or not isinstance(shard, int) or not 0 <= shard < self._shards:
            raise SettingsError(f"Job: shard must be from 0 to {self._shards - 1}, not {shard!r}")
        return shard
