"""`refold mcp --account ID --allow SLUG:ACTION,ACTION`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from refold_async import Refold, RefoldError, SessionManager
from refold_async.agents.settings import SMALLEST_ANSWER, ToolOptions, ToolRecord, Writes, cannot_ask
from refold_async.cli.completion import complete_accounts
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.terminal import Terminal, printable
from refold_async.settings import Options, resolve_base_url


@click.command("mcp")
@click.option(
    "--account",
    metavar="ID",
    shell_complete=complete_accounts,
    help="The linked account that the tools act for.",
)
@click.option(
    "--allow", "allows", multiple=True, metavar="SLUG:ID,ID", help="Actions to offer; nothing else is called."
)
@click.option(
    "--workflow",
    "workflows",
    multiple=True,
    metavar="SLUG:ID,ID",
    help="Workflows to offer; they are writes.",
)
@click.option(
    "--writes",
    type=click.Choice(["deny", "ask", "allow"]),
    default="deny",
    help="Whether actions that write are offered; ask: the client asks its user each time. Default: deny.",
)
@click.option(
    "--settle",
    metavar="FILE.py:NAME",
    help="Look up lost writes: a mapping in a Python file, as for `account.tools(settle=...)`.",
)
@click.option("--http", "port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve HTTP, not stdio.")
@click.option("--host", default="127.0.0.1", help="The address to listen on with --http; default: 127.0.0.1.")
@click.option(
    "--max-bytes",
    type=click.IntRange(SMALLEST_ANSWER),
    default=20_000,
    help="The maximum size of an answer in bytes; default: 20000.",
)
@click.option("--unsafe", is_flag=True, help="Allow httprequest, which can send any request.")
@click.option("--base-url", metavar="URL", help="Default: REFOLD_BASE_URL, else the hosted service.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Per call, retries included; default: 60.")
def mcp(
    *,
    account: str | None,
    allows: Sequence[str],
    workflows: Sequence[str],
    writes: Writes,
    settle: str | None,
    port: int | None,
    host: str,
    max_bytes: int,
    unsafe: bool,
    base_url: str | None,
    timeout: float | None,
) -> None:
    """Serve actions as tools over the Model Context Protocol.

    On stdio, for the account of --account. With --http, for the account of each request's bearer
    token, a Refold session token, at /mcp.
    """
    allowed = _ids(allows, "--allow")
    options: ToolOptions = {
        "workflows": _ids(workflows, "--workflow"),
        "writes": writes,
        "approve": cannot_ask,
        "settle": {} if settle is None else _read_settle(settle),
        "max_bytes": max_bytes,
        "unsafe": unsafe,
        "on_call": _log,
    }
    if not allowed and not options["workflows"]:
        raise click.UsageError("nothing is allowed: pass --allow SLUG:ACTION,ACTION")
    client: Options = {"base_url": base_url}
    if timeout is not None:
        client["timeout"] = timeout
    _check_account(account, port)
    try:
        asyncio.run(
            _serve_http(client, allowed, options, host, port)
            if port is not None
            else _serve_stdio(client, account or "", allowed, options)
        )
    except RefoldError as error:
        Terminal().fail(error)
        raise click.exceptions.Exit(exit_code_of(error)) from None
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{error}; run: pip install 'refold-async[mcp]'") from error
    except OSError as error:
        if port is None:  # the client's pipe
            raise
        raise click.UsageError(f"cannot listen on {_address(host, port)}: {error.strerror}") from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def _read_settle(text: str) -> Any:
    """Return what a name stands for in a Python file, which is run."""
    file, _, name = text.rpartition(":")
    if not file.endswith(".py"):
        raise click.BadParameter(f"{text!r} is not FILE.py:NAME", param_hint="--settle")
    sys.path.insert(0, str(Path(file).absolute().parent))  # as `python FILE` does, for what it imports
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is the protocol's
            return runpy.run_path(file)[name]
    except KeyError:
        raise click.BadParameter(f"{file} defines no {name!r}", param_hint="--settle") from None
    except Exception as error:  # the file may do anything
        raise click.BadParameter(f"{file}: {error!r}", param_hint="--settle") from error


def _log(record: ToolRecord) -> None:
    """Write one line for each tool call to stderr; stdout is the protocol's."""
    click.echo(printable(msgspec.json.encode(record).decode()), err=True)


def _check_account(account: str | None, port: int | None) -> None:
    if port is not None and account is not None:
        raise click.UsageError("--account cannot be used with --http: the bearer token names the account")
    if port is None and account is None:
        raise click.UsageError("no account: pass --account ID")
    if port is None and not os.environ.get("REFOLD_API_KEY"):
        raise click.UsageError("REFOLD_API_KEY is not set; the key is only read from the environment")


def _ids(pairs: Sequence[str], option: str) -> dict[str, list[str]]:
    """Return the ids that a repeatable `SLUG:ID,ID` option gives, by slug."""
    ids: dict[str, list[str]] = {}
    for pair in pairs:
        slug, _, listed = pair.partition(":")
        named = [each.strip() for each in listed.split(",") if each.strip()]
        if not slug or not named:
            raise click.BadParameter(f"must be SLUG:ID,ID, not {pair!r}", param_hint=option)
        ids.setdefault(slug.strip(), []).extend(named)
    return ids


async def _serve_stdio(client: Options, account: str, allowed: dict[str, list[str]], options: Any) -> None:
    from refold_async.agents.mcp_server import serve_stdio  # noqa: PLC0415 - an extra

    async with Refold(**client) as refold:
        await serve_stdio(await refold.account(account).tools(allowed, **options))


async def _serve_http(
    client: Options, allowed: dict[str, list[str]], options: ToolOptions, host: str, port: int
) -> None:
    from refold_async.agents.mcp_server import TokenTools, http_app, serve_http  # noqa: PLC0415 - an extra

    async with SessionManager(**client) as manager:
        app = http_app(TokenTools(manager, allowed, options), resolve_base_url(client.get("base_url")), host)
        await serve_http(
            app, host, port, lambda bound: click.echo(f"http://{_address(host, bound)}/mcp", err=True)
        )


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
