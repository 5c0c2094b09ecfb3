"""`refold actions SLUG --account ID`."""

from __future__ import annotations

import click

from refold_async.cli.arguments import account_option
from refold_async.cli.calling import calls_refold
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold


@click.command("actions")
@click.argument("slug")
@account_option
@calls_refold
async def command(terminal: Terminal, refold: Refold, *, slug: str, account: str) -> None:
    """List the actions of the app SLUG.

    Which of them only read is told by their ids; all else is taken for a write.
    """
    actions = await refold.account(account).actions.list(slug)
    rows = [(each.action_id, each.effect, each.name, each.description) for each in actions]
    columns = ("action_id", "effect", "name", "description")
    terminal.listing(actions, columns, rows, f"{len(rows)} actions of {slug}")
