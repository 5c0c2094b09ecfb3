"""`refold journal show|list|report|settle|export|prune FILE`."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec

from refold_async._core.json_lines import json_line
from refold_async._core.private_files import open_private
from refold_async.batch import Call
from refold_async.batch.journal.editing import HandVerdict, JournalEditor, shrink
from refold_async.batch.journal.records import (
    JournalOverview,
    JournalRecord,
    JournalRun,
    key_id,
    read_overview,
    read_records,
)
from refold_async.batch.journal.reporting import read_figures
from refold_async.batch.journal.store import State
from refold_async.calls import Absent, Found, Unresolved, Verdict
from refold_async.cli.arguments import with_options
from refold_async.cli.client_command import CLIENT_OPTIONS, client_command
from refold_async.cli.csv_records import CsvError, csv_records
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.input_files import InputFile
from refold_async.cli.progress import ProgressDisplay, ProgressForm, progress_option
from refold_async.cli.reports import check_reports, report_option, write_figures
from refold_async.cli.settle_arguments import SettleArguments, settle_options
from refold_async.cli.terminal import Terminal, confirm
from refold_async.client import Refold
from refold_async.errors import RefoldError
from refold_async.reports import as_json
from refold_async.settle import LookupFunction

_COLUMNS: Final = ("linked_account_id", "key", "action", "state", "delivered", "attempts", "at", "error")
_SETTLED: Final = frozenset({"unknown", "begun", "absent", "unresolved"})
_LOOKUPS: Final = 10
_file: Final = click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
_as_json: Final = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


def _offline(work: Callable[..., None]) -> Callable[..., None]:
    """Print errors of the SDK, and exit with their exit code."""

    @functools.wraps(work)
    def command(*, as_json: bool = False, **given: Any) -> None:
        terminal = Terminal(as_json=as_json)
        try:
            work(terminal, **given)
        except RefoldError as error:
            terminal.fail(error)
            raise click.exceptions.Exit(exit_code_of(error)) from None

    return command


@click.group("journal", cls=SuggestingGroup)
def journal() -> None:
    """Show, report, settle and shorten the journal of a batch. Needs no key, except to look up writes."""


@journal.command("show")
@_file
@_as_json
@_offline
def _show(terminal: Terminal, *, path: str) -> None:
    """Summarize the runs of a journal, even during a run."""
    overview = read_overview(path)
    terminal.report(overview, "\n".join(_overview_lines(overview)))


def _overview_lines(overview: JournalOverview) -> Iterator[str]:
    yield f"job {overview.job or '(no name)'} against {overview.base_url}"
    total = sum(overview.states.values())
    states = ", ".join(f"{number:,} {state}" for state, number in sorted(overview.states.items()))
    yield f"{total:,} calls" + (f": {states}" if states else "")
    if overview.undelivered:
        yield f"{overview.undelivered:,} outcomes not delivered: the next run delivers them"
    for run in overview.runs:
        yield f"run {run.number}: began {_moment(run.began)}, {_end_of(run, overview)}"


def _end_of(run: JournalRun, overview: JournalOverview) -> str:
    if run.ended is not None:
        return f"ended {_moment(run.ended)}"
    return "still running" if overview.in_use and run == overview.runs[-1] else "killed"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


@journal.command("list")
@_file
@click.option("--all", "everything", is_flag=True, help="All calls, also those done and delivered.")
@click.option("--jsonl", is_flag=True, help="A JSON line per call.")
@_offline
def _list(terminal: Terminal, *, path: str, everything: bool, jsonl: bool) -> None:
    """List the calls that need attention.

    Those that are unknown, absent, unresolved, failed, or not delivered.
    """
    records = (record for record in read_records(path) if everything or record.needs_attention)
    if jsonl:
        _write_lines(sys.stdout.buffer, records)
        return
    rows = [_row(record) for record in records]
    terminal.table(_COLUMNS, rows, title=f"{len(rows):,} calls")


def _row(record: JournalRecord) -> tuple[object, ...]:
    delivered = "yes" if record.delivered else "no"
    action = f"{record.slug}/{record.action_id}"
    return (
        record.linked_account_id, _key(record), action, record.state, delivered, record.attempts,
        record.at, record.error,
    )  # fmt: skip


def _key(record: JournalRecord) -> str:
    return f"#{record.index}" if record.key is None else record.key


def _write_lines(target: BinaryIO, records: Iterable[JournalRecord]) -> int:
    number = 0
    for record in records:
        fields = msgspec.structs.asdict(record)
        # Parameters are kept for look-ups alone: they are customers' data.
        del fields["params"]
        target.write(json_line(fields))
        number += 1
    target.flush()
    return number


@journal.command("report")
@_file
@report_option
@click.option(
    "--run", type=click.IntRange(min=1), metavar="NUMBER", help="Report this run; default: the last."
)
@_as_json
@_offline
def _report(terminal: Terminal, *, path: str, reports: tuple[str, ...], run: int | None) -> None:
    """Report on one run of a journal, even during it or after it was killed.

    Print its totals, and write reports. A run records its figures every two seconds and at its end.
    """
    check_reports(reports)
    figures = read_figures(path, run=run)
    write_figures(figures, reports)
    terminal.report(msgspec.Raw(as_json(figures)), str(figures.summary))


@journal.command("export")
@_file
@click.option("--out", type=click.Path(dir_okay=False), help="A new file; default: stdout.")
@_offline
def _export(terminal: Terminal, *, path: str, out: str | None) -> None:
    """Export all calls of a journal as JSON lines."""
    if out is None:
        _write_lines(sys.stdout.buffer, read_records(path))
        return
    try:
        target = open_private(out, "xb")
    except OSError as error:
        raise click.UsageError(f"{out}: {error.strerror}") from error
    try:
        with target:
            number = _write_lines(target, read_records(path))
    except BaseException:
        Path(out).unlink()  # a part of an export looks like a whole one
        raise
    terminal.say(f"{number:,} calls exported to {out}")


@journal.command("prune")
@_file
@click.option(
    "--before", required=True, type=click.DateTime(), help="Remove what was done and delivered before (UTC)."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_offline
def _prune(terminal: Terminal, *, path: str, before: datetime, yes: bool) -> None:
    """Remove calls that were done and delivered long ago.

    A later run whose input still has them runs them again: prune only what the input no longer has, e.g.
    because keys carry the date.
    """
    if not yes:
        confirm(f"a run whose input still has calls done before {before:%Y-%m-%d %H:%M} would run them again")
    with JournalEditor(path) as editor:
        number = editor.prune(before.replace(tzinfo=UTC))
    shrink(path)
    terminal.say(f"{number:,} calls removed")


@journal.command("settle")
@_file
@click.option(
    "--done", multiple=True, metavar="KEY", help="The call was done, and is not run again; repeatable."
)
@click.option(
    "--not-done", multiple=True, metavar="KEY", help="The call was not done, and is run again; repeatable."
)
@click.option("--account", metavar="ID", help="The account of these keys, if several accounts have them.")
@click.option(
    "--from",
    "table",
    type=click.Path(exists=True, dir_okay=False),
    metavar="CSV",
    help="A table with the columns linked_account_id, key and verdict: done or not-done.",
)
@settle_options
@progress_option
@functools.partial(with_options, parts=CLIENT_OPTIONS)
def _settle(
    *,
    path: str,
    done: tuple[str, ...],
    not_done: tuple[str, ...],
    account: str | None,
    table: str | None,
    base_url: str | None,
    timeout: float | None,
    as_json: bool,
    progress: ProgressForm,
    **given: Any,
) -> None:
    """Record what became of unknown writes: by key, or by looking them up.

    A call without a key is named by its position in the input, e.g. #17. By key, all are recorded or none.
    Looking up takes the options of `refold batch`, and needs a key; it looks once, now.
    """
    verdicts = [HandVerdict(key, True, account) for key in done]
    verdicts += [HandVerdict(key, False, account) for key in not_done]
    if table is not None:
        verdicts += _verdicts_of(table)
        if not verdicts:
            raise click.UsageError(f"{table} has no verdicts")
    settle = SettleArguments(**given).settle()
    if (settle is None) == (not verdicts):
        raise click.UsageError("pass --done, --not-done or --from; or --settle ACTION to look up")
    if settle is None:
        _offline(_settle_by_key)(path=path, verdicts=verdicts, as_json=as_json)
    else:
        _settle_by_lookup(
            path=path,
            lookup=settle.lookup,
            form=progress,
            base_url=base_url,
            timeout=timeout,
            as_json=as_json,
        )


def _settle_by_key(terminal: Terminal, *, path: str, verdicts: list[HandVerdict]) -> None:
    with JournalEditor(path) as editor:
        number = editor.settle(verdicts)
    terminal.report({"settled": number}, f"{number:,} calls settled")


def _verdicts_of(table: str) -> Iterator[HandVerdict]:
    with closing(InputFile(table)) as file:
        text = file.text(newline="")
        try:
            for line, row in csv_records(text, ("linked_account_id", "key", "verdict")):
                yield _verdict_of(f"{table}, line {line}", row)
        except CsvError as error:
            where = table if error.line is None else f"{table}, line {error.line}"
            raise click.UsageError(f"{where}: {error}") from error
        except UnicodeError as error:
            raise click.UsageError(f"{table}: not UTF-8 ({error}); save it as UTF-8") from error
        finally:
            text.detach()


def _verdict_of(where: str, row: Mapping[str, str]) -> HandVerdict:
    told = row.get("verdict", "")
    verdict = told.strip().lower().replace("_", "-").replace(" ", "-")
    if verdict not in {"done", "not-done"}:
        raise click.UsageError(f"{where}: verdict must be done or not-done, not {told!r}")
    if "key" not in row:
        raise click.UsageError(f"{where}: no key")
    return HandVerdict(row["key"], verdict == "done", row.get("linked_account_id", "").strip() or None)


async def _look_up(
    terminal: Terminal, refold: Refold, *, path: str, lookup: LookupFunction, form: ProgressForm
) -> None:
    with JournalEditor(path) as editor, ProgressDisplay(form=form) as display:
        records = [record for record in read_records(path) if record.state in _SETTLED]
        usable = [record for record in records if record.params is not None]
        if len(usable) < len(records):
            words = (
                f"{len(records) - len(usable):,} calls cannot be looked up: their parameters were not kept"
            )
            click.echo(f"{words}, which a batch does with --settle", err=True)
        counts = {"found": 0, "absent": 0, "unresolved": 0}
        for start in range(0, len(usable), _LOOKUPS):
            chunk = usable[start : start + _LOOKUPS]
            verdicts = await asyncio.gather(*(refold.settle(_call_of(each), lookup) for each in chunk))
            for record, verdict in zip(chunk, verdicts, strict=True):
                state, reason = _recorded(verdict)
                editor.record(key_id(record), state, reason)
                counts[state.name.lower()] += 1
            display.count(sum(counts.values()), 0, len(usable))
    terminal.report(counts, ", ".join(f"{number:,} {name}" for name, number in counts.items()))
    if counts["found"] < len(records):
        raise click.exceptions.Exit(Exit.UNKNOWN)


_settle_by_lookup: Final = client_command(_look_up)


def _call_of(record: JournalRecord) -> Call:
    params = msgspec.json.decode(record.params or b"{}")
    return Call(
        record.linked_account_id, record.slug, record.action_id, params, key=record.key, effect=record.effect
    )


def _recorded(verdict: Verdict) -> tuple[State, str | None]:
    match verdict:
        case Found():
            return State.FOUND, None
        case Absent():
            return State.ABSENT, "no look-up found it"
        case Unresolved(reason):
            return State.UNRESOLVED, reason
