"""Routes as data, and the router that finds the one a request means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

import msgspec

from refold_async.sandbox.faults import FaultTarget
from refold_async.sandbox.ledger import Effect
from refold_async.sandbox.requests import SandboxRequest, Scope
from refold_async.sandbox.responses import SandboxResponse


class Route(msgspec.Struct, frozen=True):
    """One documented operation.

    Attributes:
        operation: Its name, `"resource.verb"`, for faults and error messages.
        method: The documented HTTP method.
        path: The documented path, with its parameters in braces.
        handler: The coroutine function that answers it.
        scope: Who may call it, and what the handler finds in `request.account`. See `Scope`.
        effect: The operation's effect if its HTTP method does not say it, or a function that returns
            the effect of a request.
    """

    operation: str
    method: str
    path: str
    handler: Callable[[SandboxRequest], Awaitable[SandboxResponse]]
    scope: Scope = "organisation"
    effect: Effect | Callable[[SandboxRequest], Effect] | None = None

    def effect_of(self, request: SandboxRequest) -> Effect:
        """Return a request's effect, as far as it can be known before the request runs."""
        if callable(self.effect):
            return self.effect(request)
        return self.effect or ("read" if self.method == "GET" else "write")

    def target(self, request: SandboxRequest) -> FaultTarget:
        """Return what faults are matched against."""
        account = request.account_or_none
        return FaultTarget(
            method=self.method,
            operation=self.operation,
            slug=request.path_params.get("slug") or request.header("slug"),
            action_id=request.path_params.get("action_id"),
            linked_account_id=account.account_id if account is not None else None,
            effect=self.effect_of(request),
        )


class RouteNode(msgspec.Struct):
    """One path segment of the router's tree, with the routes that end there by their method."""

    literals: dict[str, RouteNode] = msgspec.field(default_factory=dict)
    parameter: RouteNode | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = msgspec.field(default_factory=dict)


class Router:
    """A tree of path segments. A literal segment takes precedence over a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = RouteNode()
        # The same few paths are asked for again and again. Bounded, because ids in paths are not few.
        self._find = lru_cache(maxsize=1024)(self._search)
        for route in routes:
            self._add(route)

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        """Return a request's route and decoded path parameters, or `None` if no route matches."""
        return self._find(method, raw_path)

    def _search(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        values: list[str] = []
        found = _descend(self._root, method, raw_path.split("/"), 0, values)
        if found is None:
            return None
        route, names = found
        # Decoded only after the split: an encoded slash belongs to its parameter.
        params = {name: unquote(value) for name, value in zip(names, values, strict=True)}
        return route, MappingProxyType(params)

    def _add(self, route: Route) -> None:
        node = self._root
        names = []
        for segment in route.path.split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or RouteNode()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, RouteNode())
        node.routes[route.method] = (route, tuple(names))


def _descend(
    node: RouteNode, method: str, segments: list[str], place: int, values: list[str]
) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route below `node`; `values` collects the path parameters on the way down."""
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
        # Backtrack: otherwise this segment would be bound to another branch's parameter.
        values.pop()
    return found
