"""`refold execute SLUG ACTION --account ID`."""

from __future__ import annotations

import click

from refold_async.cli.calling import account_option, calls_refold
from refold_async.cli.params import read_params
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold
from refold_async.operation import Effect


@click.command("execute")
@click.argument("slug")
@click.argument("action")
@account_option
@click.option(
    "--param", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter, as a text; repeatable."
)
@click.option(
    "--params", "text", metavar="JSON|@FILE|-", help="The parameters as a JSON object; - reads stdin."
)
@click.option(
    "--effect",
    type=click.Choice(["read", "idempotent", "write"]),
    help="What running it twice does; default: by the action's id. A write is never sent twice.",
)
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
