"""A group of commands that proposes the nearest one for a misspelt name."""

from __future__ import annotations

import click


class SuggestingGroup(click.Group):
    """A group whose error for an unknown command names the most similar one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, and the remaining arguments.

        Raises:
            click.UsageError: If there is no such command; the message says which one may be meant.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # noqa: PLC0415 - for misspelt names only

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.5)
            if not near:
                raise
            raise click.UsageError(f"no such command {args[0]!r}; did you mean {near[0]!r}?", ctx) from error
