"""What settings and arguments must be, said in the same words everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard, TypeVar, get_args
from urllib.parse import urlsplit

from refold_async._core.operation import Effect
from refold_async.errors import (
    InvalidCallError,
    SettingsError,
)

T = TypeVar("T")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; `True` and `False` are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_count(name: str, value: object, *, least: int = 1, otherwise: str = "") -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        name: What the number is of, as the message names it.
        value: What was given.
        least: The smallest that is let pass.
        otherwise: What else it may be, in the message's words.

    Raises:
        SettingsError: It is none, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} must be a whole number of at least {least}{otherwise}, not {value!r}")


def check_seconds(name: str, value: float) -> float:
    """Give a time back if it is a number above 0; `math.inf` is one.

    Raises:
        SettingsError: It is not.
    """
    if not (is_number(value) and value > 0):
        raise SettingsError(f"{name} must be a number of seconds above 0, not {value!r}")
    return value


def check_mapping(name: str, value: T, *, optional: bool = False) -> T:
    """Give an argument back if it is a mapping.

    Args:
        name: What the argument is called.
        value: What was given.
        optional: Whether `None` passes too.

    Raises:
        InvalidCallError: It is none.
    """
    if not (isinstance(value, Mapping) or (optional and value is None)):
        raise InvalidCallError(f"{name} must be a mapping, not {type(value).__name__}")
    return value


def check_list(name: str, value: T, *, optional: bool = False) -> T:
    """Give an argument back if it is a list, a tuple or a set; a text is none of them.

    Args:
        name: What the argument is called.
        value: What was given.
        optional: Whether `None` passes too.

    Raises:
        InvalidCallError: It is none.
    """
    listed = isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes | bytearray)
    if not (listed or (optional and value is None)):
        raise InvalidCallError(f"{name} must be a list, not {type(value).__name__}")
    return value


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def check_text(name: str, value: str) -> str:
    """Give the text back if it can go into a path or a header.

    Raises:
        InvalidCallError: It is no text, empty, or holds a control character or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidCallError(f"{name} must be a text, not {type(value).__name__}")
    if not value:
        raise InvalidCallError(f"{name} may not be empty")
    if _CONTROL.search(value):
        raise InvalidCallError(f"{name} may not hold control characters: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidCallError(f"{name} is not valid Unicode: {value!r}") from None
    return value


def check_header(name: str, value: str) -> str:
    """Give the text back if a header carries it unchanged.

    Raises:
        InvalidCallError: As `check_text`, or it starts or ends with white space, which HTTP strips.
    """
    check_text(name, value)
    if value != value.strip():
        raise InvalidCallError(f"{name} may not start or end with white space: {value!r}")
    return value


_EFFECTS: Final = (None, *get_args(Effect))


def check_effect(effect: object) -> None:
    """Refuse what is no effect; `None` leaves it to the operation.

    Raises:
        InvalidCallError: It is none.
    """
    if effect not in _EFFECTS:
        raise InvalidCallError(f"effect must be 'read', 'idempotent' or 'write', not {effect!r}")


def check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise SettingsError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def check_timeout(seconds: float) -> float:
    """Give a time-out back if it is a number above 0; `math.inf` is one.

    Raises:
        SettingsError: It is not.
    """
    return check_seconds("timeout", seconds)


def check_url(name: str, url: str, *, credentials: bool) -> None:
    """Refuse what is no URL of a server.

    Args:
        name: What it is the URL of, as the message names it.
        url: What was given.
        credentials: Whether it may hold a user name and a password.

    Raises:
        SettingsError: It cannot be used; the message does not repeat it.
    """
    check_type(name, url, str)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or any(c.isspace() or not c.isprintable() for c in url)
    ):
        raise no_url(name)
    if parts.query or parts.fragment:
        raise SettingsError(f"{name} may hold no query and no fragment")
    if not credentials and (parts.username is not None or parts.password is not None):
        raise SettingsError(f"{name} may hold no user name and no password")


def no_url(name: str) -> SettingsError:
    return SettingsError(f"{name} must be an http:// or https:// URL with a host")
