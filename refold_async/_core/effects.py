"""The effect of an action, as far as the words of its id tell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from refold_async._core.operation import Effect

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
    """Return whether an action reads or writes, judged by its id.

    It reads if its first word is a reading verb (get, list, search, find, …) and none of its words is a
    changing one (`get_or_create_contact` writes). Any other action writes, including `httprequest`, which
    can do anything.

    Args:
        action_id: The action's id, in snake_case, kebab-case or camelCase.

    Returns:
        `"read"` or `"write"`.
    """
    words = [word.lower() for word in _WORD.findall(action_id)]
    if not words or words[0] not in _READING or not _CHANGING.isdisjoint(words):
        return "write"
    return "read"
