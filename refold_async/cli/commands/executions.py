"""`refold executions list|get|follow|stop|rerun`."""

from __future__ import annotations

import math

import click

from refold_async.cli.arguments import account_option, deadline_option
from refold_async.cli.calling import calls_refold
from refold_async.cli.executions import follow, name_of, show
from refold_async.cli.listing import Asked, lists
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold

_COLUMNS = ("id", "status", "%", "workflow", "app", "started", "milliseconds")


@click.group("executions")
def command() -> None:
    """See, follow, stop and repeat the runs of workflows."""


@command.command("list")
@account_option
@click.option("--status", help="Only those in this state, as ERRORED.")
@click.option("--slug", help="Only those of this app, or of several, separated by commas.")
@click.option("--workflow", "workflow_id", metavar="ID", help="Only those of this workflow.")
@lists
@calls_refold
async def _list(terminal: Terminal, refold: Refold, *, asked: Asked, account: str, **filters: object) -> None:
    """List the executions of a linked account, the newest first."""
    resource = refold.account(account).executions
    executions, title = await asked.of(resource.list, resource.iterate, "executions", **filters)
    rows = [
        (
            each.id,
            each.status,
            each.completion_percentage,
            name_of(each.associated_workflow) or each.name,
            name_of(each.associated_application),
            each.created_at,
            each.instance_execution_time,
        )
        for each in executions
    ]
    terminal.listing(executions, _COLUMNS, rows, title)


@command.command("get")
@click.argument("execution")
@account_option
@calls_refold
async def _get(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Show an execution and its nodes."""
    show(terminal, await refold.account(account).executions.get(execution))


@command.command("follow")
@click.argument("execution")
@account_option
@deadline_option
@calls_refold
async def _follow(
    terminal: Terminal, refold: Refold, *, execution: str, account: str, deadline: float | None
) -> None:
    """Wait for an execution to end, with its progress on stderr."""
    await follow(terminal, refold.account(account), execution, deadline or math.inf)


@command.command("stop")
@click.argument("execution")
@account_option
@calls_refold
async def _stop(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Stop an execution; it may go on for a moment."""
    message = await refold.account(account).executions.stop(execution)
    terminal.tell(message, f"stopping {execution}")


@command.command("rerun")
@click.argument("execution")
@account_option
@calls_refold
async def _rerun(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Start an execution that has ended again, and print the new one's id."""
    rerun = await refold.account(account).executions.rerun(execution)
    terminal.tell(rerun, rerun.id or "started again")
