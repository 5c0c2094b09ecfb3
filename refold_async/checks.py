"""What settings and arguments must be, said in the same words everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeGuard, TypeVar

from refold_async.errors import InvalidCallError, SettingsError

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
