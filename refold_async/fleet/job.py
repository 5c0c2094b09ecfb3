"""`Job`: a batch in shards, which any engine or plain processes can run."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Unpack, cast, get_args

import msgspec
from anyio.to_thread import run_sync as in_thread

from refold_async._core.checks import check_choice, check_count
from refold_async.batch import BatchOptions, BatchProgress, BatchSettings, Journal
from refold_async.batch.journal.database_url import check_database, is_database
from refold_async.batch.rows import ResultRow
from refold_async.batch.settings import FanOutOptions, ResultCheck
from refold_async.batch.source import mapped
from refold_async.calls import Call
from refold_async.errors import SettingsError
from refold_async.fleet.folder import JobFolder
from refold_async.fleet.job_file import JobFile, claim_folder
from refold_async.fleet.job_reports import JobProgress, JobSummary, ShardReport
from refold_async.fleet.keys import ClientOf, ClientSettings, KeyGroup, group_by_key
from refold_async.fleet.parts import Parts, part_folder
from refold_async.fleet.shard_calls import ShardCalls
from refold_async.fleet.shard_run import ShardRun, ShardWork
from refold_async.fleet.shard_walks import ShardWalks
from refold_async.fleet.shards import Accounts, ShardCheck, WalkCheck, accounts_of, count_accounts, peek
from refold_async.fleet.store import JobStore
from refold_async.row_files import FileFormat, schema_of
from refold_async.settle import Settle
from refold_async.walks import Walk, WalkOptions

CallsOfShard = (
    Callable[[Sequence[str]], Iterable[Call] | AsyncIterable[Call]]
    | Callable[[Sequence[str]], Iterable[Walk] | AsyncIterable[Walk]]
)
"""Returns the calls of the customers it is given, or a walk of each."""


class JobOptions(FanOutOptions, total=False):
    """The keyword settings that a `Job` passes to each shard's batch; see `BatchOptions`.

    Keys:
        retry_unknown: As in `Journal`.
        on_progress: Called in the worker; with several keys, for the batch of each.
    """

    settle: Settle | None
    result_check: ResultCheck | None
    validate: bool
    on_progress: Callable[[BatchProgress], object] | None
    retry_unknown: bool


class Job:
    """A named batch in shards; each may be run anywhere, at any time, and again.

    All calls of a customer are in one shard, whose journal makes a second run harmless. Or a pull in shards:
    a walk of each customer, whose records are in the files that `Refold.pull` writes. It holds settings
    only, so it can be pickled; the key comes from the worker's `REFOLD_API_KEY`.

    Args:
        name: The name of the job; its folder is refused to a job with another name, and a database keeps jobs
            apart by it.
        calls: Called on the worker with the customers of one shard; returns their calls, each with a `key`,
            or a `Walk` of each, all of one action. A function of a module, so that it can be pickled.
        accounts: The path of a file with one linked account id per line, which every worker can read; or the
            ids.
        journal: A folder on this host: one SQLite journal per shard. Not on a network file system. Or, for
            workers on any machine, a `postgresql://` URL without a password (extra `postgres`).
        shards: The number of shards, frozen when the job first runs; default 64.
        results: A folder for the results; default: none are written. Each call that is done has exactly one
            row, in one `shard-0007/part-000012.jsonl`, and so has each record of a walk.
        results_format: `"jsonl"` (default), `"jsonl.gz"`, `"csv"` or `"parquet"`, which needs the extra
            `arrow`.
        client: The keyword settings of the `Refold` that each run creates; default: none. Or a function of
            a customer that returns them with its `api_key`: each run creates a client per key, and passes
            `calls` the customers of one key at a time. Of the customers of a key, the first one's settings
            count. A function of a module, so that it can be pickled, and no key is.
        options: Settings of each shard's batch; see `JobOptions`. With several keys, each has a batch.

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
        results_format: FileFormat = "jsonl",
        client: ClientSettings | ClientOf | None = None,
        **options: Unpack[JobOptions],
    ) -> None:
        if not isinstance(name, str) or not name:
            raise SettingsError(f"Job: name must be a non-empty string, not {name!r}")
        if not callable(calls):
            raise SettingsError(f"Job: calls must be a function of account ids, not {type(calls).__name__}")
        check_count("Job: shards", shards)
        if not callable(client) and "api_key" in (client or {}):
            raise SettingsError(
                "Job: client must not contain api_key: set REFOLD_API_KEY on each worker, or pass a function"
            )
        if not isinstance(accounts, str | os.PathLike):
            accounts = tuple(accounts)  # an iterator would be empty for the second shard
        check_choice("Job: results_format", results_format, get_args(FileFormat))
        schema_of(results_format, ResultRow)
        self.name: Final = name
        self._calls: Final = calls
        self._accounts: Final = accounts
        self._shards: Final = shards
        self._store: Final = _store_of(journal, name)
        self._results: Final = None if results is None else Path(results)
        self._results_format: Final = results_format
        self._runs: Final[set[ShardRun[Any]]] = set()
        self._client: Final = {} if client is None else client if callable(client) else dict(client)
        self._set_options(options)

    def _set_options(self, options: JobOptions) -> None:
        if "journal" in options:
            raise SettingsError("Job: journal cannot be set for a shard")
        given: dict[str, Any] = {**options}
        self._retry_unknown: bool = given.pop("retry_unknown", False)
        self._options = cast("BatchOptions", given)
        BatchSettings(**cast("BatchOptions", {**given, "journal": self._journal(0)}))

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_runs": set()}

    def __repr__(self) -> str:
        return f"Job({self.name!r}, shards={self._shards}, journal={self._store!r})"

    def with_options(self, **options: Unpack[JobOptions]) -> Job:
        """Return the same job with some other settings of its batches, e.g. `settle`.

        Raises:
            SettingsError: If a setting cannot work.
        """
        other = copy.copy(self)
        given = {**self._options, "retry_unknown": self._retry_unknown, **options}
        other._set_options(cast("JobOptions", given))  # noqa: SLF001 - one of this class
        return other

    def shards(self) -> range:
        """Return the shards: what an engine is given one by one."""
        return range(self._shards)

    def accounts(self, shard: int) -> list[str]:
        """Return the customers of a shard.

        Raises:
            SettingsError: If there is no such shard, or the file of accounts cannot be read.
        """
        return list(accounts_of(self._accounts, self._checked(shard), self._shards))

    def plan(self) -> list[int]:
        """Return how many customers each shard has.

        Raises:
            SettingsError: If the file of accounts cannot be read.
        """
        return count_accounts(self._accounts, self._shards)

    async def run(self, shard: int) -> ShardReport:
        """Run a shard to its end. Idempotent: calls that are done are not run again.

        While another worker runs the shard, it waits, and then completes what is left.

        Raises:
            SettingsError: If there is no such shard, the folder belongs to another job, or a call has no key.
            JournalInUseError: If another worker took the shard over, since the database did not hear of this
                one for 10 seconds, e.g. while the process was stopped.
            JournalError: If the shard's journal cannot be used.
        """
        await in_thread(self._create)
        accounts = await in_thread(self.accounts, shard)
        groups = await in_thread(group_by_key, self._client, accounts)
        walks, sources = await self._sources(shard, groups)
        run = ShardRun(shard, self._store, self._work(shard, walks=walks))
        self._runs.add(run)
        try:
            return await run.run(sources)
        finally:
            self._runs.discard(run)

    def run_sync(self, shard: int) -> ShardReport:
        """Run a shard in an event loop of its own, from a thread that has none; see `run`."""
        return asyncio.run(self.run(shard))

    def stop(self) -> None:
        """Start nothing more in the shards that the running event loop runs: calls under way end.

        Their reports say `stopped`; run the shards again for the rest.
        """
        for run in tuple(self._runs):
            run.stop_in(asyncio.get_running_loop())

    def progress(self) -> JobProgress:
        """Return the state of each shard, also while they run: from this host, or with a database from any.

        Raises:
            JournalError: If a journal cannot be read.
        """
        return JobProgress(self._store.progress(self._shards))

    def summary(self) -> JobSummary:
        """Return the totals, the unknown writes and the result files; see `progress`.

        Raises:
            JournalError: If a journal cannot be read.
        """
        progress = self.progress()
        parts = [] if self._results is None else self._store.parts(self._shards, self._results)
        return JobSummary(progress, self._store.unknown(progress.shards), parts)

    def write_report(self, path: str | os.PathLike[str]) -> None:
        """Write a report of all runs so far, with a table of the shards, as `Batch.write_report` does of one.

        Args:
            path: The file, `.html` or `.json`; an existing one is replaced.

        Raises:
            SettingsError: If the path ends in neither.
            JournalError: If a journal cannot be read, or no run has recorded figures.
            OSError: If the file cannot be written.
        """
        from refold_async import reports  # noqa: PLC0415 - loaded when used
        from refold_async.batch.figures import decode_figures  # noqa: PLC0415
        from refold_async.fleet.figures import job_figures  # noqa: PLC0415

        form = reports.form_of(path)
        runs = [decode_figures(each) for each in self._store.figures(self._shards)]
        reports.write(path, form(job_figures(self.name, self.progress(), runs)))

    def _create(self) -> None:
        """Create the journals, and check that the results are theirs.

        Else rows of another job would pass for this one's, or be replaced.
        """
        expected = JobFile(self.name, self._shards, self._store.create(self.name, self._shards))
        if self._results is not None and (found := claim_folder(self._results, expected)) != expected:
            of = f"job {found.name!r}" if found.name != self.name else "earlier journals of this job"
            raise SettingsError(f"Job: the results in {self._results} are of {of}; use another folder")

    async def _sources(self, shard: int, groups: Sequence[KeyGroup]) -> tuple[bool, list[KeyGroup]]:
        """Return whether the shard consists of walks, and its calls or walks by key."""
        peeked = [await peek(self._calls(group.items)) for group in groups]
        walks = any(isinstance(item, Walk) for each in peeked for item in each.first)
        sources = []
        for group, items in zip(groups, peeked, strict=True):
            members = frozenset(group.items) if callable(self._client) else None
            check = (WalkCheck if walks else ShardCheck)(shard, self._shards, members)
            sources.append(KeyGroup(group.settings, mapped(check, items.rest, items.first)))
        return walks, sources

    def _work(self, shard: int, *, walks: bool) -> ShardWork[Any]:
        folder = None if self._results is None else part_folder(self._results, shard)
        form = self._results_format
        if not walks:
            make_parts = None if folder is None else partial(Parts, folder, form)
            return ShardCalls(self._journal(shard), self._options, make_parts)
        if folder is None:
            raise SettingsError("Job: walks need results, the folder for their records")
        if foreign := self._options.keys() - WalkOptions.__annotations__.keys():
            raise SettingsError(f"Job: {min(foreign)} is for calls, not for walks")
        options = cast("WalkOptions", self._options)
        return ShardWalks(shard, self._store.for_walks(), options, folder, form)

    def _journal(self, shard: int) -> Journal:
        journal = self._store.journal(self.name, shard)
        return msgspec.structs.replace(journal, retry_unknown=self._retry_unknown)

    def _checked(self, shard: int) -> int:
        if isinstance(shard, bool) or not isinstance(shard, int) or not 0 <= shard < self._shards:
            raise SettingsError(f"Job: shard must be from 0 to {self._shards - 1}, not {shard!r}")
        return shard


def _store_of(journal: str | os.PathLike[str], name: str) -> JobStore:
    if is_database(journal):
        check_database(str(journal))
        from refold_async.fleet.job_database import JobDatabase  # noqa: PLC0415 - needs the extra

        return JobDatabase(str(journal), name)
    if not isinstance(journal, str | os.PathLike) or "://" in os.fspath(journal):
        # The value is not shown: a URL may contain a password.
        raise SettingsError("Job: journal must be the path of a folder, or a postgresql:// URL")
    return JobFolder(journal)
