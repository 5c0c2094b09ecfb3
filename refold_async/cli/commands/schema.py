"""`refold schema SLUG ACTION --account ID`."""

from __future__ import annotations

import click

from refold_async.cli.arguments import account_option, names_action
from refold_async.cli.calling import calls_refold
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold


@click.command("schema")
@names_action
@account_option
@calls_refold
async def command(terminal: Terminal, refold: Refold, *, slug: str, action: str, account: str) -> None:
    """Show the parameters that ACTION of the app SLUG takes."""
    schema = await refold.account(account).actions.schema(slug, action)
    rows = [
        (each.name, each.type or "text", "required" if each.required else "", each.label, each.help_text)
        for each in schema
    ]
    columns = ("name", "type", "", "label", "help")
    terminal.listing(list(schema), columns, rows, f"{len(rows)} parameters of {slug}/{action}")
