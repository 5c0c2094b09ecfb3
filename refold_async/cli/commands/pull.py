"""`refold pull SLUG ACTION --accounts FILE --out DIR`."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import click
import msgspec

from refold_async._core.effects import effect_of_action
from refold_async.cli.arguments import (
    FILE_OR_STDIN,
    action_arguments,
    csv_options,
    fan_out_settings,
    params_options,
    read_params,
    read_per_account,
    read_rate,
)
from refold_async.cli.client_command import client_command
from refold_async.cli.error_messages import error_lines
from refold_async.cli.exits import Exit, exit_code_of, worst_exit
from refold_async.cli.input_rows import AccountsFile
from refold_async.cli.progress import WalkProgressDisplay, progress_option
from refold_async.cli.reports import check_reports, report_option
from refold_async.cli.terminal import Terminal, printable
from refold_async.client import Refold
from refold_async.walks import WalkFailed, WalkSkipped, WalkSummary

_MOST_SHOWN: Final = 20


@click.command("pull")
@action_arguments
@click.option(
    "--accounts",
    "path",
    required=True,
    type=FILE_OR_STDIN,
    metavar="FILE|-",
    help="CSV or JSONL, one account per row.",
)
@click.option("--out", required=True, type=click.Path(file_okay=False), help="The folder to write to.")
@click.option(
    "--format",
    type=click.Choice(["jsonl", "jsonl.gz", "csv", "parquet"]),
    default="jsonl",
    show_default=True,
    help="The format of the files; parquet needs the extra `arrow`.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False),
    help="The state to resume from; default: in the folder of --out.",
)
@click.option("--since", metavar="PARAM", help="The parameter that takes the time of the last run.")
@click.option(
    "--since-format", type=click.Choice(["iso", "epoch", "epoch_ms"]), default="iso", show_default=True
)
@click.option("--once", is_flag=True, help="Finish the last run; begin no new one.")
@click.option("--records", metavar="PATH", help="Where the records are in a response, e.g. results.")
@click.option("--account-column", default="linked_account_id", show_default=True, metavar="NAME")
@csv_options
@params_options
@click.option(
    "--concurrency", type=click.IntRange(min=1), default=50, show_default=True, help="Concurrent pages."
)
@click.option(
    "--per-account",
    type=read_per_account,
    metavar="N|N/s",
    help="Concurrent pages, or pages per second, per account.",
)
@click.option("--rate", type=read_rate, metavar="N[:BURST]", help="Pages per second in total.")
@report_option
@progress_option
@functools.partial(client_command, settings=fan_out_settings)
async def pull(terminal: Terminal, refold: Refold, **given: Any) -> None:
    """Read all records of ACTION of the app SLUG for many linked accounts into files.

    Run the same command again after a crash, and it continues: each record is in the files once.
    `manifest.json` names the files. The exit code is 0 only if every account is complete.
    """
    slug, action, out = given.pop("slug"), given.pop("action"), given.pop("out")
    params = read_params(given.pop("text"), given.pop("pairs"))
    if (given["effect"] or effect_of_action(action)) != "read":
        raise click.UsageError(
            f"{action} may change something, and would run many times; if it only reads, pass --effect read"
        )
    failures = _Failures()
    check_reports(given["reports"])
    with (
        AccountsFile(
            given.pop("path"),
            account_column=given.pop("account_column"),
            delimiter=given.pop("delimiter"),
            encoding=given.pop("encoding"),
        ) as rows,
        WalkProgressDisplay(form=given.pop("progress")) as display,
    ):
        if not len(rows):
            click.echo(f"no accounts in {rows.name}: nothing to read", err=True)
        accounts = list(dict.fromkeys(row.linked_account_id for row in rows))
        with _refuse_folder(out), _interrupt_on_sigterm():
            summary = await refold.pull(
                slug,
                action,
                accounts,
                out,
                params=params,
                on_ended=failures.add,
                on_progress=display,
                **given,
            )
    failures.report()
    terminal.report(_fields(summary), str(summary))
    raise click.exceptions.Exit(failures.exit_code(summary))


@contextmanager
def _refuse_folder(out: str) -> Iterator[None]:
    try:
        yield
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise click.ClickException(f"cannot write to {out}: {error.strerror}") from None


@contextmanager
def _interrupt_on_sigterm() -> Iterator[None]:
    """Make SIGTERM do what Ctrl-C does: what was read is kept."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    received: list[None] = []

    def stop() -> None:
        received.append(None)
        task.cancel()

    with suppress(NotImplementedError):  # on Windows
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        raise KeyboardInterrupt from None
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGTERM)


class _Failures:
    """The walks that did not end well."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._codes: set[Exit] = set()
        self._number = 0

    def add(self, item: WalkFailed | WalkSkipped) -> None:
        """Note one."""
        self._number += 1
        if isinstance(item, WalkFailed):
            code = exit_code_of(item.error)
            what = next(error_lines(item.error)).removeprefix("error: ")
        else:
            code = Exit.AUTH if item.reason in {"reconnect", "api_key_refused"} else Exit.REFUSED
            what = f"skipped: {item.reason.replace('_', ' ')}"
        # A read may be repeated, whatever became of it.
        self._codes.add(Exit.REFUSED if code is Exit.UNKNOWN else code)
        if len(self._shown) < _MOST_SHOWN:
            self._shown.append(f"{item.walk.linked_account_id}: {what}")

    def report(self) -> None:
        """Print them on stderr."""
        for line in self._shown:
            click.echo(printable(line), err=True)
        if self._number > len(self._shown):
            click.echo(f"and {self._number - len(self._shown):,} more", err=True)

    def exit_code(self, summary: WalkSummary) -> Exit:
        """Return the exit code: 0 only if every walk is complete."""
        return worst_exit(self._codes or ({Exit.REFUSED} if not summary.is_complete else ()))


def _fields(summary: WalkSummary) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(summary).items() if name != "calls"}
