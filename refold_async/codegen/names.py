"""Python names for what the service names, by rule, and texts of the service as Python literals."""

from __future__ import annotations

import keyword
import re
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Final

TYPES: Final = frozenset(
    {
        *("ActionResult", "Any", "Call", "Literal", "TypedResult", "Walk", "msgspec"),
        *("bool", "dict", "float", "int", "list", "object", "str"),
    }
)
"""What annotations of a generated module name; a class's own member of that name would shadow it."""
METHOD: Final = TYPES | {"calls", "staticmethod", "walks"}
PARAMETER: Final = frozenset(
    {"self", "linked_account_id", "call_key", "walk_resume", "Call", "TypedResult", "Walk"}
)
FIELD: Final = TYPES
MODULE: Final = TYPES | {"Account", "TYPE_CHECKING", "TypeAlias", "structs_wanted", "annotations"}


class NameTakenError(ValueError):
    """Two ids have one Python name, or an id has none."""


def python_name(text: str, reserved: Collection[str] = ()) -> str:
    """Return the Python name of an id; empty if it holds no letter and no digit.

    What an identifier cannot hold becomes `_`; underscores in front go, so that nothing is private; `n` is
    put before a digit, and `_` after a keyword or a reserved name.
    """
    composed = unicodedata.normalize("NFKC", text)
    name = "".join(char if f"a{char}".isidentifier() else "_" for char in composed).lstrip("_")
    if name and not name.isidentifier():
        name = f"n{name}"
    return f"{name}_" if keyword.iskeyword(name) or name in reserved else name


def class_name(text: str) -> str:
    """Return the class name of a slug or an id, e.g. `AcmeCrm` for `acme-crm`."""
    parts = python_name(text).split("_")
    return python_name("".join(part[:1].upper() + part[1:] for part in parts))


def name_all(
    ids: Iterable[str], given: Mapping[str, str], reserved: Collection[str], where: str, problems: list[str]
) -> dict[str, str]:
    """Return the Python name of each id.

    Args:
        ids: The ids.
        given: Names that the user chose, by `where` and id.
        reserved: Names to avoid.
        where: What the keys of `given` begin with, e.g. `create_contact.`.
        problems: Gets a line for each id that has no name of its own.
    """
    names = {each: given.get(f"{where}{each}") or python_name(each, reserved) for each in sorted(ids)}
    taken: dict[str, str] = {}
    for each, name in names.items():
        other = taken.setdefault(name, each)
        if not name:
            problem = "has no Python name"
        elif python_name(name, reserved) != name:
            problem = f"cannot be named {name!r}"
        elif other != each:
            problem = f"and {other!r} have one Python name, {name}"
        else:
            continue
        problems.append(f"{where}{each!r} {problem}; choose one with --name '{where}{each}=NAME'")
    return names


def literal(text: str) -> str:
    """Return a string as a Python literal in the quotes that a formatter would use."""
    shown = repr(text)
    if shown[0] == '"' or text.count('"') > text.count("'"):
        return shown
    return '"' + shown[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def one_line(text: object) -> str:
    """Return a string of the service as it may stand in a docstring: one line without quotes or controls."""
    if not isinstance(text, str):
        return ""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.replace('"', "'").replace("\\", "/").split())


def wrapped(text: str, indent: str) -> list[str]:
    """Return a string as lines of a docstring, those after the first indented further."""
    lines = textwrap.wrap(text, 88 - len(indent), subsequent_indent="    ", break_on_hyphens=False)
    return [f"{indent}{line}" for line in lines]


def unique(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, with a number at its end if it must be, and take it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    taken.add(free)
    return free


def module_name(slug: str) -> str:
    """Return the module name of a slug, e.g. `acme_crm` for `acme-crm`."""
    return python_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", slug)).lower()
