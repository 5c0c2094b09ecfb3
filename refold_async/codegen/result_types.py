"""From the shapes of samples to structs."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from refold_async.codegen.model import Shape
from refold_async.codegen.names import FIELD, class_name, literal, python_name, unique

_MOST_FIELDS: Final = 300
"""An object with more keys than this is data by key, not a record."""


class StructModel(NamedTuple):
    """A struct to be written: its name, and the lines of its fields."""

    name: str
    lines: list[str]


class AliasModel(NamedTuple):
    """A name for a type that is not a struct."""

    name: str
    type: str


class ModuleTypes:
    """Names the types of a module, and keeps what declares them.

    Args:
        taken: Names that are not free in the module; those of the types are added.

    Attributes:
        declared: The types, each after those that it needs.
    """

    def __init__(self, taken: set[str]) -> None:
        self.declared: list[StructModel | AliasModel] = []
        self._taken = taken

    def alias(self, name: str, kind: str) -> str:
        """Declare a name for a type, and return it, with a number if it is taken."""
        name = unique(name, self._taken)
        self.declared.append(AliasModel(name, kind))
        return name

    def result(self, name: str, shape: Shape) -> str:
        """Declare the type of a result.

        Args:
            name: Its name.
            shape: What its samples looked like.

        Returns:
            The name, with a number if it is taken; empty if the samples have no type in common.
        """
        if shape.kinds == {"object"} and _is_record(shape):
            return self._object(name, shape)
        kind = self._type(f"{name}Item", shape)
        return "" if kind == "Any" else self.alias(name, kind)

    def _type(self, name: str, shape: Shape) -> str:
        """Return the annotation of a value, with `None` only if a null was seen."""
        kinds = shape.kinds - {"null"} - ({"int"} if "float" in shape.kinds else set())
        if not kinds or (kinds & {"object", "list"} and len(kinds) > 1):
            return "Any"
        null = ["None"] if "null" in shape.kinds else []
        if kinds == {"object"}:
            return " | ".join([self._object(name, shape), *null])
        if kinds == {"list"}:
            item = self._type(name, shape.item or Shape())
            return " | ".join([f"list[{item}]", *null])
        return " | ".join([*sorted(kinds), *null])

    def _object(self, name: str, shape: Shape) -> str:
        if _is_record(shape):
            return self._struct(unique(name, self._taken), shape)
        merged = Shape()
        for each in shape.fields.values():
            merged.merge(each)
        return f"dict[str, {self._type(f'{name}Value', merged)}]"

    def _struct(self, name: str, shape: Shape) -> str:
        kinds = {
            key: self._type(f"{name}{class_name(key)}", each)
            for key, each in sorted(shape.fields.items())
            if _can_be_field(key)
        }
        reserved = FIELD | {word for kind in kinds.values() for word in re.findall(r"\w+", kind)}
        names: set[str] = set()
        # A key that is a name as it stands comes first, so that no other key takes its name.
        keys = sorted(kinds, key=lambda key: (python_name(key, reserved) != key, key))
        owns = {key: unique(python_name(key, reserved) or "field", names) for key in keys}
        keys.sort(key=owns.__getitem__)
        lines = (_lines(owns[key], key, kinds[key], shape.fields[key]) for key in keys)
        self.declared.append(StructModel(name, [line for each in lines for line in each]))
        return name


def _can_be_field(key: str) -> bool:
    """Whether msgspec can name a field so; another key is skipped, as an unknown one is."""
    return not any(char in '"\\' or char < " " for char in key)


def _is_record(shape: Shape) -> bool:
    """Whether it is an object whose keys are names rather than data, e.g. ids or dates."""
    heads = (key[0] for key in shape.fields if key and _can_be_field(key))
    named = sum(1 for head in heads if head.isalpha() or head in "_$@")
    few = 0 < len(shape.fields) <= _MOST_FIELDS
    return few and named * 2 > len(shape.fields)


def _lines(name: str, key: str, kind: str, shape: Shape) -> list[str]:
    """Return the lines of a field: an absent list is empty, an absent object has its own defaults."""
    default = "default=None"
    if kind != "Any" and "null" not in shape.kinds:
        if shape.kinds & {"object", "list"}:
            default = f"default_factory={kind.partition('[')[0]}"
        else:
            kind = f"{kind} | None"
    arguments = [default, *([f"name={literal(key)}"] if name != key else [])]
    if arguments == ["default=None"]:
        return [f"{name}: {kind} = None"]
    return [f"{name}: {kind} = msgspec.field(", *(f"    {each}," for each in arguments), ")"]
