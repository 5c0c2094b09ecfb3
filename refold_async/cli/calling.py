"""What the commands that call Refold share: their options, the client, and how they end."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click

from refold_async.cli.advice import fate_words
from refold_async.cli.exits import Exit, exit_of
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold
from refold_async.errors import RefoldError
from refold_async.hooks import CallFacts, Hooks
from refold_async.settings import Options

_OPTIONS: Final = (
    click.option("--base-url", metavar="URL", help="Default: REFOLD_BASE_URL, else the hosted service."),
    click.option(
        "--timeout", type=float, metavar="SECONDS", help="For a call with its retries; default: 60."
    ),
    click.option("--json", "as_json", is_flag=True, help="JSON to stdout, all else to stderr."),
)
account_option: Final = click.option(
    "--account", required=True, metavar="ID", help="The linked account to call for."
)


def calls_refold(work: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make a command's function of a coroutine that takes a terminal and a client.

    The command gets `--base-url`, `--timeout` and `--json`; the key comes from `REFOLD_API_KEY`
    alone. Errors of the SDK are told in words, and end the process with their exit code.
    """

    @functools.wraps(work)
    def command(*, base_url: str | None, timeout: float | None, as_json: bool, **given: Any) -> None:
        terminal = Terminal(as_json=as_json)
        under_way = _UnderWay()
        try:
            options = _options(base_url, timeout, under_way)
            asyncio.run(_with_client(options, lambda refold: work(terminal, refold, **given)))
        except RefoldError as error:
            terminal.fail(error)
            raise click.exceptions.Exit(exit_of(error)) from None
        except KeyboardInterrupt:
            click.echo(f"interrupted{under_way.words(terminal)}", err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


async def _with_client(options: Options, work: Callable[[Refold], Awaitable[None]]) -> None:
    async with Refold(**options) as refold:
        await work(refold)


def _options(base_url: str | None, timeout: float | None, hooks: Hooks) -> Options:
    if not os.environ.get("REFOLD_API_KEY"):
        raise click.UsageError("REFOLD_API_KEY is not set; the key comes from the environment alone")
    options: Options = {"base_url": base_url, "hooks": hooks}
    if timeout is not None:
        options["timeout"] = timeout
    return options


class _UnderWay(Hooks):
    """Knows the call that an interruption leaves behind."""

    def __init__(self) -> None:
        self._call: CallFacts | None = None

    def on_request(self, call: CallFacts, attempt: int) -> None:  # noqa: ARG002 - as every hook
        self._call = call

    def on_done(self, call: CallFacts, attempts: int, error: BaseException | None, seconds: float) -> None:  # noqa: ARG002
        if not isinstance(error, asyncio.CancelledError):
            self._call = None

    def words(self, terminal: Terminal) -> str:
        """Say which call was under way, and its fate."""
        call = self._call
        if call is None:
            return ""
        where = "/".join(part for part in (call.slug, call.action_id) if part)
        fate = fate_words("unknown", terminal.effect)
        return f": {call.operation} {where} for account {call.linked_account_id} was under way; fate {fate}"
