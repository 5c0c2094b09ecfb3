"""`refold sandbox`: the sandbox's own command, by a shorter name."""

from __future__ import annotations

import click

from refold_async.sandbox.__main__ import main


@click.command("sandbox", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Run a Refold on this machine, to try and test against."""
    ctx.exit(main(arguments, prog="refold sandbox"))
