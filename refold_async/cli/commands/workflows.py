"""`refold workflows list|get|run`."""

from __future__ import annotations

import math
from typing import Any

import click

from refold_async._core.operation import Effect
from refold_async.api.executions import started_by
from refold_async.api.workflow_models import StartedExecution
from refold_async.cli.arguments import account_option, deadline_option, effect_option, read_object
from refold_async.cli.client_command import client_command
from refold_async.cli.commands.executions import follow
from refold_async.cli.completion import complete_accounts
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.listing import PageOptions, page_options
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold
from refold_async.deadlines import deadline as bound
from refold_async.errors import UnreadableReplyError

_COLUMNS = ("id", "alias", "slug", "name", "published", "version", "description")


@click.group("workflows", cls=SuggestingGroup)
def workflows() -> None:
    """List workflows, and run them for a customer."""


@workflows.command("list")
@click.option(
    "--account",
    metavar="ID",
    shell_complete=complete_accounts,
    help="Only those created by this linked account.",
)
@click.option("--slug", help="Only this app.")
@click.option("--name", metavar="REGEX", help="Only names that match.")
@click.option(
    "--published/--unpublished", default=None, help="Only published, or only unpublished, workflows."
)
@page_options
@client_command
async def _list(
    terminal: Terminal, refold: Refold, *, pages: PageOptions, account: str | None, **filters: object
) -> None:
    """List the workflows of the organisation, or those created by one customer."""
    resource = refold.workflows if account is None else refold.account(account).workflows
    workflows, title = await pages.fetch(resource.list, "workflows", **filters)
    rows = [
        (
            each.id,
            each.workflow_alias,
            each.slug,
            each.name,
            _yes(each.published),
            each.version,
            each.description,
        )
        for each in workflows
    ]
    terminal.listing(workflows, _COLUMNS, rows, title)


@workflows.command("get")
@click.argument("workflow")
@client_command
async def _get(terminal: Terminal, refold: Refold, *, workflow: str) -> None:
    """Show a workflow and its nodes."""
    found = await refold.workflows.get(workflow)
    if terminal.as_json:
        terminal.put(found)
        return
    terminal.record(
        {
            "id": found.id,
            "alias": found.workflow_alias,
            "slug": found.slug,
            "name": found.name,
            "description": found.description,
            "published": _yes(found.published),
            "version": found.version,
            "linked_account_id": found.linked_account_id,
            "created": found.created_at,
            "updated": found.updated_at,
        }
    )
    nodes = [(each.get("id"), each.get("type"), each.get("name")) for each in found.nodes or ()]
    if nodes:
        terminal.table(("node", "type", "name"), nodes)


@workflows.command("run")
@click.argument("workflow")
@account_option
@click.option("--slug", required=True, help="The workflow's app.")
@click.option("--payload", metavar="JSON|@FILE|-", help="The payload, a JSON object; - reads stdin.")
@click.option("--config", "config_id", metavar="ID", help="The config to use; default: the workflow's own.")
@click.option("--instance-tag", metavar="TAG", help="A tag for the execution.")
@effect_option
@click.option("--wait", is_flag=True, help="Wait for the execution to end.")
@deadline_option
@client_command
async def _run(
    terminal: Terminal,
    refold: Refold,
    *,
    workflow: str,
    account: str,
    slug: str,
    payload: str | None,
    effect: Effect | None,
    wait: bool,
    deadline: float | None,
    **options: Any,
) -> None:
    """Start WORKFLOW, an id or an alias, for one linked account.

    Prints the execution's id. With --wait, waits for the execution to end.
    """
    customer = refold.account(account)
    given = read_object(payload, "--payload")
    with bound(deadline or math.inf):
        started = await customer.workflows.execute(workflow, slug, given, effect=effect, **options)
        if wait:
            with started_by("workflows.execute", slug, effect):
                await follow(terminal, customer, _id_of(started), math.inf)
            return
    terminal.report(started, _id_of(started))


def _id_of(started: StartedExecution) -> str:
    if started.execution_id is None:
        raise UnreadableReplyError("the response names no execution", fate="unknown")
    return started.execution_id


def _yes(flag: bool | None) -> str | None:  # noqa: FBT001 - the value to display
    return None if flag is None else "yes" if flag else "no"
