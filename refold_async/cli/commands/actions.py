"""`refold actions`, `refold schema` and `refold execute`: one app, for one linked account."""

from __future__ import annotations

import click

from refold_async._core.operation import Effect
from refold_async.cli.arguments import account_option, action_arguments, params_options, read_params
from refold_async.cli.client_command import client_command
from refold_async.cli.completion import complete_slugs
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold


@click.command("actions")
@click.argument("slug", shell_complete=complete_slugs)
@account_option
@client_command
async def actions(terminal: Terminal, refold: Refold, *, slug: str, account: str) -> None:
    """List the actions of the app SLUG.

    Reads are recognised by their ids; every other action counts as a write.
    """
    found = await refold.account(account).actions.list(slug)
    rows = [(each.action_id, each.effect, each.name, each.description) for each in found]
    columns = ("action_id", "effect", "name", "description")
    terminal.listing(found, columns, rows, f"{len(rows)} actions of {slug}")


@click.command("schema")
@action_arguments
@account_option
@client_command
async def schema(terminal: Terminal, refold: Refold, *, slug: str, action: str, account: str) -> None:
    """Show the parameters that ACTION of the app SLUG takes."""
    fields = await refold.account(account).actions.schema(slug, action)
    rows = [
        (each.name, each.type or "text", "required" if each.required else "", each.label, each.help_text)
        for each in fields
    ]
    columns = ("name", "type", "", "label", "help")
    terminal.listing(list(fields), columns, rows, f"{len(rows)} parameters of {slug}/{action}")


@click.command("execute")
@action_arguments
@account_option
@params_options
@client_command
async def execute(
    terminal: Terminal,
    refold: Refold,
    *,
    slug: str,
    action: str,
    account: str,
    pairs: tuple[str, ...],
    text: str | None,
    effect: Effect | None,
) -> None:
    """Run ACTION of the app SLUG for one linked account."""
    params = read_params(text, pairs)
    result = await refold.account(account).actions.execute(slug, action, params, effect=effect)
    if terminal.as_json:
        terminal.put(
            {"node_status": result.node_status, "http_status": result.http_status, "data": result.raw}
        )
        return
    terminal.data(result.data)
