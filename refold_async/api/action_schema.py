"""The parameters of an action, and checking a call against them before it is sent."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, overload
from urllib.parse import urlsplit

import msgspec

from refold_async.api.common import ApiModel
from refold_async.errors import InvalidCallError


class ActionParameter(ApiModel, frozen=True, kw_only=True):
    """A parameter that an action takes.

    Attributes:
        name: Its key in `params`.
        label: Its display name.
        required: Whether it must be given.
        type: `text`, `json`, `Email`, `Number`, `Textarea`, `URL`, `JSON`, or another that the
            service has learnt since.
        placeholder: An example of its value.
        help_text: Help text to display.
        options: The values to choose from, if it is a choice.
    """

    name: str | None = None
    label: str | None = None
    required: bool | None = None
    type: str | None = None
    placeholder: str | None = None
    help_text: str | None = None
    options: Any = None


class Problem(ApiModel, frozen=True):
    """What is wrong with one parameter of a call.

    Attributes:
        parameter: Its name.
        kind: `"missing"`, `"unknown"` or `"ill_typed"`.
        message: What is wrong, in words.
        nearest: For an unknown one, the name of the action's that is most like it.
    """

    parameter: str
    kind: Literal["missing", "unknown", "ill_typed"]
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        return self.message


def problems_error(problems: Sequence[Problem]) -> InvalidCallError:
    """Return the error for parameters that do not fit an action's schema."""
    return InvalidCallError(
        f"params do not fit the action: {'; '.join(problem.message for problem in problems)}"
    )


class ActionSchema(Sequence[ActionParameter]):
    """The parameters of an action: a sequence of `ActionParameter`, with two ways to use it."""

    __slots__ = ("_by_name", "_parameters")

    def __init__(self, parameters: Sequence[ActionParameter]) -> None:
        self._parameters = tuple(map(_with_flag, parameters))
        # The service may send an item that is not an object, or a name that is not a string.
        self._by_name = {
            each.name: each
            for each in self._parameters
            if isinstance(each, ActionParameter) and isinstance(each.name, str)
        }

    def __repr__(self) -> str:
        return f"ActionSchema({list(self._parameters)!r})"

    def __eq__(self, other: object) -> bool:
        return self._parameters == other._parameters if isinstance(other, ActionSchema) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._by_name))

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[ActionParameter]:
        return iter(self._parameters)

    @overload
    def __getitem__(self, index: int) -> ActionParameter: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ActionParameter, ...]: ...
    def __getitem__(self, index: int | slice) -> ActionParameter | tuple[ActionParameter, ...]:
        return self._parameters[index]

    def check(self, params: Mapping[str, object] | None = None) -> list[Problem]:
        """Check a call's parameters without calling anything.

        A value of a type that the SDK does not know is never a problem.

        Args:
            params: The parameters that `execute` would be given.

        Returns:
            Every missing, unknown and ill-typed parameter; an empty list if there is none.
        """
        given = params or {}
        missing = [
            _missing(name)
            for name, each in self._by_name.items()
            if each.required and _is_absent(given.get(name))
        ]
        unknown = [self._unknown(str(name)) for name in given if name not in self._by_name]
        typed = [
            _ill_typed(name, each, given[name])
            for name, each in self._by_name.items()
            if not _is_absent(given.get(name))
        ]
        return [*missing, *unknown, *(problem for problem in typed if problem is not None)]

    def json_schema(self) -> dict[str, Any]:
        """Return the parameters as a JSON Schema (2020-12) of the `params` object."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {name: _property(each) for name, each in self._by_name.items()},
            "required": [name for name, each in self._by_name.items() if each.required],
            "additionalProperties": False,
        }

    def _unknown(self, name: str) -> Problem:
        near = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.6)
        nearest = near[0] if near else None
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        return Problem(name, "unknown", f"the action has no parameter {name!r}{hint}", nearest)


def _with_flag(parameter: Any) -> Any:
    """Return a parameter whose `required` is a boolean, also if the service wrote it as text or a number."""
    required: Any = getattr(
        parameter, "required", None
    )  # an item may be no object, and the field of any type
    if isinstance(required, bool | None):
        return parameter
    given = str(required).strip().lower()
    return msgspec.structs.replace(parameter, required=given in {"true", "1", "yes"})


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _missing(name: str) -> Problem:
    return Problem(name, "missing", f"the required parameter {name!r} is missing")


def _ill_typed(name: str, parameter: ActionParameter, value: object) -> Problem | None:
    rule = _rule_of(parameter)
    if rule is not None and not rule.fits(value):
        return _wrong(name, f"must be {rule.words}", value)
    choices = _choices(parameter.options)
    if choices and not isinstance(value, list | dict) and _plain(value) not in choices:
        return _wrong(name, f"must be one of {', '.join(choices[:10])}", value)
    return None


def _wrong(name: str, rule: str, value: object) -> Problem:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return Problem(name, "ill_typed", f"the parameter {name!r} {rule}, not {shown}")


def _plain(value: object) -> str:
    """Return a choice as the service's forms write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(options: object) -> list[str]:
    """Return the values of a choice as strings; they come plain, or as objects with a value."""
    if not isinstance(options, list):
        return []
    values = _scalars(options)
    plain = [_plain(value) for value in values if isinstance(value, str | int | float)]
    return plain if len(plain) == len(values) else []


def _scalars(options: Any) -> list[Any]:
    """Return the values of a choice as they came."""
    return [option.get("value") if isinstance(option, dict) else option for option in options]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (
        isinstance(value, str)
        and re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", value) is not None
    )


def _is_email(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


def _is_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _is_json(value: object) -> bool:
    """Whether a value is JSON: a structure, or a string that holds JSON."""
    if not isinstance(value, str):
        return True
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


class _Rule(msgspec.Struct, frozen=True):
    """What a type takes, in code, in words, and as JSON Schema."""

    fits: Callable[[object], bool]
    words: str
    schema: dict[str, Any]


_TEXT: Final = _Rule(_is_scalar, "a string or a number", {"type": ["string", "number", "boolean"]})
_JSON: Final = _Rule(_is_json, "JSON: an object, a list, or a string that holds JSON", {})
_RULES: Final = {
    "text": _TEXT,
    "textarea": _TEXT,
    "email": _Rule(_is_email, "an e-mail address", {"type": "string", "format": "email"}),
    "number": _Rule(_is_number, "a number", {"type": ["number", "string"]}),
    "url": _Rule(_is_url, "a URL", {"type": "string", "format": "uri"}),
    "json": _JSON,
}


def _rule_of(parameter: ActionParameter) -> _Rule | None:
    return _RULES.get(parameter.type.lower()) if isinstance(parameter.type, str) else None


def _property(parameter: ActionParameter) -> dict[str, Any]:
    rule = _rule_of(parameter)
    schema = copy.deepcopy(rule.schema) if rule else {}
    if isinstance(parameter.label, str) and parameter.label:
        schema["title"] = parameter.label
    if isinstance(parameter.help_text, str) and parameter.help_text:
        schema["description"] = parameter.help_text
    if choices := _choices(parameter.options):
        schema["enum"] = list(dict.fromkeys([*_scalars(parameter.options), *choices]))
    return schema
