"""`refold executions list|get|follow|stop|rerun`."""

from __future__ import annotations

import asyncio
import math
import shlex

import click

from refold_async.api.execution_models import Execution, NamedThing
from refold_async.api.executions import follow as follow_execution
from refold_async.api.workflow_models import WorkflowFailed
from refold_async.cli.arguments import account_option, deadline_option
from refold_async.cli.client_command import client_command
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.listing import PageOptions, page_options
from refold_async.cli.terminal import Terminal
from refold_async.client import KeyAccount, Refold
from refold_async.errors import DeadlineExceededError

_COLUMNS = ("id", "status", "%", "workflow", "app", "started", "milliseconds")


@click.group("executions", cls=SuggestingGroup)
def executions() -> None:
    """List, follow, stop and rerun workflow executions."""


@executions.command("list")
@account_option
@click.option("--status", help="Only this status, e.g. ERRORED.")
@click.option("--slug", help="Only these apps, separated by commas.")
@click.option("--workflow", "workflow_id", metavar="ID", help="Only this workflow.")
@page_options
@client_command
async def _list(
    terminal: Terminal, refold: Refold, *, pages: PageOptions, account: str, **filters: object
) -> None:
    """List the executions of a linked account, newest first."""
    resource = refold.account(account).executions
    executions, title = await pages.fetch(resource.list, "executions", **filters)
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


@executions.command("get")
@click.argument("execution")
@account_option
@client_command
async def _get(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Show an execution and its nodes."""
    show(terminal, await refold.account(account).executions.get(execution))


@executions.command("follow")
@click.argument("execution")
@account_option
@deadline_option
@client_command
async def _follow(
    terminal: Terminal, refold: Refold, *, execution: str, account: str, deadline: float | None
) -> None:
    """Wait for an execution to end, printing its progress to stderr."""
    await follow(terminal, refold.account(account), execution, deadline or math.inf)


@executions.command("stop")
@click.argument("execution")
@account_option
@client_command
async def _stop(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Stop an execution. It may run for a moment longer."""
    message = await refold.account(account).executions.stop(execution)
    terminal.report(message, f"stopping {execution}")


@executions.command("rerun")
@click.argument("execution")
@account_option
@client_command
async def _rerun(terminal: Terminal, refold: Refold, *, execution: str, account: str) -> None:
    """Rerun an execution that has ended, and print the new execution's id."""
    rerun = await refold.account(account).executions.rerun(execution)
    terminal.report(rerun, rerun.id or "started")


async def follow(terminal: Terminal, account: KeyAccount, execution_id: str, seconds: float) -> None:
    """Wait for an execution to end and show it; print each state change to stderr.

    Args:
        terminal: Where to print.
        account: The customer it runs for.
        execution_id: The execution's id.
        seconds: Maximum time to wait; `math.inf` for no limit.

    Raises:
        WorkflowFailed: If it ended without completing.
        RefoldError: On any other failure.
    """
    try:
        execution = await _follow_with_progress(terminal, account, execution_id, seconds)
    except WorkflowFailed as error:
        if isinstance(error.execution, Execution) and not terminal.as_json:
            show(terminal, error.execution)
        raise
    show(terminal, execution)


async def _follow_with_progress(
    terminal: Terminal, account: KeyAccount, execution_id: str, seconds: float
) -> Execution:
    told = ""

    async def look(execution_id: str) -> Execution:
        nonlocal told
        execution = await account.executions.get(execution_id)
        if (words := _progress(execution, execution_id)) != told:
            terminal.say(words, err=True)
            told = words
        return execution

    try:
        return await follow_execution(look, execution_id, timeout=seconds)
    except (asyncio.CancelledError, DeadlineExceededError):
        again = (
            f"refold executions follow {execution_id} --account {shlex.quote(str(account.linked_account_id))}"
        )
        terminal.say(f"execution {execution_id} is still running; to wait for it again: {again}", err=True)
        raise


def _progress(execution: Execution, execution_id: str) -> str:
    share = execution.completion_percentage
    told = f", {share:.0f} %" if isinstance(share, int | float) else ""
    return f"execution {execution_id}: {execution.status}{told}"


def show(terminal: Terminal, execution: Execution) -> None:
    """Print an execution with its nodes."""
    if terminal.as_json:
        terminal.put(execution)
        return
    terminal.record(
        {
            "id": execution.id,
            "status": execution.status,
            "workflow": name_of(execution.associated_workflow) or execution.name,
            "linked_account_id": execution.linked_account_id,
            "config_id": execution.config_id,
            "started": execution.created_at,
            "ended": execution.completion_time,
            "milliseconds": execution.instance_execution_time,
        }
    )
    nodes = [
        (each.node_id, each.node_type, each.node_name, each.node_status, each.execution_time)
        for each in execution.nodes or ()
    ]
    if nodes:
        terminal.table(("node", "type", "name", "status", "milliseconds"), nodes)


def name_of(thing: NamedThing | str | None) -> str | None:
    """Return a thing's name, or its id if it has no name."""
    return thing.name or thing.id if isinstance(thing, NamedThing) else thing
