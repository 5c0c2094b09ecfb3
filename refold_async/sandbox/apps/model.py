"""The structs of an app's data file, and its loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

import msgspec

from refold_async.sandbox.ledger import Effect

Kind = Literal[
    "list",
    "pages",
    "get",
    "search",
    "create",
    "update",
    "upsert",
    "delete",
    "http",
    "echo",
    "sleep",
    "fail",
    "payload",
]

PageStyle = Literal["cursor", "offset", "page", "link", "bare"]

READ_KINDS = frozenset({"list", "pages", "get", "search", "echo", "sleep", "fail", "payload"})


class AppParameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One parameter of an action, with the fields that the schema operation returns."""

    name: str
    label: str
    required: bool
    type: str = "text"
    placeholder: str | msgspec.UnsetType = msgspec.UNSET
    options: list[str] | msgspec.UnsetType = msgspec.UNSET


class AppAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One action of an app.

    Attributes:
        action_id, name, description, tag: As the list operation answers them.
        kind: The verb it runs.
        object: The object type it works on; empty for a kind that needs none.
        http: The app's own endpoint for it, `"GET /path/{id}"`, for `httprequest`.
        id_parameter: The parameter that names a record; for an upsert, the field by which it finds one.
        refers: Parameters that must name a record of another object type: `{channel = "channels"}`.
        parameters: Its parameters.
        paging: For `pages`: how it is paged.
        most: For `pages`: how many records can be read at most; 0 for all.
    """

    action_id: str
    name: str
    description: str
    kind: Kind
    tag: str = "v2"
    object: str = ""
    http: str = ""
    id_parameter: str = "id"
    refers: Mapping[str, str] = {}
    parameters: list[AppParameter] = []
    paging: PageStyle = "cursor"
    most: int = 0

    @property
    def effect(self) -> Effect:
        """Whether it changes anything in the app; for `http`, that depends on the request's method."""
        return "read" if self.kind in READ_KINDS else "write"

    @property
    def required(self) -> Sequence[str]:
        """The names of the required parameters."""
        return _required(self)


@lru_cache(maxsize=1024)
def _required(action: AppAction) -> tuple[str, ...]:
    return tuple(parameter.name for parameter in action.parameters if parameter.required)


class ObjectType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One type of record that an app holds.

    Attributes:
        fields: What each field of a generated record holds: a kind of value that `values` knows, the
            choices to draw from, `"low|medium|high"`, or the values in turn, `"general, random"`.
        seeded: How many records each account has to begin with.
        first: The number of the first record's id.
        prefix, width, suffix: How a number becomes an id: prefix, digits to this width, suffix.
    """

    fields: Mapping[str, str]
    seeded: int = 12
    first: int = 1
    prefix: str = ""
    width: int = 0
    suffix: str = ""

    def id_of(self, number: int) -> str:
        """Return the id of the record with this number."""
        return f"{self.prefix}{number:0{self.width}d}{self.suffix}"

    def number_of(self, record_id: str) -> int | None:
        """Return the number in an id, or `None` if it is not an id of this type."""
        digits = record_id.removeprefix(self.prefix).removesuffix(self.suffix)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            return None
        number = int(digits)
        return number if self.id_of(number) == record_id else None


class App(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One app that an organisation has enabled.

    Attributes:
        shape: In whose shape it answers, a name in `shapes`.
        connected: Whether a seeded account has connected it.
        identifier: What a connection shows of the account in the app.
        objects: Its object types by name.
        actions: Its actions.
        The others are the fields that Refold shows of an application.
    """

    slug: str
    name: str
    description: str
    auth_type: Literal["oauth2", "keybased"]
    tags: list[str]
    icon: str = ""
    ecosystem: bool = False
    auth_fields: list[AppParameter] = []
    shape: str = "plain"
    connected: bool = True
    identifier: Mapping[str, str] = {}
    objects: Mapping[str, ObjectType] = {}
    actions: list[AppAction] = []

    def __post_init__(self) -> None:
        used = {name for action in self.actions for name in (action.object, *action.refers.values()) if name}
        if absent := used - set(self.objects):
            raise ValueError(
                f"{self.slug} has actions on objects it does not hold: {', '.join(sorted(absent))}"
            )

    def action(self, action_id: str) -> AppAction | None:
        """Return the action with this id, or `None`."""
        return _actions_by_id(self).get(action_id)


@lru_cache(maxsize=64)
def _actions_by_id(app: App) -> Mapping[str, AppAction]:
    # Reversed: the first of two actions with one id is the one that runs.
    return {action.action_id: action for action in reversed(app.actions)}


@cache
def load_apps() -> Mapping[str, App]:
    """Return the bundled apps by slug, read and checked once per process."""
    folder = resources.files("refold_async.sandbox.apps")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda f: f.name)
    apps = [msgspec.toml.decode(file.read_bytes(), type=App) for file in files]
    return {app.slug: app for app in apps}
