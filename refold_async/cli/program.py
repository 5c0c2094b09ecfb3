"""The `refold` program: its commands, each loaded when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click

from refold_async import __version__
from refold_async.cli.exits import Exit
from refold_async.cli.pipes import quiet_without_reader


class _Entry(NamedTuple):
    """Where a command is, and the line of help that spares loading it."""

    module: str
    help: str


COMMANDS: Final = {
    "demo": _Entry("demo", "Show the main job on a sandbox of its own; needs no key."),
    "sandbox": _Entry("sandbox", "Run a Refold on this machine, to try and test against."),
    "actions": _Entry("actions", "List the actions of an app."),
    "schema": _Entry("schema", "Show the parameters of an action."),
    "execute": _Entry("execute", "Run an action in a customer's app."),
    "batch": _Entry("batch", "Run an action for many linked accounts."),
    "accounts": _Entry("accounts", "See, make and delete linked accounts."),
    "workflows": _Entry("workflows", "See workflows, and run them."),
    "executions": _Entry("executions", "See, follow, stop and repeat runs of workflows."),
    "api": _Entry("api", "Call any path of the service."),
}

_ENVIRONMENT: Final = """\b
Environment:
  REFOLD_API_KEY   the organisation's key; never an argument
  REFOLD_BASE_URL  where Refold is; default: the hosted service

\b
Exit codes:
  0    done
  1    refused: the app or Refold answered that it was not done
  2    usage: an argument, a setting or a file cannot work
  3    auth: the key was refused, or the customer must connect its app again
  4    throttled: too many calls
  5    not sent: Refold could not be reached
  6    unknown: it may have been done
  130  interrupted
  141  whoever read the output left before its end
"""


class _Program(click.Group):
    """A group that loads a command's module only to run it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with quiet_without_reader():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with quiet_without_reader():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"refold_async.cli.commands.{entry.module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.command(cls=_Program, epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="refold")
def program() -> None:
    """Read and write your customers' apps through Refold."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; gives its exit code.

    Args:
        arguments: What follows `refold`; default: the process's own.
    """
    try:
        code = program.main(arguments, prog_name="refold", standalone_mode=False)
    except click.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    return code if isinstance(code, int) else Exit.OK
