"""`refold batch SLUG ACTION --accounts FILE`."""

from __future__ import annotations

import functools
from typing import Any, Final, get_args

import click

from refold_async._core.effects import effect_of_action
from refold_async.batch import Batch, BatchSummary
from refold_async.cli import dry_run
from refold_async.cli.arguments import (
    FILE_OR_STDIN,
    action_arguments,
    csv_options,
    fan_out_settings,
    params_options,
    read_per_account,
    read_rate,
)
from refold_async.cli.batch_arguments import BatchArguments, BatchCalls
from refold_async.cli.client_command import client_command
from refold_async.cli.exits import Exit, worst_exit
from refold_async.cli.input_rows import AccountsFile
from refold_async.cli.progress import ProgressDisplay, progress_option
from refold_async.cli.reports import check_reports, report_option, writing_reports
from refold_async.cli.results import Results
from refold_async.cli.settle_arguments import settle_options
from refold_async.cli.signals import drain_on_signal
from refold_async.cli.terminal import Terminal, confirm
from refold_async.client import Refold
from refold_async.errors import RefoldError
from refold_async.row_files import FileFormat

_PART_ROWS: Final = 5_000
_PART_SECONDS: Final = 30.0
_PART_BYTES: Final = 64 * 2**20
"""What a part of a journaled run has at least: each is written out before the journal forgets its results."""


@click.command("batch")
@action_arguments
@click.option(
    "--accounts",
    "path",
    required=True,
    type=FILE_OR_STDIN,
    metavar="FILE|-",
    help="CSV or JSONL, one row per call.",
)
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Default: by the file's suffix, else csv."
)
@click.option("--account-column", default="linked_account_id", show_default=True, metavar="NAME")
@click.option(
    "--key-column",
    metavar="NAME",
    help="Identifies an account's row across runs; sent as a parameter too. Default: its position, so do"
    " not reorder the file.",
)
@csv_options
@params_options
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=50, show_default=True, help="Concurrent calls."
)
@click.option(
    "--per-account",
    type=read_per_account,
    metavar="N|N/s",
    help="Concurrent calls, or calls per second, per account.",
)
@click.option(
    "--rate",
    type=read_rate,
    metavar="N[:BURST]",
    help="Calls per second in total; default: Refold's documented limit.",
)
@click.option(
    "--journal", type=click.Path(dir_okay=False), help="Make the run resumable: rerun the same command."
)
@click.option("--job", metavar="NAME", help="The journal's job, e.g. with the date; default: SLUG/ACTION.")
@click.option("--retry-unknown", is_flag=True, help="Rerun the writes that an earlier run left unknown.")
@settle_options
@click.option(
    "--out",
    type=click.Path(allow_dash=True),
    help="Write a JSON line per outcome; replaces the file, unless --journal continues an earlier run.",
)
@click.option(
    "--out-format",
    type=click.Choice(get_args(FileFormat)),
    help="Write --out as a folder of files, listed in its manifest.json; parquet needs the extra `arrow`.",
)
@report_option
@progress_option
@click.option("--stop-on-failure", is_flag=True, help="Start no more calls after the first failure.")
@click.option(
    "--stop-at-failure-share",
    type=float,
    metavar="SHARE",
    help="Stop above this share of failures, e.g. 0.2.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Check every call against the schema; execute nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before writing for several accounts.")
@functools.partial(client_command, settings=fan_out_settings)
async def batch(terminal: Terminal, refold: Refold, **given: Any) -> None:
    """Run ACTION of the app SLUG for many linked accounts.

    Each row of the file is one call: the column `linked_account_id` names the account, all other columns
    are parameters and override --param and --params. FILE may be a pipe. The first SIGINT or SIGTERM
    lets running calls finish; the second cancels them. The exit code is the most severe of all outcomes:
    6, 3, 4, 5, 1.
    """
    args = BatchArguments(**given)
    args.check_files()
    args.settle()  # before anybody is asked to confirm
    with args.accounts() as accounts:
        if not len(accounts):
            click.echo(f"no calls in {accounts.name}: nothing to send", err=True)
        calls = BatchCalls(args, accounts)
        if args.dry:
            code = await dry_run.run(terminal, refold, args.slug, args.action, calls, form=args.progress)
            raise click.exceptions.Exit(code)
        _ask(args, accounts)
        check_reports(args.reports)
        await _run(terminal, refold, args, calls)


def _ask(args: BatchArguments, accounts: AccountsFile) -> None:
    """Ask for confirmation before writing for several accounts; say so if results of reads are lost."""
    effect = args.effect or effect_of_action(args.action)
    if effect == "read" and args.out is None and len(accounts):
        click.echo("the results are not kept: pass --out FILE, or --out - for stdout", err=True)
    if effect == "read" or args.yes or not accounts.several:
        return
    confirm(
        f"{args.slug}/{args.action} writes {len(accounts):,} times, for several accounts",
        instead="pass --yes to confirm, or try --dry-run first",
        can_ask=args.path != "-",
    )


async def _run(terminal: Terminal, refold: Refold, args: BatchArguments, calls: BatchCalls) -> None:
    with Results(args.out, args.out_format) as results, ProgressDisplay(form=args.progress) as display:
        batch = refold.batch(calls, **args.options(display))
        async with writing_reports(batch, args.reports, f"{args.slug}/{args.action}"):
            async with batch:
                results.begin(continues=batch.resumed)
                with drain_on_signal(functools.partial(_drain, batch)) as taken:
                    least = 1 if args.out_format is None or args.journal is None else _PART_ROWS
                    await _consume(batch, results, durably=args.journal is not None, least=least)
            # Outcomes that were ready when the batch was cancelled.
            await _consume(batch, results, durably=False)
            results.add_cancelled(zip(batch.under_way_at, batch.under_way, strict=True))
    results.report(terminal, batch.summary)
    _warn_if_nothing_ran(batch.summary, args.journal)
    if taken.times and args.journal:
        click.echo("run the same command again to resume", err=True)
    raise click.exceptions.Exit(Exit.INTERRUPTED if taken.times else worst_exit(results.codes))


def _warn_if_nothing_ran(summary: BatchSummary, journal: str | None) -> None:
    """Say so if the whole run came from the journal: it may have been meant as a new one."""
    if summary.from_journal and summary.from_journal == summary.ended:
        click.echo(
            f"nothing was run: the journal {journal} has all {summary.ended:,} calls as done,"
            f"{summary.recorded_words}; for a new run, name a new journal, e.g. with the date",
            err=True,
        )


async def _consume(batch: Batch, results: Results, *, durably: bool, least: int = 1) -> None:
    try:
        async for outcomes in batch.groups(least=least, within=_PART_SECONDS, size=_PART_BYTES):
            await results.add(outcomes, durably=durably)
            if not results.accepts_more:
                batch.keep_undelivered()
                batch.stop()
    except (RefoldError, click.ClickException):
        # The batch itself failed, e.g. its journal broke: without this, the calls that ended go unreported.
        click.echo(str(batch.summary), err=True)
        raise


def _drain(batch: Batch) -> None:
    batch.stop()
    words = f"stopping: waiting for {len(batch.under_way)} running calls; interrupt again to cancel them"
    click.echo(words, err=True)
