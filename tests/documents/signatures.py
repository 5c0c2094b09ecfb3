"""For the generator of the reference: what griffe does not see in our classes.

`zensical.toml` names this file. The suite does not import it: griffe comes with the extra `docs`.
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
    """Gives structs the `__init__` that takes what they document, and scopes the types of their resources.

    A class that documents no arguments is not for users to make, and shows no `__init__`.
    """

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Hear that a package was read."""
        for each in _classes(pkg):
            _name_resources(each)
            told = "" if each.docstring is None else each.docstring.value
            if each.docstring is not None:
                each.docstring.value = told.replace("\n\nKeys:\n", "\n\nAttributes:\n")
            if "\nArgs:\n" not in told:
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
    """Annotate `webhooks = Lazy["Webhooks"]("webhooks", "Webhooks")` as what it gives."""
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
    """Give the line that begins a class, where the struct's settings are."""
    return struct.source.partition(":\n")[0]
