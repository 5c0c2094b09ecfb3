"""`refold execute SLUG ACTION --account ID`."""

from __future__ import annotations

import click

from refold_async._core.operation import Effect
from refold_async.cli.arguments import account_option, names_action, takes_params
from refold_async.cli.calling import calls_refold
from refold_async.cli.params import read_params
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold


@click.command("execute")
@names_action
@account_option
@takes_params
@calls_refold
async def command(
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
