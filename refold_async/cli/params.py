"""The parameters of an action from the command line."""

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
    return {**_object(text), **dict(_pair(each) for each in pairs)}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not name=value", param_hint="--param")
    return name, value


def _object(text: str | None) -> dict[str, object]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(_source(text), type=dict[str, object])
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint="--params") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise click.BadParameter(f"no JSON object: {error}", param_hint="--params") from error


def _source(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
