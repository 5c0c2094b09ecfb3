"""The `refold` program. Each command is imported when it runs."""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click

from refold_async import __version__
from refold_async.cli.exits import Exit, exit_on_broken_stdout
from refold_async.cli.groups import SuggestingGroup


class CommandEntry(NamedTuple):
    """The module of a command, and its help line, which the overview shows without importing it."""

    module: str
    help: str


COMMANDS: Final = {
    "demo": CommandEntry("sandbox", "Run a demo on a local sandbox; needs no key."),
    "sandbox": CommandEntry("sandbox", "Run a local Refold sandbox to test against."),
    "actions": CommandEntry("actions", "List the actions of an app."),
    "schema": CommandEntry("actions", "Show the parameters of an action."),
    "execute": CommandEntry("actions", "Run an action in a customer's app."),
    "batch": CommandEntry("batch", "Run an action for many linked accounts."),
    "pull": CommandEntry("pull", "Read all records of many linked accounts into files."),
    "job": CommandEntry("job", "Run a job in shards, and show its progress."),
    "journal": CommandEntry("journal", "Show and settle the journal of a batch."),
    "accounts": CommandEntry("accounts", "List, create and delete linked accounts."),
    "workflows": CommandEntry("workflows", "List and run workflows."),
    "executions": CommandEntry("executions", "List, follow, stop and rerun workflow executions."),
    "codegen": CommandEntry("codegen", "Write a typed module for an app."),
    "mcp": CommandEntry("mcp", "Serve actions as tools over MCP."),
    "api": CommandEntry("api", "Call any path of the API."),
    "completion": CommandEntry("completion", "Print the completion script of a shell."),
}

_ENVIRONMENT: Final = """\b
Environment:
  REFOLD_API_KEY   the organisation's key; never an argument
  REFOLD_BASE_URL  the base URL; default: the hosted service

\b
Exit codes:
  0    done
  1    refused: the app or Refold rejected the call
  2    usage: an argument, setting or file is invalid
  3    auth: the key was refused, or the customer must reconnect the app
  4    throttled: too many calls
  5    not sent: Refold could not be reached
  6    unknown: it may have been done, or the command crashed
  130  interrupted
  141  the output pipe was closed early
"""


class _LazyGroup(SuggestingGroup):
    """A group that imports a command's module only to run it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with exit_on_broken_stdout():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with exit_on_broken_stdout():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - signature of click
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        _silence_log()
        command: click.Command = getattr(
            importlib.import_module(f"refold_async.cli.commands.{entry.module}"), cmd_name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.command(cls=_LazyGroup, epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="refold")
def program() -> None:
    """Call your customers' apps through Refold."""


def _silence_log() -> None:
    """Log nothing by default: a command prints each error itself, with its fate and what to do next."""
    import logging  # noqa: PLC0415 - `--help` needs none

    logging.getLogger("refold_async").addHandler(logging.NullHandler())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: The arguments after `refold`; default: those of the process.
    """
    try:
        code = program.main(arguments, prog_name="refold", standalone_mode=False)
    except click.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            _show_json(error)
        return Exit.USAGE
    except Exception:  # noqa: BLE001 - shown in full
        # Python's own exit code for it is 1, which says that the call was not done.
        traceback.print_exc()
        return Exit.UNKNOWN
    return code if isinstance(code, int) else Exit.OK


def _show_json(error: click.ClickException) -> None:
    from refold_async._core.json_lines import json_line  # noqa: PLC0415 - `--help` needs none

    described = {"class": "UsageError", "message": error.format_message()}
    with contextlib.suppress(OSError):  # the exit code says as much
        click.echo(json_line({"error": described}), nl=False)
