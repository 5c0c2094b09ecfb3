"""`refold job`: run the shards of a job in plain processes, and show its progress."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from refold_async.batch.summary import stop_words
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.job_progress import COLUMNS, JobProgressDisplay, shard_rows
from refold_async.cli.job_workers import run_workers
from refold_async.cli.progress import ProgressForm, progress_option
from refold_async.cli.reports import check_reports, report_option
from refold_async.cli.settle_arguments import SettleArguments, settle_options
from refold_async.cli.signals import drain_on_signal
from refold_async.cli.terminal import Terminal
from refold_async.errors import JournalError, RefoldError
from refold_async.fleet import Job, JobSummary, ShardReport

_MODULE: Final = "refold_job"


def _with_job(work: Callable[..., int | None]) -> Callable[..., None]:
    """Load the job of FILE, print errors of the SDK, and exit with their exit code."""

    @click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
    @click.option("--json", "as_json", is_flag=True, help="Write JSON.")
    @functools.wraps(work)
    def command(*, path: str, as_json: bool, **given: Any) -> None:
        terminal = Terminal(as_json=as_json, stdout=sys.stdout)
        with contextlib.ExitStack() as stack:
            if as_json:  # what the file itself prints
                stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            try:
                code = work(terminal, _load(path), path=path, **given)
            except RefoldError as error:
                terminal.fail(error)
                code = exit_code_of(error)
        if code:
            raise click.exceptions.Exit(code)

    return command


def _load(path: str) -> Job:
    """Run a Python file and return the one `Job` that it creates.

    Raises:
        click.UsageError: If the file raises an exception, which is printed, or does not create one `Job`.
        RefoldError: If the file raises it, e.g. as a setting of its job is invalid.
    """
    file = Path(path).absolute()
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(file.parent))  # as `python FILE` does, for what it imports
    try:
        spec.loader.exec_module(module)
    except RefoldError:
        raise
    except Exception as error:
        _print_from(file, error)
        raise click.UsageError(f"{path} raised {type(error).__name__}") from error
    jobs = {id(value): value for value in vars(module).values() if isinstance(value, Job)}
    if len(jobs) != 1:
        raise click.UsageError(f"{path} must create one Job as a global variable, not {len(jobs)}")
    return next(iter(jobs.values()))


def _print_from(file: Path, error: Exception) -> None:
    """Print a traceback as far as it is of a file, which is not this program's."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != str(file):
        frames = frames.tb_next
    click.echo("".join(traceback.format_exception(error.with_traceback(frames))), err=True)


@click.group("job", cls=SuggestingGroup)
def job() -> None:
    """Run a job in shards, and show its progress. FILE is a Python file with one `Job`."""


@job.command("plan")
@_with_job
def _plan(terminal: Terminal, job: Job, *, path: str) -> None:  # noqa: ARG001 - every command has it
    """Show how many customers each shard has."""
    rows = list(enumerate(job.plan()))
    if terminal.as_json:
        terminal.put([{"shard": shard, "accounts": number} for shard, number in rows])
        return
    terminal.table(("shard", "accounts"), rows, title=f"{job.name}: {sum(row[1] for row in rows):,} accounts")


@job.command("run")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--shard", "shards", type=int, multiple=True, help="Only this shard; repeatable.")
@settle_options
@report_option
@progress_option
@_with_job
def _run(
    terminal: Terminal,
    job: Job,
    *,
    path: str,
    workers: int,
    shards: tuple[int, ...],
    reports: tuple[str, ...],
    progress: ProgressForm,
    **given: Any,
) -> int:
    """Run the shards that are not done, one after another in each process.

    Run it again after a crash: calls that are done are not run again. The first SIGINT or SIGTERM lets
    running calls finish; the second cancels them. With --settle, unknown writes are looked up, also those
    of earlier runs, instead of as the file says.
    """
    check_reports(reports)
    settling = SettleArguments(**given)
    if (settle := settling.settle()) is not None:
        job = job.with_options(settle=settle)
    chosen = list(dict.fromkeys(shards)) or list(job.shards())
    with _writing_reports(job, reports), JobProgressDisplay(job.progress, form=progress):
        if workers > 1 and len(chosen) > 1:
            ended, killed, code = run_workers(path, chosen, workers, settling.words())
            for report in ended:
                _tell(terminal, report)
            for number, lost in killed:
                shown = ", ".join(map(str, lost))
                click.echo(f"a worker was killed by signal {number}; its shards: {shown}", err=True)
        else:
            # A worker of another `run` is silent: that one tells.
            tells = progress != "none" or not terminal.as_json
            ended, code = asyncio.run(_run_shards(terminal if tells else None, job, chosen))
    if terminal.as_json:
        terminal.put([msgspec.structs.asdict(report) for report in ended])
    if code is Exit.INTERRUPTED:
        click.echo("run the same command again to resume", err=True)
    return code


async def _run_shards(
    terminal: Terminal | None, job: Job, shards: Sequence[int]
) -> tuple[list[ShardReport], Exit]:
    reports: list[ShardReport] = []
    with drain_on_signal(functools.partial(_drain, job)) as taken:
        for shard in shards:
            if taken.times:
                break
            reports.append(await job.run(shard))
            if terminal is not None:
                _tell(terminal, reports[-1])
    if taken.times:
        return reports, Exit.INTERRUPTED
    return reports, Exit.OK if all(report.complete for report in reports) else Exit.REFUSED


def _drain(job: Job) -> None:
    job.stop()
    click.echo("stopping: waiting for running calls; interrupt again to cancel them", err=True)


def _tell(terminal: Terminal, report: ShardReport) -> None:
    before = f", {report.done_before:,} done before" if report.done_before else ""
    stopped = "" if report.stopped is None else f", stopped{stop_words(report.stopped)}"
    terminal.say(
        f"shard {report.shard}: {report.done:,} done{before}, {report.failed:,} failed,"
        f" {report.skipped:,} skipped{stopped}",
        err=terminal.as_json,
    )


@job.command("progress")
@click.option("--watch", is_flag=True, help="Show them until every shard has ended.")
@progress_option
@_with_job
def _progress(terminal: Terminal, job: Job, *, path: str, watch: bool, progress: ProgressForm) -> None:  # noqa: ARG001 - every command has it
    """Show the state of each shard, also while they run."""
    if watch:
        with JobProgressDisplay(job.progress, form=progress) as display:
            display.wait(lambda now: now.ended == len(now.shards))
    state = job.progress()
    if terminal.as_json:
        terminal.put(msgspec.to_builtins(state))
        return
    terminal.table(COLUMNS, shard_rows(state.shards), title=job.name)
    terminal.say(str(state))


@job.command("summary")
@report_option
@_with_job
def _summary(terminal: Terminal, job: Job, *, path: str, reports: tuple[str, ...]) -> int:  # noqa: ARG001 - every command has it
    """Show the totals, and name each unknown write."""
    check_reports(reports)
    summary = job.summary()
    with _writing_reports(job, reports):
        _show(terminal, summary)
    if summary.unknown:
        return Exit.UNKNOWN
    return Exit.OK if summary.complete else Exit.REFUSED


def _show(terminal: Terminal, summary: JobSummary) -> None:
    if terminal.as_json:
        unknown = [write._asdict() for write in summary.unknown]
        parts = [str(part) for part in summary.parts]
        terminal.put({"complete": summary.complete, "unknown": unknown, "parts": parts})
    else:
        terminal.say(str(summary))
        if summary.unknown:
            terminal.table(("linked_account_id", "key"), summary.unknown, title="unknown writes")


@contextlib.contextmanager
def _writing_reports(job: Job, paths: Sequence[str]) -> Iterator[None]:
    """Write the reports of a job at the end of the block, however it ended."""
    try:
        yield
    finally:
        for path in paths:
            try:
                job.write_report(path)
            except (OSError, JournalError) as error:  # the run itself stands
                click.echo(f"Error: {path}: {error}; no report was written", err=True)
            else:
                click.echo(f"report: {path}", err=True)
