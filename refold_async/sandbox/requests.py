"""One request as a route's handler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from aiohttp import web

from refold_async.sandbox.apps.action_run import PagingFault
from refold_async.sandbox.responses import Refused, envelope
from refold_async.sandbox.state import Organisation, SandboxContext, StoredAccount

Scope = Literal["organisation", "account", "account_key", "token", "either", "public"]
"""Who may call an operation.

- `organisation`: the API key alone.
- `account`: the key with a linked account id, or a token.
- `account_key`: the key with a linked account id, no token.
- `token`: a token alone.
- `either`: the key, whose linked account is then optional, or a token.
- `public`: anyone.
"""


class SandboxRequest:
    """A request whose route is known.

    Attributes:
        raw: The request as aiohttp received it.
        operation: The name of the operation.
        scope: Who may call the operation.
        path_params: The decoded values in the path.
        body: The bytes of the body.
        context: The sandbox's state and services.
        paging_fault: What is injected into a page of records.
    """

    __slots__ = (
        "_account",
        "_json",
        "body",
        "context",
        "operation",
        "paging_fault",
        "path_params",
        "raw",
        "scope",
    )

    def __init__(
        self,
        raw: web.BaseRequest,
        *,
        operation: str,
        scope: Scope,
        path_params: Mapping[str, str],
        body: bytes,
        context: SandboxContext,
    ) -> None:
        self.raw = raw
        self.operation = operation
        self.scope = scope
        self.path_params = path_params
        self.body = body
        self.context = context
        self.paging_fault: PagingFault | None = None
        self._account: StoredAccount | None = None
        self._json: object = msgspec.UNSET

    @property
    def organisation(self) -> Organisation:
        """The organisation whose key or token was sent."""
        return self.context.organisation

    @property
    def account(self) -> StoredAccount:
        """The linked account that the request acts on; always set for the scopes `account` and `token`."""
        if self._account is None:
            raise LookupError(f"{self.operation} has the scope {self.scope}, which may lack an account")
        return self._account

    @property
    def account_or_none(self) -> StoredAccount | None:
        """The linked account that the request acts on, if any."""
        return self._account

    def act_on(self, account: StoredAccount | None) -> None:
        """Set the linked account. Called by the authentication only."""
        self._account = account

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        return self.raw.headers.get(name)

    def query(self, name: str) -> str | None:
        """Return a query value; the first one if the name is repeated."""
        return self.raw.query.get(name)

    @property
    def json(self) -> object:
        """The decoded body, or `{}` if it is empty; refuses a body that is not JSON."""
        if self._json is msgspec.UNSET:
            self._json = _decoded(self.body) if self.body else {}
        return self._json

    @property
    def params(self) -> Mapping[str, object]:
        """The body as a JSON object; refuses any other JSON."""
        params = self.json
        if not isinstance(params, dict):
            raise Refused(envelope(400, "Request body must be a JSON object", code="VALIDATION_ERROR"))
        return params


_decode = msgspec.json.Decoder().decode


def _decoded(body: bytes) -> object:
    try:
        return _decode(body)
    # Deeply nested arrays exhaust the decoder's stack: that is the client's error, not a 500.
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(envelope(400, "Request body is not valid JSON", code="VALIDATION_ERROR")) from None
