"""Options and arguments shared by commands, and the parsing of their values."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from refold_async.cli.completion import complete_accounts, complete_actions, complete_slugs
from refold_async.cli.signals import interruptible
from refold_async.settings import DEFAULT_MAX_CONNECTIONS, Options, RateLimit

_FLOAT_DIGITS: Final = 17
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
F = TypeVar("F", bound=Callable[..., object])

FILE_OR_STDIN: Final = click.Path(allow_dash=True, readable=False)
"""A path that shells complete. What reads the file says what is wrong with it."""

account_option: Final = click.option(
    "--account",
    required=True,
    metavar="ID",
    help="The linked account.",
    shell_complete=complete_accounts,
)
effect_option: Final = click.option(
    "--effect",
    type=click.Choice(["read", "idempotent", "write"]),
    help="Whether the action can be repeated; default: inferred. A write is never sent twice.",
)
deadline_option: Final = click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Maximum time to wait for the end; default: no limit.",
)
_ACTION: Final = (
    click.argument("slug", shell_complete=complete_slugs),
    click.argument("action", shell_complete=complete_actions),
)
_CALL: Final = (
    click.option(
        "--param",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter, sent as a string; repeatable.",
    ),
    click.option(
        "--params", "text", metavar="JSON|@FILE|-", help="The parameters as a JSON object; - reads stdin."
    ),
    effect_option,
)


def action_arguments(function: F) -> F:
    """Add the arguments SLUG and ACTION to a command."""
    return with_options(function, _ACTION)


def params_options(function: F) -> F:
    """Add `--param`, `--params` and `--effect` to a command."""
    return with_options(function, _CALL)


def with_options(function: F, parts: tuple[Callable[[F], F], ...]) -> F:
    """Add options and arguments to a command, listed in its help in this order."""
    for part in reversed(parts):
        function = part(function)
    return function


def fan_out_settings(given: dict[str, Any]) -> Options:
    """Return the client's settings for `--concurrency` and `--rate`, which is removed."""
    options: Options = {"max_connections": max(DEFAULT_MAX_CONNECTIONS, given["concurrency"])}
    rate = given.pop("rate")
    return options if rate is None else {**options, "rate_limit": rate}


def read_rate(text: str) -> RateLimit:
    """Parse a rate in calls per second with an optional burst, e.g. `20` or `20:5`.

    Raises:
        click.BadParameter: If it is not a rate.
    """
    rate, _, burst = text.partition(":")
    try:
        return RateLimit(float(rate), int(burst or 1))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a rate, e.g. 20 or 20:5") from error


def read_per_account(text: str) -> int | RateLimit:
    """Parse a limit per customer: concurrent calls, e.g. `2`, or calls per second, e.g. `5/s`.

    Raises:
        click.BadParameter: If it is neither.
    """
    if re.fullmatch(r"[1-9]\d*", text):
        return int(text)
    if text.endswith("/s"):
        return read_rate(text.removesuffix("/s"))
    raise click.BadParameter(
        f"{text!r} is neither a number of concurrent calls, e.g. 2, nor a rate, e.g. 5/s"
    )


def read_delimiter(text: str) -> str:
    """Parse a delimiter: one character, or the word `tab`.

    Raises:
        click.BadParameter: If it is neither.
    """
    if text in {"tab", r"\t"}:
        return "\t"
    if len(text) != 1 or text in '"\r\n':
        raise click.BadParameter(f"{text!r} is not one character, e.g. ;, or tab")
    return text


def csv_options(function: F) -> F:
    """Add `--delimiter` and `--encoding` to a command that reads a file."""
    return with_options(function, _CSV)


_CSV: Final = (
    click.option(
        "--delimiter",
        type=read_delimiter,
        metavar="CHAR",
        help="The delimiter of a CSV file: a character, or tab; default: by its header.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="The encoding of the file; default: by its byte order mark, else UTF-8.",
    ),
)


def read_params(text: str | None, pairs: Iterable[str]) -> dict[str, object]:
    """Return the parameters of `--params`, updated with those of `--param`.

    Args:
        text: A JSON object, `@` and the path of a file that holds one, or `-` for stdin.
        pairs: Each `name=value`; the value is sent as a string.

    Raises:
        click.UsageError: If either cannot be parsed.
    """
    return {**read_object(text, "--params"), **read_pairs(pairs, "--param")}


def read_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Return the values of a repeatable `name=value` option.

    Raises:
        click.UsageError: If one is not a pair, or a name is given twice.
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
    """Return the JSON object of an option, or an empty one.

    Raises:
        click.UsageError: If it cannot be read or is not a JSON object.
    """
    if text is None:
        return {}
    try:
        source = _source(text, option)
    except UnicodeError as error:
        raise click.BadParameter(f"not a JSON object: {error}", param_hint=option) from error
    try:
        found = _decode_object(source)
        json.loads(source, object_pairs_hook=unique_object)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        why = json_problem(source.decode(), error)
        raise click.BadParameter(f"not a JSON object: {why}", param_hint=option) from error
    return found


def exact_float(text: str) -> float:
    """Return a number of JSON.

    Raises:
        ValueError: If a float cannot hold it, so that another one would be sent.
    """
    number = float(text)
    digits, _, exponent = text.lower().lstrip("-").partition("e")
    digits = digits.replace(".", "").strip("0")
    # With 17 digits, as some programs write any float, it is the float that they meant.
    if len(digits) <= _FLOAT_DIGITS and math.isfinite(number) and (number or not digits):
        return number
    if math.isfinite(number) and not exponent and Decimal(repr(number)) == Decimal(text):
        return number
    raise ValueError(f"the number {text} would be sent as {number!r}; pass it as a string")


def json_problem(text: str, error: Exception) -> str:
    """Return why JSON cannot be read. The decoder takes half a character for the end of the text."""
    if isinstance(error, msgspec.DecodeError) and _HALF.search(text):
        return f"half a character (a lone surrogate), or not JSON: {error}"
    # The hook's own words, without the path that the decoder adds.
    return str(error.__cause__ if isinstance(error.__cause__, ValueError) else error)


_decode_object: Final = msgspec.json.Decoder(dict[str, object], float_hook=exact_float).decode


def unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's fields.

    Raises:
        ValueError: If it has a name twice: one of the values would be lost.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate name {next(name for name in names if names.count(name) > 1)!r}")
    return made


def read_json(text: str | None, option: str) -> msgspec.Raw | None:
    """Return the raw JSON of an option, or `None`.

    Raises:
        click.UsageError: If it cannot be read or is not JSON.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(_source(text, option), type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint=option) from error


def _source(text: str, option: str) -> bytes:
    """Return the JSON that an option gives, as UTF-8 without a byte order mark."""
    if text == "-":
        with interruptible():
            return _as_utf8(sys.stdin.buffer.read())
    if not text.startswith("@"):
        return text.encode()
    try:
        return _as_utf8(Path(text[1:]).read_bytes())
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint=option) from error


def _as_utf8(source: bytes) -> bytes:
    from refold_async.cli.input_files import encoding_of  # noqa: PLC0415 - for files only

    return source.decode(encoding_of(source[:4]) or "utf-8").encode()
