"""`refold job`: run the shards of a job in plain processes, and show its progress."""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.terminal import Terminal
from refold_async.errors import RefoldError
from refold_async.fleet import Job, JobProgress, ShardReport

_COLUMNS: Final = ("shard", "state", "done", "failed", "unknown", "begun")
_MODULE: Final = "refold_job"


def _with_job(work: Callable[..., int | None]) -> Callable[..., None]:
    """Load the job of FILE, print errors of the SDK, and exit with their exit code."""

    @click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
    @click.option("--json", "as_json", is_flag=True, help="Write JSON.")
    @functools.wraps(work)
    def command(*, path: str, as_json: bool, **given: Any) -> None:
        terminal = Terminal(as_json=as_json)
        try:
            code = work(terminal, _load(path), path=path, **given)
        except RefoldError as error:
            terminal.fail(error)
            code = exit_code_of(error)
        if code:
            raise click.exceptions.Exit(code)

    return command


def _load(path: str) -> Job:
    """Run a Python file and return the one `Job` that it creates."""
    file = Path(path).absolute()
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(file.parent))  # as `python FILE` does, for what it imports
    spec.loader.exec_module(module)
    jobs = {id(value): value for value in vars(module).values() if isinstance(value, Job)}
    if len(jobs) != 1:
        raise click.UsageError(f"{path} must create one Job as a global variable, not {len(jobs)}")
    return next(iter(jobs.values()))


@click.group("job", cls=SuggestingGroup)
def job() -> None:
    """Run a job in shards, and show its progress. FILE is a Python file with one `Job`."""


@job.command("plan")
@_with_job
def _plan(terminal: Terminal, job: Job, *, path: str) -> None:  # noqa: ARG001 - every command has it
    """Show how many customers each shard has."""
    rows = [(shard, len(job.accounts(shard))) for shard in job.shards()]
    if terminal.as_json:
        terminal.put([{"shard": shard, "accounts": number} for shard, number in rows])
        return
    terminal.table(("shard", "accounts"), rows, title=f"{job.name}: {sum(row[1] for row in rows):,} accounts")


@job.command("run")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--shard", "shards", type=int, multiple=True, help="Only this shard; repeatable.")
@_with_job
def _run(terminal: Terminal, job: Job, *, path: str, workers: int, shards: tuple[int, ...]) -> int:
    """Run the shards that are not done, one after another in each process.

    Run it again after a crash: calls that are done are not run again.
    """
    chosen = list(shards or job.shards())
    if workers > 1 and len(chosen) > 1:
        return _run_processes(path, [chosen[first::workers] for first in range(min(workers, len(chosen)))])
    reports = [_run_shard(terminal, job, shard) for shard in chosen]
    if terminal.as_json:
        terminal.put([msgspec.structs.asdict(report) for report in reports])
    return Exit.OK if all(report.complete for report in reports) else Exit.REFUSED


def _run_shard(terminal: Terminal, job: Job, shard: int) -> ShardReport:
    report = job.run_sync(shard)
    before = f", {report.done_before:,} done before" if report.done_before else ""
    terminal.say(
        f"shard {shard}: {report.done:,} done{before}, {report.failed:,} failed, {report.skipped:,} skipped",
        err=terminal.as_json,
    )
    return report


def _run_processes(path: str, groups: Sequence[Sequence[int]]) -> int:
    """Start a process per group of shards and wait for all; return the worst exit code."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for group in groups:
            chosen = [argument for shard in group for argument in ("--shard", str(shard))]
            command = [sys.executable, "-m", "refold_async.cli", "job", "run", path, *chosen]
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))  # noqa: S603 - this program
        codes = [process.wait() for process in started]
    finally:
        for process in started:
            process.terminate()
            process.wait()
    # A negative code is the signal that ended a worker: its shards are incomplete.
    return max((Exit.REFUSED if code < 0 else code) for code in codes)


@job.command("progress")
@_with_job
def _progress(terminal: Terminal, job: Job, *, path: str) -> None:  # noqa: ARG001 - every command has it
    """Show the state of each shard, also while they run."""
    progress = job.progress()
    if terminal.as_json:
        terminal.put(msgspec.to_builtins(progress))
        return
    terminal.table(_COLUMNS, _rows(progress), title=job.name)
    terminal.say(str(progress))


def _rows(progress: JobProgress) -> list[tuple[object, ...]]:
    return [tuple(getattr(shard, name) for name in _COLUMNS) for shard in progress.shards]


@job.command("summary")
@_with_job
def _summary(terminal: Terminal, job: Job, *, path: str) -> int:  # noqa: ARG001 - every command has it
    """Show the totals, and name each unknown write."""
    summary = job.summary()
    if terminal.as_json:
        unknown = [write._asdict() for write in summary.unknown]
        parts = [str(part) for part in summary.parts]
        terminal.put({"complete": summary.complete, "unknown": unknown, "parts": parts})
    else:
        terminal.say(str(summary))
        if summary.unknown:
            terminal.table(("linked_account_id", "key"), summary.unknown, title="unknown writes")
    if summary.unknown:
        return Exit.UNKNOWN
    return Exit.OK if summary.complete else Exit.REFUSED
