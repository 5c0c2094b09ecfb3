"""`refold completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from refold_async.cli.program import program


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands, options, accounts, apps and actions in SHELL.

    For bash, add `eval "$(refold completion bash)"` to ~/.bashrc; for zsh, the same with zsh to ~/.zshrc;
    for fish, `refold completion fish > ~/.config/fish/completions/refold.fish`.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices are those of click
    click.echo(kind(program, {}, "refold", "_REFOLD_COMPLETE").source())
