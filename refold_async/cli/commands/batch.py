"""`refold batch SLUG ACTION --accounts FILE`."""

from __future__ import annotations

import functools
from typing import Any

import click

from refold_async._core.effects import effect_of_action
from refold_async.batch import Batch
from refold_async.cli import dry_run
from refold_async.cli.arguments import action_arguments, params_options, read_per_account, read_rate
from refold_async.cli.batch_arguments import BatchArguments, BatchCalls
from refold_async.cli.client_command import client_command
from refold_async.cli.exits import Exit, worst_exit
from refold_async.cli.input_rows import AccountsFile
from refold_async.cli.progress import ProgressDisplay
from refold_async.cli.results import Results
from refold_async.cli.signals import drain_on_signal
from refold_async.cli.terminal import Terminal, confirm
from refold_async.client import Refold
from refold_async.errors import RefoldError
from refold_async.settings import DEFAULT_MAX_CONNECTIONS, Options


def _settings(given: dict[str, Any]) -> Options:
    options: Options = {"max_connections": max(DEFAULT_MAX_CONNECTIONS, given["concurrency"])}
    rate = given.pop("rate")
    return options if rate is None else {**options, "rate_limit": rate}


@click.command("batch")
@action_arguments
@click.option(
    "--accounts", "path", required=True, metavar="FILE|-", help="CSV or JSONL, a row for each call."
)
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Default: by the file's name; else csv."
)
@click.option("--account-column", default="linked_account_id", show_default=True, metavar="NAME")
@click.option(
    "--key-column",
    metavar="NAME",
    help="Identifies a row across runs; default: its place, so keep the file as it is.",
)
@params_options
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=50, show_default=True, help="Calls at once."
)
@click.option(
    "--per-account", type=read_per_account, metavar="N|N/s", help="What one account may take of them."
)
@click.option(
    "--rate", type=read_rate, metavar="N[:BURST]", help="Calls a second in all; default: as documented."
)
@click.option(
    "--journal", type=click.Path(dir_okay=False), help="Makes the run resumable: run the same line again."
)
@click.option(
    "--retry-unknown", is_flag=True, help="Run those writes again that an earlier run left unknown."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="A JSON line for each outcome; written anew.",
)
@click.option("--stop-on-failure", is_flag=True, help="Start nothing more after the first failure.")
@click.option(
    "--stop-at-failure-share", type=float, metavar="SHARE", help="Stop past this share of failures, as 0.2."
)
@click.option("--dry-run", "dry", is_flag=True, help="Check every call against the schema; execute nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before writing for more than one account.")
@functools.partial(client_command, settings=_settings)
async def batch(terminal: Terminal, refold: Refold, **given: Any) -> None:
    """Run ACTION of the app SLUG for many linked accounts.

    Each row of the file is one call: the column `linked_account_id` names the account, all others are
    parameters, over those of --param and --params. SIGINT or SIGTERM once lets the calls under way end;
    twice breaks them off. The exit code is that of the outcome that most needs a person: 6, 3, 4, 5, 1.
    """
    job = BatchArguments(**given)
    job.check_files()
    with AccountsFile(
        job.path, job.form, account_column=job.account_column, key_column=job.key_column
    ) as accounts:
        if not len(accounts):
            click.echo(f"there is no call in {accounts.name}: nothing is sent", err=True)
        calls = BatchCalls(job, accounts)
        if job.dry:
            await _dry(terminal, refold, job, calls)
        else:
            _ask(job, accounts)
            await _run(terminal, refold, job, calls)


def _ask(job: BatchArguments, accounts: AccountsFile) -> None:
    """Ask before a write runs over more than one account."""
    effect = job.effect or effect_of_action(job.action)
    if effect == "read" or job.yes or not accounts.several:
        return
    confirm(
        f"{job.slug}/{job.action} writes, {len(accounts):,} times, for more than one account",
        instead="say --yes, or try --dry-run first",
        can_ask=job.path != "-",
    )


async def _dry(terminal: Terminal, refold: Refold, job: BatchArguments, calls: BatchCalls) -> None:
    problems: list[dry_run.ParameterProblem] = []
    first = next(iter(calls), None)
    if first is not None:
        schema = await refold.account(first.linked_account_id).actions.schema(job.slug, job.action)
        problems = dry_run.problems_of(schema, calls)
    dry_run.report(terminal, calls, len(calls), problems)
    if problems:
        raise click.exceptions.Exit(Exit.USAGE)


async def _run(terminal: Terminal, refold: Refold, job: BatchArguments, calls: BatchCalls) -> None:
    with Results(job.out) as results, ProgressDisplay() as display:
        async with refold.batch(calls, **job.options(display)) as batch:
            results.begin()
            with drain_on_signal(functools.partial(_drain, batch)) as taken:
                await _consume(batch, results)
        await _consume(batch, results)  # what had ended, and was not taken when it was broken off
        results.add_cancelled(batch.under_way)
    results.report(terminal, batch.summary)
    if taken.times and job.journal:
        click.echo("the same command line goes on from here", err=True)
    raise click.exceptions.Exit(Exit.INTERRUPTED if taken.times else worst_exit(results.codes))


async def _consume(batch: Batch, results: Results) -> None:
    try:
        async for outcome in batch:
            results.add(outcome)
            if not results.accepts_more:
                batch.stop()
    except (RefoldError, click.ClickException):
        # The batch as a whole failed, as for want of its journal; what came before is told all the same.
        click.echo(str(batch.summary), err=True)
        raise


def _drain(batch: Batch) -> None:
    batch.stop()
    words = f"stopping: {len(batch.under_way)} calls under way may end; interrupt again to break them off"
    click.echo(words, err=True)
