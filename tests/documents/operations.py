"""Generates the docs page of all operations from the client's table."""

import inspect
import re
from collections.abc import Iterable
from functools import cache

from refold_async._core.operation import Operation
from refold_async.api.operations import OPERATIONS
from tests.api.recorder import shape
from tests.api.surface import Method, methods

from .pages import DOCS, text_of

PATH = DOCS / "operations.md"
COMMAND = "python -m tests.documents"

HEAD = """# All operations

The operations of the service, and how to call each. `refold` is a `Refold`, `account` is `refold.account(id)`, or
`Account.from_token(token)` if *credential* says token. *Effect* is what running the operation twice does: reads and idempotent
calls are retried after any transient failure, writes only if they certainly did not run ([why](retries.md#retries)). [The rest
of the API](api.md) describes what all operations have in common.

This page is generated from the client's table of operations, by `{command}`, when the site is built.
"""

COLUMNS = ("call", "endpoint", "effect", "credential")


def page() -> str:
    """Return the page as Markdown."""
    head = HEAD.format(command=COMMAND)
    resources = sorted({each.name.partition(".")[0] for each in OPERATIONS})
    sections = (
        f"## {resource}\n\n{_table(each for each in OPERATIONS if each.name.startswith(f'{resource}.'))}"
        for resource in resources
    )
    return "\n".join((head, *sections))


def _table(listed: Iterable[Operation]) -> str:
    rows = (COLUMNS, ("---",) * len(COLUMNS), *(_row(each) for each in listed))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(operation: Operation) -> tuple[str, ...]:
    found = _methods_of(operation)
    calls = " or ".join(
        dict.fromkeys(
            f"[`{'refold' if each.scope == 'Refold' else 'account'}.{each.key}`]({_link(each)})"
            for each in found
        )
    )
    place = f"`{operation.method} {operation.path}`"
    effect = "depends on the action" if operation.name == "actions.execute" else operation.effect
    return calls, place, effect, _credential(found)


def _credential(found: list[Method]) -> str:
    """Return which credential the calls take: that of the scopes that have them."""
    if any("needs no credential" in (inspect.getdoc(each.function) or "") for each in found):
        return "none"
    token = any(each.scope == "TokenAccount" for each in found)
    key = any(each.scope != "TokenAccount" for each in found)
    return " or ".join(name for name, takes in (("key", key), ("token", token)) if takes)


def _methods_of(operation: Operation) -> list[Method]:
    """Return the methods that call an operation: those of its name, else those whose docstring names its endpoint."""
    place = f"{operation.method} {shape(operation.path)}"
    named = [each for each in methods() if each.key == operation.name]
    return named or [each for each in methods() if place in _places(each)]


def _places(method: Method) -> set[str]:
    named = re.findall(r"`([A-Z]+ /api/\S+)`", inspect.getdoc(method.function) or "")
    return {shape(place) for place in named}


def _link(method: Method) -> str:
    """Return the link to a method in the API reference."""
    function = method.function
    owner = f"{function.__module__}.{function.__qualname__.rpartition('.')[0]}"
    return f"reference/{_reference()[owner]}#{owner}.{method.name}"


@cache
def _reference() -> dict[str, str]:
    """Return the reference page that documents each name."""
    return {
        line.removeprefix("::: "): page.name
        for page in (DOCS / "reference").glob("*.md")
        for line in text_of(page).splitlines()
        if line.startswith("::: ")
    }
