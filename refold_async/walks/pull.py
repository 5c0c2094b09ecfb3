"""`refold.pull`: all pages of one action for many customers, into files."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import msgspec
from anyio.to_thread import run_sync

from refold_async._core.checks import check_choice, check_count, check_seconds
from refold_async._core.operation import Effect
from refold_async._core.requester import Requester
from refold_async.batch.source import mapped
from refold_async.batch.tasks import run_shielded
from refold_async.errors import SettingsError
from refold_async.row_files import FileFormat
from refold_async.settings import Settings
from refold_async.walks.fan_out import Walks
from refold_async.walks.files import PartFolder
from refold_async.walks.making import make_walks
from refold_async.walks.outcomes import WalkFailed, WalkOptions, WalkSkipped, WalkSummary
from refold_async.walks.paging import Paging
from refold_async.walks.pull_files import PullFiles
from refold_async.walks.walk import Walk, WalkPage

SinceFormat = Literal["iso", "epoch", "epoch_ms"]
Accounts = Iterable[str] | AsyncIterable[str]


class PullOptions(WalkOptions, total=False):
    """The keyword settings of `Refold.pull`.

    Keys:
        params: The action's parameters; default: none.
        format: `"jsonl"` (default), `"jsonl.gz"`, `"csv"` or `"parquet"`, which needs the extra `arrow`.
        state: The path of the state; default: `state.sqlite` in the folder.
        since: The parameter that selects what changed since a moment, e.g. `updatedAfter`; default: none,
            each run reads everything.
        since_format: How it is written: `"iso"` (default), `"epoch"` in seconds, or `"epoch_ms"`.
        into: The type of a record: the files have its fields, and Parquet its types. A walk with a record
            that does not fit fails.
        paging, records, effect: As in `Walk`.
        part_rows: Rows after which a file is finished and the next one begun; default 100,000. A Parquet file
            is finished after 32 MB of records, too.
        part_seconds: Seconds after which it is; default 30. What is in an unfinished file is read again
            after a crash.
        on_ended: Called with each `WalkFailed` and `WalkSkipped`.
        reports: Files for a report of the run, each `.html` or `.json`, also if it fails; default: none.
        concurrency, per_account, timeout, patience, on_failure, stop_at_failure_share, window, once, overlap,
            on_progress: As in `WalkOptions`.
    """

    params: Mapping[str, object] | None
    format: FileFormat
    since: str | None
    since_format: SinceFormat
    into: Any
    paging: Paging | None
    records: str | None
    effect: Effect | None
    part_rows: int
    part_seconds: float
    on_ended: Callable[[WalkFailed | WalkSkipped], object] | None
    reports: Sequence[str | os.PathLike[str]]


class PullSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a pull that are not those of its walks; see `PullOptions`.

    Raises:
        SettingsError: If a setting is invalid.
    """

    params: Mapping[str, object] | None = None
    format: FileFormat = "jsonl"
    since: str | None = None
    since_format: SinceFormat = "iso"
    into: Any = None
    paging: Paging | None = None
    records: str | None = None
    effect: Effect | None = None
    part_rows: int = 100_000
    part_seconds: float = 30.0
    on_ended: Callable[[WalkFailed | WalkSkipped], object] | None = None
    reports: Sequence[str | os.PathLike[str]] = ()

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_choice("format", self.format, get_args(FileFormat))
        check_choice("since_format", self.since_format, get_args(SinceFormat))
        if self.reports:
            from refold_async.reports import form_of  # noqa: PLC0415 - loaded when used

            for path in self.reports:
                form_of(path)
        check_count("part_rows", self.part_rows)
        check_seconds("part_seconds", self.part_seconds)

    def walk(self, account: str, slug: str, action_id: str) -> Walk:
        """Return the walk of a customer; without `into`, its records stay undecoded."""
        return Walk(
            account,
            slug,
            action_id,
            self.params,
            into=msgspec.Raw if self.into is None else self.into,
            paging=self.paging,
            records=self.records,
            effect=self.effect,
            since=None if self.since is None else self._changed,
        )

    def _changed(self, mark: datetime) -> Mapping[str, object]:
        seconds = mark.timestamp()
        values = {"iso": mark.isoformat(), "epoch": str(int(seconds)), "epoch_ms": str(int(seconds * 1000))}
        return {str(self.since): values[self.since_format]}


async def pull(
    requester: Requester,
    settings: Settings,
    slug: str,
    action_id: str,
    accounts: Accounts,
    *,
    out: str | os.PathLike[str],
    options: PullOptions,
) -> WalkSummary:
    """Read an action's records of many customers into files; see `Refold.pull`.

    Raises:
        SettingsError: If a setting cannot work, or the folder has files of another state.
        JournalError: If the state cannot be used.
    """
    own = {name: value for name, value in options.items() if name in PullSettings.__struct_fields__}
    chosen = PullSettings(**own)  # type: ignore[arg-type]  # split by name
    others: Any = {name: value for name, value in options.items() if name not in own}
    folder = Path(out)
    walk_options = cast("WalkOptions", others)
    if walk_options.get("state") is None:
        walk_options["state"] = folder / "state.sqlite"
        await run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
    source = _walks(accounts, slug, action_id, chosen)
    walks = make_walks(requester, settings, source, walk_options, record=False)
    try:
        async with walks:
            await _write_files(walks, folder, chosen)
    finally:
        if walks.entered:
            for path in chosen.reports:
                await run_shielded(walks.write_report(path, title=f"{slug}/{action_id}"))
    return walks.summary


async def _write_files(walks: Walks, folder: Path, chosen: PullSettings) -> None:
    state = walks.state
    assert state is not None  # noqa: S101 - it has a path
    rows, seconds = chosen.part_rows, chosen.part_seconds
    parts = PartFolder(folder, chosen.format, state.file, into=chosen.into, rows=rows, seconds=seconds)
    async with PullFiles.open(state, parts) as files:
        async for item in walks:
            if isinstance(item, WalkPage):
                await files.write(walks, item)
            elif chosen.on_ended is not None and getattr(item, "reason", None) != "done_before":
                chosen.on_ended(item)
        await files.finish([walks.summary])


class _SizedWalks:
    """The walks of a sized input, so that progress knows their number."""

    def __init__(self, accounts: Any, walk: Callable[[str], Walk]) -> None:
        self._accounts: Final = accounts
        self._walk: Final = walk

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[Walk]:
        return map(self._walk, self._accounts)


def _walks(accounts: Accounts, slug: str, action_id: str, chosen: PullSettings) -> Any:
    walk = partial(chosen.walk, slug=slug, action_id=action_id)

    if not isinstance(accounts, Iterable | AsyncIterable) or isinstance(accounts, str):
        raise SettingsError(f"accounts must be an iterable of ids, not {type(accounts).__name__}")
    sized = isinstance(accounts, Iterable) and hasattr(accounts, "__len__")
    return _SizedWalks(accounts, walk) if sized else mapped(walk, accounts)
