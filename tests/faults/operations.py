"""The operations that meet the faults, as a caller of the SDK writes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from refold_async import Account

from .answers import ACTIONS, ENVELOPE, FIELDS
from .fault import Effect

SLUG = "hubspot"


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to call.

    Attributes:
        name: Its name in test ids and tables.
        effect: What the client takes it for.
        call: Makes the call within so many seconds.
        content: What a caller finds in the result; the first look at it may fail.
        good: The content of a good answer.
        lazy: Whether the content is decoded at the first look, and not in the call.
    """

    name: str
    effect: Effect
    call: Callable[[Account, float], Awaitable[Any]]
    content: Callable[[Any], object]
    good: object
    lazy: bool = False


def _execute(name: str, effect: Effect, action_id: str) -> Operation:
    return Operation(
        name,
        effect,
        lambda account, timeout: account.actions.execute(SLUG, action_id, {"limit": "1"}, timeout=timeout),
        lambda result: result.data,
        ENVELOPE["data"],
        lazy=True,
    )


def _names(items: list[Any]) -> list[object]:
    return [item.name for item in items]


LIST = Operation(
    "list",
    "read",
    lambda account, timeout: account.actions.list(SLUG, timeout=timeout),
    _names,
    [action["name"] for action in ACTIONS],
)
SCHEMA = Operation(
    "schema",
    "read",
    lambda account, timeout: account.actions.schema(SLUG, "get_contact", timeout=timeout),
    _names,
    [field["name"] for field in FIELDS],
)
READ = _execute("execute a read", "read", "get_contact")
WRITE = _execute("execute a write", "write", "create_contact")

OPERATIONS = (LIST, SCHEMA, READ, WRITE)
A_GET_AND_A_POST = (LIST, WRITE)
"""Both methods and both effects: all that a transport can tell apart."""
