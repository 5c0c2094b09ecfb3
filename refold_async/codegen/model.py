"""What is known of an app before its module is written."""

from __future__ import annotations

from typing import Any

import msgspec

from refold_async import Effect


class ParameterModel(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of an action, merged over the accounts.

    Attributes:
        id: Its key in `params`.
        required: Whether every account requires it.
        kinds: The types that accounts give it, in lower case.
        options: The values to choose from, if it is a choice.
        label: Its name for people.
        help: Its help text for people.
    """

    id: str
    required: bool
    kinds: tuple[str, ...]
    options: tuple[str | int, ...]
    label: str
    help: str


class ActionModel(msgspec.Struct, frozen=True, kw_only=True):
    """An action, merged over the accounts."""

    id: str
    effect: Effect
    name: str
    description: str
    parameters: tuple[ParameterModel, ...]


class Shape(msgspec.Struct):
    """What JSON was seen in one place of the samples.

    Attributes:
        kinds: The JSON types seen: `str`, `int`, `float`, `bool`, `null`, `list`, `object`.
        item: What lists held, merged.
        fields: What objects held, by key.
    """

    kinds: set[str] = msgspec.field(default_factory=set)
    item: Shape | None = None
    fields: dict[str, Shape] = msgspec.field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Merge a sample."""
        if isinstance(value, dict):
            self.kinds.add("object")
            for key, item in value.items():
                self.fields.setdefault(key, Shape()).add(item)
        elif isinstance(value, list):
            self.kinds.add("list")
            for item in value:
                self.item = self.item or Shape()
                self.item.add(item)
        else:
            self.kinds.add("null" if value is None else type(value).__name__)

    def merge(self, other: Shape) -> None:
        """Merge what was seen elsewhere."""
        self.kinds |= other.kinds
        if other.item is not None:
            self.item = self.item or Shape()
            self.item.merge(other.item)
        for key, each in other.fields.items():
            self.fields.setdefault(key, Shape()).merge(each)


class AppModel(msgspec.Struct, frozen=True, kw_only=True):
    """An app: its actions by id, and the shapes of their results."""

    slug: str
    actions: tuple[ActionModel, ...]
    shapes: dict[str, Shape]
    names: dict[str, str]
