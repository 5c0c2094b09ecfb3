"""Arguments of more than one command, and those that are more than a text."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import click
import msgspec

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


def action_arguments(function: F) -> F:
    """Give a command the arguments SLUG and ACTION."""
    return with_options(function, _ACTION)


def params_options(function: F) -> F:
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


def read_params(text: str | None, pairs: Iterable[str]) -> dict[str, object]:
    """Give the parameters of `--params` with those of `--param` over them.

    Args:
        text: A JSON object, `@` and the path of a file that holds one, or `-` for stdin.
        pairs: Each `name=value`; the value is sent as a text.

    Raises:
        click.UsageError: One of them cannot be read.
    """
    return {**read_object(text, "--params"), **read_pairs(pairs, "--param")}


def read_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Give the values of an option that is repeated, each `name=value`.

    Raises:
        click.UsageError: One is no such pair, or a name is given twice.
    """
    read: dict[str, str] = {}
    for text in pairs:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not name=value", param_hint=option)
        if name in read:
            raise click.BadParameter(f"{name} is given twice", param_hint=option)
        read[name] = value
    return read


def read_object(text: str | None, option: str) -> dict[str, object]:
    """Give the JSON object of an option; an empty one where it is not given.

    Raises:
        click.UsageError: It cannot be read, or is no JSON object.
    """
    if text is None:
        return {}
    try:
        return msgspec.json.decode(_source(text, option), type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise click.BadParameter(f"no JSON object: {error}", param_hint=option) from error


def read_json(text: str | None, option: str) -> msgspec.Raw | None:
    """Give the JSON of an option as it is; `None` where it is not given.

    Raises:
        click.UsageError: It cannot be read, or is no JSON.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(_source(text, option), type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise click.BadParameter(f"no JSON: {error}", param_hint=option) from error


def _source(text: str, option: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint=option) from error
