"""Adds to the API reference what griffe does not see in the package's classes.

`zensical.toml` loads this file as a griffe extension.
"""

import re
from collections.abc import Iterator
from typing import Any

from griffe import (
    Attribute,
    Class,
    ExprName,
    Extension,
    Function,
    Module,
    Parameter,
    ParameterKind,
    Parameters,
)


class Signatures(Extension):
    """Add to structs the `__init__` that takes what they document, and scopes the types of their resources.

    A class that documents no arguments is not constructed by users, and shows no `__init__`.
    """

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Complete the classes of a loaded package."""
        for each in _classes(pkg):
            _name_resources(each)
            text = "" if each.docstring is None else each.docstring.value
            if each.docstring is not None:
                each.docstring.value = text.replace("\n\nKeys:\n", "\n\nAttributes:\n")
            if "\nArgs:\n" not in text:
                each.members.pop("__init__", None)
            elif "__init__" not in each.all_members:
                each.set_member("__init__", _constructor(each))


def _classes(module: Module) -> Iterator[Class]:
    for member in module.members.values():
        if member.is_alias:
            continue
        if isinstance(member, Class):
            yield member
        elif isinstance(member, Module):
            yield from _classes(member)


def _name_resources(scope: Class) -> None:
    """Annotate `webhooks = Lazy["Webhooks"]("webhooks", "Webhooks")` with the type that it returns."""
    for member in scope.members.values():
        found = re.match(r"Lazy\[['\"](\w+)['\"]\]", str(getattr(member, "value", "")))
        if isinstance(member, Attribute) and found:
            member.annotation = ExprName(found[1], parent=scope.module)


def _constructor(struct: Class) -> Function:
    fields = [field for each in (*reversed(struct.mro()), struct) for field in _fields(each)]
    itself = Parameter("self", kind=ParameterKind.positional_or_keyword)
    ordered = sorted(fields, key=lambda field: field.kind is ParameterKind.keyword_only)
    return Function("__init__", parent=struct, parameters=Parameters(itself, *ordered), returns="None")


def _fields(struct: Class) -> Iterator[Parameter]:
    by_name = "kw_only=True" in _head(struct)
    kind = ParameterKind.keyword_only if by_name else ParameterKind.positional_or_keyword
    for member in struct.members.values():
        if (
            isinstance(member, Attribute)
            and member.annotation is not None
            and "property" not in member.labels
        ):
            yield Parameter(member.name, annotation=member.annotation, kind=kind, default=member.value)


def _head(struct: Class) -> str:
    """Return the first line of a class, which holds the struct's options."""
    return struct.source.partition(":\n")[0]
