"""Arguments of more than one command, and those that are more than a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import click

from refold_async.settings import RateLimit

F = TypeVar("F", bound=Callable[..., object])

account_option: Final = click.option(
    "--account", required=True, metavar="ID", help="The linked account to call for."
)
effect_option: Final = click.option(
    "--effect",
    type=click.Choice(["read", "idempotent", "write"]),
    help="What running it twice does; default: what is known of it. A write is never sent twice.",
)
deadline_option: Final = click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long to wait for its end at most; default: as long as it takes.",
)
_ACTION: Final = (
    click.argument("slug"),
    click.argument("action"),
)
_CALL: Final = (
    click.option(
        "--param", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter, as a text; repeatable."
    ),
    click.option(
        "--params", "text", metavar="JSON|@FILE|-", help="The parameters as a JSON object; - reads stdin."
    ),
    effect_option,
)


def names_action(function: F) -> F:
    """Give a command the arguments SLUG and ACTION."""
    return with_options(function, _ACTION)


def takes_params(function: F) -> F:
    """Give a command `--param`, `--params` and `--effect`."""
    return with_options(function, _CALL)


def with_options(function: F, parts: tuple[Callable[[F], F], ...]) -> F:
    """Give a command options and arguments, which its help shows in this order."""
    for part in reversed(parts):
        function = part(function)
    return function


def read_rate(text: str) -> RateLimit:
    """Read calls a second, with a burst that may come at once: `20` or `20:5`.

    Raises:
        click.BadParameter: It is none.
    """
    rate, _, burst = text.partition(":")
    try:
        return RateLimit(float(rate), int(burst or 1))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no rate, as 20 or 20:5") from error


def read_per_account(text: str) -> int | RateLimit:
    """Read what one customer may take: calls at once as `2`, or calls a second as `5/s`.

    Raises:
        click.BadParameter: It is neither.
    """
    if re.fullmatch(r"[1-9]\d*", text):
        return int(text)
    if text.endswith("/s"):
        return read_rate(text.removesuffix("/s"))
    raise click.BadParameter(f"{text!r} is neither calls at once, as 2, nor a rate, as 5/s")
