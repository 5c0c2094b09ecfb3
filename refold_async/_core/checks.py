"""Checks of settings and arguments, with one wording for each kind of mistake."""

from __future__ import annotations

import inspect
import io
import os
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard, TypeVar, get_args
from urllib.parse import urlsplit

from refold_async._core.operation import Effect
from refold_async.errors import InvalidCallError, SettingsError

T = TypeVar("T")

# Settings: raise SettingsError.


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; `True` and `False` are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_type(name: str, value: object, kind: type) -> None:
    """Check the type of a setting.

    Raises:
        SettingsError: If the value is not a `kind`.
    """
    if not isinstance(value, kind):
        raise SettingsError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that a value is one of some strings.

    Raises:
        SettingsError: If it is not.
    """
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def check_count(name: str, value: object, *, least: int = 1, otherwise: str = "") -> None:
    """Check that a setting is an integer in range.

    Args:
        name: What the message calls the value.
        value: The value.
        least: The smallest allowed value.
        otherwise: What else the value may be, appended to the message.

    Raises:
        SettingsError: If the value is not an integer, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{name} must be an integer of at least {least}{otherwise}, not {value!r}")


def check_seconds(name: str, value: float) -> float:
    """Return a duration if it is a positive number; `math.inf` is one.

    Raises:
        SettingsError: If it is not.
    """
    if not (is_number(value) and value > 0):
        raise SettingsError(f"{name} must be a positive number of seconds, not {value!r}")
    return value


def check_timeout(seconds: float) -> float:
    """Return a timeout if it is a positive number; `math.inf` is one.

    Raises:
        SettingsError: If it is not.
    """
    return check_seconds("timeout", seconds)


def check_url(name: str, url: str, *, credentials: bool) -> None:
    """Check the URL of a server.

    Args:
        name: What the message calls the URL.
        url: The URL.
        credentials: Whether it may contain a username and a password.

    Raises:
        SettingsError: If it cannot be used; the message does not repeat it.
    """
    check_type(name, url, str)
    # The parts stay in a frame of their own: tracebacks with locals would show the password.
    usable, has_query, has_login = _inspect_url(url)
    if not usable:
        raise invalid_url(name)
    if has_query:
        raise SettingsError(f"{name} must not contain a query or a fragment")
    if has_login and not credentials:
        raise SettingsError(f"{name} must not contain a username or a password")


def _inspect_url(url: str) -> tuple[bool, bool, bool]:
    """Return whether it is a server's URL, has a query or a fragment, and has a username or a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False, False, False
    clean = not any(c.isspace() or not c.isprintable() for c in url)
    usable = parts.scheme in {"http", "https"} and bool(host) and clean
    has_login = parts.username is not None or parts.password is not None
    return usable, bool(parts.query or parts.fragment), has_login


def invalid_url(name: str) -> SettingsError:
    """Return the error for a value that is not the URL of a server."""
    return SettingsError(f"{name} must be an http:// or https:// URL with a host")


def check_secret(name: str, value: str) -> str:
    """Return an API key or token if it can be sent as a header.

    Raises:
        SettingsError: If it cannot; the message does not repeat it.
    """
    if not isinstance(value, str):
        raise SettingsError(f"{name} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise SettingsError(f"{name} is empty")
    if value != value.strip() or not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError(f"{name} contains whitespace, a line break or a non-ASCII character")
    return value


# Arguments of a call: raise InvalidCallError.


def check_mapping(name: str, value: T, *, optional: bool = False) -> T:
    """Return an argument if it is a mapping.

    Args:
        name: The argument's name.
        value: The value.
        optional: Whether `None` is allowed.

    Raises:
        InvalidCallError: If it is not a mapping.
    """
    if not (isinstance(value, Mapping) or (optional and value is None)):
        raise InvalidCallError(f"{name} must be a mapping, not {type(value).__name__}")
    return value


def check_list(name: str, value: T, *, optional: bool = False) -> T:
    """Return an argument if it is a list, a tuple or a set, and not a string.

    Args:
        name: The argument's name.
        value: The value.
        optional: Whether `None` is allowed.

    Raises:
        InvalidCallError: If it is not a list.
    """
    listed = isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes | bytearray)
    if not (listed or (optional and value is None)):
        raise InvalidCallError(f"{name} must be a list, not {type(value).__name__}")
    return value


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def check_string(name: str, value: object) -> None:
    """Check that an argument is a string.

    Raises:
        InvalidCallError: If it is not.
    """
    if not isinstance(value, str):
        raise InvalidCallError(f"{name} must be a string, not {type(value).__name__}")


def check_text(name: str, value: str) -> str:
    """Return a string if it can be sent in a path or a header; of an enum's member, its value.

    Raises:
        InvalidCallError: If it is not a string, empty, or contains a control character or a lone surrogate.
    """
    check_string(name, value)
    if not value:
        raise InvalidCallError(f"{name} must not be empty")
    if _CONTROL.search(value):
        raise InvalidCallError(f"{name} must not contain control characters: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidCallError(f"{name} is not valid Unicode: {value!r}") from None
    # What sends it asks for `str(value)`, which for an enum's member is its name (`Customer.ANN`).
    return value if type(value) is str else str.__str__(value)


def check_header(name: str, value: str) -> str:
    """Return a string if a header carries it unchanged.

    Raises:
        InvalidCallError: If `check_text` refuses it, or it starts or ends with whitespace, which HTTP strips.
    """
    value = check_text(name, value)
    if value != value.strip():
        raise InvalidCallError(f"{name} must not start or end with whitespace: {value!r}")
    return value


_EFFECTS: Final = (None, *get_args(Effect))


def check_effect(effect: object) -> None:
    """Check an effect; `None` leaves it to the operation.

    Raises:
        InvalidCallError: If it is not an effect.
    """
    if effect not in _EFFECTS:
        raise InvalidCallError(f"effect must be 'read', 'idempotent' or 'write', not {effect!r}")


def check_file(name: str, source: object) -> None:
    """Check that a file to upload yields bytes.

    Raises:
        InvalidCallError: If it is not a path, a binary file object or bytes.
    """
    if isinstance(source, io.TextIOBase):
        raise text_mode(name)
    read = getattr(source, "read", None)
    readable = callable(read) and not inspect.iscoroutinefunction(read)
    if not isinstance(source, bytes | os.PathLike) and not readable:
        raise InvalidCallError(
            f"the file for {name!r} must be a path, a binary file object or bytes, "
            f"not {type(source).__name__}"
        )


def text_mode(name: str) -> InvalidCallError:
    """Return the error for a file object that yields text."""
    return InvalidCallError(f"the file for {name!r} is open in text mode; open it in binary mode")
