"""`refold api METHOD PATH`."""

from __future__ import annotations

from typing import get_args

import click

from refold_async._core.operation import Effect, Method
from refold_async.api.raw_calls import RawAnswer
from refold_async.cli.arguments import effect_option, read_json, read_pairs
from refold_async.cli.client_command import client_command
from refold_async.cli.completion import complete_accounts
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold
from refold_async.errors import UnreadableReplyError


@click.command("api")
@click.argument("method", type=click.Choice(get_args(Method), case_sensitive=False), metavar="METHOD")
@click.argument("path")
@click.option(
    "--account",
    metavar="ID",
    shell_complete=complete_accounts,
    help="The linked account; default: the organisation.",
)
@click.option("--query", "queries", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--body", metavar="JSON|@FILE|-", help="The JSON body, sent verbatim; - reads stdin.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@effect_option
@client_command
async def api(
    terminal: Terminal,
    refold: Refold,
    *,
    method: Method,
    path: str,
    account: str | None,
    queries: tuple[str, ...],
    body: str | None,
    headers: tuple[str, ...],
    effect: Effect | None,
) -> None:
    """Call any PATH of the API and print the response; with --json, byte for byte.

    \b
      refold api GET /api/v2/public/linked-account --query limit=5
      refold api POST /api/v2/public/linked-account --body '{"linked_account_id": "ann"}'

    PATH is a path, never a URL: the key is only sent to the base URL. For documented operations, the
    effect is known; otherwise, a GET is a read, and any other method is a write and is sent once.
    """  # noqa: D301 - \b is for click
    scope = refold if account is None else refold.account(account)
    answer = await scope.call(
        method,
        path,
        query=read_pairs(queries, "--query"),
        headers=read_pairs(headers, "--header"),
        body=read_json(body, "--body"),
        effect=effect,
    )
    _print(terminal, answer)


def _print(terminal: Terminal, answer: RawAnswer) -> None:
    if not answer.body:
        return
    if terminal.as_json:
        click.echo(answer.body, nl=not answer.body.endswith(b"\n"))
        return
    try:
        terminal.data(answer.data)
    except UnreadableReplyError:
        terminal.say(answer.body.decode(errors="replace").rstrip("\n"))
