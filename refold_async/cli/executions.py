"""An execution for people: how it goes on, and what became of it."""

from __future__ import annotations

import asyncio
import shlex

from refold_async.api.execution_models import Execution, NamedThing
from refold_async.api.following import follow as follow_execution
from refold_async.api.workflow_results import WorkflowFailed
from refold_async.cli.terminal import Terminal
from refold_async.client import KeyAccount
from refold_async.errors import DeadlineExceededError


async def follow(terminal: Terminal, account: KeyAccount, execution_id: str, seconds: float) -> None:
    """Wait for an execution to end, and show it; each change of its state is a line on stderr.

    Args:
        terminal: Where the lines go.
        account: The customer for whom it runs.
        execution_id: The execution's id.
        seconds: How long to wait at most; `math.inf` for no end.

    Raises:
        WorkflowFailed: It ended, and did not complete.
        RefoldError: Any other failure.
    """
    try:
        execution = await _follow(terminal, account, execution_id, seconds)
    except WorkflowFailed as error:
        if isinstance(error.execution, Execution) and not terminal.as_json:
            show(terminal, error.execution)
        raise
    show(terminal, execution)


async def _follow(terminal: Terminal, account: KeyAccount, execution_id: str, seconds: float) -> Execution:
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
        terminal.say(f"execution {execution_id} goes on; to wait for it again: {again}", err=True)
        raise


def _progress(execution: Execution, execution_id: str) -> str:
    share = execution.completion_percentage
    told = f", {share:.0f} %" if isinstance(share, int | float) else ""
    return f"execution {execution_id}: {execution.status}{told}"


def show(terminal: Terminal, execution: Execution) -> None:
    """Write an execution with its nodes."""
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
    """Give the name of what an execution names, or its id where that is all."""
    return thing.name or thing.id if isinstance(thing, NamedThing) else thing
