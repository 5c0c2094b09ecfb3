"""One request on its way through the sandbox, as a route's handler sees it."""

from collections.abc import Mapping
from functools import cached_property

import msgspec
from aiohttp import web

from refold_async.sandbox.faults import Target
from refold_async.sandbox.ledger import Effect
from refold_async.sandbox.replies import Refused, envelope
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account, Organisation
from refold_async.sandbox.world import World


class Call:
    """A request that has found its route.

    Attributes:
        request: The request as aiohttp has it.
        route: The operation it means.
        path_params: The values in the path, decoded.
        body: Its bytes.
        world: All that the sandbox holds.
    """

    def __init__(
        self, request: web.BaseRequest, route: Route, path_params: dict[str, str], body: bytes, world: World
    ) -> None:
        self.request = request
        self.route = route
        self.path_params = path_params
        self.body = body
        self.world = world
        self._account: Account | None = None

    @property
    def organisation(self) -> Organisation:
        """The organisation whose key or token came with the request."""
        return self.world.organisation

    @property
    def account(self) -> Account:
        """The linked account that the request acts on; the scopes `account` and `token` always have one."""
        if self._account is None:
            raise LookupError(
                f"{self.route.operation} has the scope {self.route.scope}, which may lack an account"
            )
        return self._account

    @property
    def account_or_none(self) -> Account | None:
        """The linked account that the request acts on, if any."""
        return self._account

    def act_on(self, account: Account | None) -> None:
        """Set the linked account; the authentication does it."""
        self._account = account

    def header(self, name: str) -> str | None:
        """A header's value."""
        return self.request.headers.get(name)

    def query(self, name: str) -> str | None:
        """A query value; of a repeated name, the first."""
        return self.request.query.get(name)

    @cached_property
    def json(self) -> object:
        """The body decoded, ``{}`` for an empty one; refuses what is no JSON."""
        if not self.body:
            return {}
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Refused(envelope(400, "Request body is not valid JSON", code="VALIDATION_ERROR")) from None

    @cached_property
    def params(self) -> Mapping[str, object]:
        """The body as an object; refuses any other JSON."""
        if not isinstance(self.json, dict):
            raise Refused(envelope(400, "Request body must be a JSON object", code="VALIDATION_ERROR"))
        return self.json

    @property
    def effect(self) -> Effect:
        """Whether the request changes anything, as far as can be known before it runs."""
        effect = self.route.effect
        if callable(effect):
            return effect(self)
        return effect or ("read" if self.route.method == "GET" else "write")

    @property
    def target(self) -> Target:
        """What faults are matched against."""
        return Target(
            method=self.route.method,
            operation=self.route.operation,
            slug=self.path_params.get("slug") or self.header("slug"),
            action_id=self.path_params.get("action_id"),
            linked_account_id=self._account.account_id if self._account is not None else None,
            effect=self.effect,
        )
