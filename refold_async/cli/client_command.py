"""The decorator for commands that call Refold: shared options, the client, and error handling."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click

from refold_async.cli.arguments import with_options
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.terminal import Terminal, printable
from refold_async.client import Refold
from refold_async.errors import Fate, RefoldError
from refold_async.hooks import CallFacts, Hooks
from refold_async.settings import Options

CLIENT_OPTIONS: Final = (
    click.option("--base-url", metavar="URL", help="Default: REFOLD_BASE_URL, else the hosted service."),
    click.option("--timeout", type=float, metavar="SECONDS", help="Per call, retries included; default: 60."),
    click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout, everything else to stderr."),
)


def client_command(
    work: Callable[..., Awaitable[None]], settings: Callable[[dict[str, Any]], Options] = lambda _: Options()
) -> Callable[..., None]:
    """Turn a coroutine that takes a terminal and a client into a command's function.

    Adds `--base-url`, `--timeout` and `--json`; the key comes only from `REFOLD_API_KEY`. Errors of
    the SDK are printed, and the process exits with their exit code.

    Args:
        work: Called with a `Terminal`, a `Refold`, and the command's arguments.
        settings: Returns further client settings, popping the arguments that belong to them.
    """

    @functools.wraps(work)
    def command(*, base_url: str | None, timeout: float | None, as_json: bool, **given: Any) -> None:
        terminal, watch = Terminal(as_json=as_json), _InterruptedCall()
        try:
            options: Options = {**_options(base_url, timeout, watch), **settings(given)}
            asyncio.run(_with_client(options, lambda refold: work(terminal, refold, **given)))
        except RefoldError as error:
            terminal.fail(error)
            raise click.exceptions.Exit(exit_code_of(error)) from None
        except KeyboardInterrupt:
            click.echo(printable(watch.interrupted), err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None

    return with_options(command, CLIENT_OPTIONS)


async def _with_client(options: Options, work: Callable[[Refold], Awaitable[None]]) -> None:
    async with Refold(**options) as refold:
        await work(refold)


def _options(base_url: str | None, timeout: float | None, hooks: Hooks) -> Options:
    if not os.environ.get("REFOLD_API_KEY"):
        raise click.UsageError("REFOLD_API_KEY is not set; the key is only read from the environment")
    options: Options = {"base_url": base_url, "hooks": hooks}
    if timeout is not None:
        options["timeout"] = timeout
    return options


class _InterruptedCall(Hooks):
    """Records which call an interruption cancelled, and its fate, for the message."""

    def __init__(self) -> None:
        self.interrupted = "interrupted"

    def on_done(
        self,
        call: CallFacts,
        attempts: int,  # noqa: ARG002 - signature of the hook
        error: BaseException | None,
        fate: Fate | None,
        seconds: float,  # noqa: ARG002
    ) -> None:
        if isinstance(error, asyncio.CancelledError) and fate is not None:
            from refold_async.cli.error_messages import fate_words  # noqa: PLC0415 - for interruptions only

            where = "/".join(part for part in (call.slug, call.action_id) if part)
            who = f" for account {call.linked_account_id}" if call.linked_account_id else ""
            words = fate_words(fate, call.effect)
            self.interrupted = f"interrupted during {call.operation} {where}{who}; fate {words}"
