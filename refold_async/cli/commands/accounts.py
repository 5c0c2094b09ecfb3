"""`refold accounts list|get|create|delete|token`."""

from __future__ import annotations

import click

from refold_async.api.linked_accounts import Integration, LinkedAccount
from refold_async.cli.arguments import read_pairs
from refold_async.cli.client_command import client_command
from refold_async.cli.completion import complete_accounts
from refold_async.cli.groups import SuggestingGroup
from refold_async.cli.listing import PageOptions, page_options
from refold_async.cli.terminal import Terminal, confirm
from refold_async.client import Refold
from refold_async.errors import UnreadableReplyError

_COLUMNS = ("linked_account_id", "name", "environment", "apps", "created")


@click.group("accounts", cls=SuggestingGroup)
def accounts() -> None:
    """List, create and delete linked accounts: your customers."""


@accounts.command("list")
@page_options
@client_command
async def _list(terminal: Terminal, refold: Refold, *, pages: PageOptions) -> None:
    """List the linked accounts."""
    resource = refold.linked_accounts
    accounts, title = await pages.fetch(resource.list, "linked accounts")
    rows = [
        (each.linked_account_id, each.name, each.environment, _apps(each), each.created_at)
        for each in accounts
    ]
    terminal.listing(accounts, _COLUMNS, rows, title)


@accounts.command("get")
@click.argument("account_id", metavar="ID", shell_complete=complete_accounts)
@client_command
async def _get(terminal: Terminal, refold: Refold, *, account_id: str) -> None:
    """Show a linked account and its connections."""
    _show(terminal, await refold.linked_accounts.get(account_id))


@accounts.command("create")
@click.argument("account_id", metavar="ID")
@click.option("--name", help="The display name.")
@click.option("--udf", "pairs", multiple=True, metavar="NAME=VALUE", help="A user-defined field; repeatable.")
@client_command
async def _create(
    terminal: Terminal, refold: Refold, *, account_id: str, name: str | None, pairs: tuple[str, ...]
) -> None:
    """Create a linked account. An existing one is refused."""
    udf = read_pairs(pairs, "--udf") or None
    _show(terminal, await refold.linked_accounts.create(account_id, name=name, udf=udf))


@accounts.command("delete")
@click.argument("account_id", metavar="ID", shell_complete=complete_accounts)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@client_command
async def _delete(terminal: Terminal, refold: Refold, *, account_id: str, yes: bool) -> None:
    """Delete a linked account with its connections, workflows and tokens."""
    if not yes:
        confirm(f"deleting {account_id} also deletes its connections, workflows and tokens")
    message = await refold.linked_accounts.delete(account_id)
    terminal.report(message, f"deleted {account_id}")


@accounts.command("reconnect")
@click.argument("account_id", metavar="ID", shell_complete=complete_accounts)
@client_command
async def _reconnect(terminal: Terminal, refold: Refold, *, account_id: str) -> None:
    """Print a link on which the customer connects its apps again, alone on stdout.

    The link contains a token that acts for the customer until it expires: send it to nobody else.
    """
    link = await refold.reconnect_link(account_id)
    terminal.report({"url": link.hosted_url}, link.hosted_url or "")


@accounts.command("token")
@click.argument("account_id", metavar="ID", shell_complete=complete_accounts)
@click.option("--fresh", is_flag=True, help="Create a new token even if the current one is still valid.")
@client_command
async def _token(terminal: Terminal, refold: Refold, *, account_id: str, fresh: bool) -> None:
    """Print a session token of a linked account, alone on stdout.

    The token acts for the customer until it expires: pass it to a browser, or to Account.from_token.
    The refresh token is not printed.
    """
    session = await refold.session_tokens.create(account_id, force_refresh=fresh or None)
    if session.token is None:
        raise UnreadableReplyError("the response holds no token", fate="unknown")
    terminal.report({"token": session.token, "expires_in": session.expires_in}, session.token)


def _show(terminal: Terminal, account: LinkedAccount) -> None:
    if terminal.as_json:
        terminal.put(account)
        return
    udf = ", ".join(f"{each.key_name}={each.key_value}" for each in account.udf or ())
    terminal.record(
        {
            "linked_account_id": account.linked_account_id,
            "name": account.name,
            "environment": account.environment,
            "udf": udf,
            "created": account.created_at,
            "updated": account.updated_at,
        }
    )
    apps = [(each.type, each.name, each.identifier, _state(each)) for each in account.integrations or ()]
    if apps:
        terminal.table(("app", "name", "identifier", "connection"), apps)


def _apps(account: LinkedAccount) -> str:
    return ", ".join(
        f"{each.type} ({_state(each)})" if _state(each) else str(each.type)
        for each in account.integrations or ()
    )


def _state(integration: Integration) -> str:
    return "reconnect" if integration.reauth_required or integration.refresh_token_expired else ""
