"""Routes as data, and the finding of the one that a request means."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from refold_async.sandbox.ledger import Effect
from refold_async.sandbox.replies import Reply

if TYPE_CHECKING:
    from refold_async.sandbox.call import Call

Scope = Literal["organisation", "account", "account_key", "token", "either", "public"]


@dataclass(frozen=True, slots=True)
class Route:
    """One documented operation.

    Attributes:
        operation: Its name, ``"resource.verb"``, for faults and error messages.
        method, path: As documented; a parameter stands in braces.
        handler: The coroutine function that answers it.
        scope: Who may call it, and what the handler finds in ``call.account``:
            ``organisation``: the API key alone. ``account``: the key with a linked account id, or a
            token. ``account_key``: the key with a linked account id; no token. ``token``: a token
            alone. ``either``: the key, whose linked account is then optional, or a token.
            ``public``: anybody.
        effect: What it does, where the HTTP method does not tell; or a function that says it of a call.
    """

    operation: str
    method: str
    path: str
    handler: Callable[["Call"], Awaitable[Reply]]
    scope: Scope = "organisation"
    effect: Effect | Callable[["Call"], Effect] | None = None


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Router:
    """A tree of path segments. A literal segment goes before a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request and its path parameters, decoded; ``None`` for an unknown path."""
        values: list[str] = []
        found = _descend(self._root, method, raw_path.split("/"), 0, values)
        if found is None:
            return None
        route, names = found
        return route, {name: unquote(value) for name, value in zip(names, values, strict=True)}

    def _add(self, route: Route) -> None:
        node = self._root
        names = []
        for segment in route.path.split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.routes[route.method] = (route, tuple(names))


def _descend(
    node: _Node, method: str, segments: list[str], place: int, values: list[str]
) -> tuple[Route, tuple[str, ...]] | None:
    """The route below ``node``; ``values`` holds the parameters of the way that leads there."""
    if place == len(segments):
        return node.routes.get(method)
    segment = segments[place]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _descend(literal, method, segments, place + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _descend(node.parameter, method, segments, place + 1, values)
    if found is None:
        values.pop()
    return found
