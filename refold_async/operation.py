"""What one operation of the API is: its method, path, effect, scope and answer type."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

Effect = Literal["read", "idempotent", "write"]
"""What running a call twice does: nothing (`read`), the same as once (`idempotent`), or harm (`write`)."""

Scope = Literal["organisation", "account", "public"]
"""For whom an operation acts: the organisation, one linked account, or whoever knows an id."""

Accepts = Literal["key", "token", "either", "none"]
"""Which credential an operation takes: an API key, a token of a linked account, either, or none."""


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
"""The HTTP methods that the API knows."""


class Operation(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One operation of the API.

    Attributes:
        name: `resource.method`, as in errors, logs and traces.
        method: The HTTP method.
        path: The path template, with `{name}` for each path parameter.
        answer: The type that a successful answer is read into.
        effect: What running it twice does.
        scope: For whom it acts.
        accepts: Which credential it takes.
    """

    name: str
    method: Method
    path: str
    answer: type[T]
    effect: Effect
    scope: Scope = "account"
    accepts: Accepts = "either"


_READING: Final = frozenset(
    {
        "get",
        "list",
        "search",
        "find",
        "fetch",
        "read",
        "query",
        "count",
        "lookup",
        "describe",
        "retrieve",
        "view",
    },
)
_CHANGING: Final = frozenset(
    {
        "add",
        "and",
        "append",
        "approve",
        "archive",
        "assign",
        "associate",
        "attach",
        "cancel",
        "clear",
        "close",
        "convert",
        "create",
        "deactivate",
        "delete",
        "detach",
        "disable",
        "edit",
        "enable",
        "enroll",
        "insert",
        "mark",
        "merge",
        "modify",
        "move",
        "or",
        "patch",
        "publish",
        "purge",
        "put",
        "remove",
        "rename",
        "replace",
        "reset",
        "restore",
        "save",
        "send",
        "set",
        "stop",
        "submit",
        "subscribe",
        "sync",
        "then",
        "toggle",
        "trigger",
        "unlink",
        "unsubscribe",
        "update",
        "upload",
        "upsert",
        "write",
    },
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=4096)
def effect_of_action(action_id: str) -> Effect:
    """Tell from an action's id whether it reads or writes.

    It reads where its first word is a reading verb (get, list, search, find, …) and none of
    its words changes anything (`get_or_create_contact` writes). All else writes, among
    them `httprequest`, which can do anything.

    Args:
        action_id: The action's id, in snake_case, kebab-case or camelCase.

    Returns:
        `"read"` or `"write"`.
    """
    words = [word.lower() for word in _WORD.findall(action_id)]
    if not words or words[0] not in _READING or not _CHANGING.isdisjoint(words):
        return "write"
    return "read"
