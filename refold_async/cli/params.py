"""Parameters, bodies and headers from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec


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
