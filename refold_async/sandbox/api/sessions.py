"""Session tokens, and the hosted page on which a customer connects apps."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from refold_async.sandbox.params import flag, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import StoredAccount

TOKEN_SECONDS = 7 * 24 * 3600
REFRESH_SECONDS = 30 * 24 * 3600


class AccountSession:
    """The latest session token of one linked account, and its refresh token."""

    def __init__(self, account: StoredAccount) -> None:
        self._account = account
        self.token = self.refresh_token = ""

    def current(self, *, fresh: bool) -> dict[str, object]:
        """Return the token and its lifetime; issues a new one if it has expired or `fresh` is set."""
        organisation = self._account.organisation
        if fresh or organisation.bearer(self.token) is not self._account:
            self.token = organisation.issue_token(self._account.account_id, TOKEN_SECONDS)
            self.refresh_token = organisation.issue_token(self._account.account_id, REFRESH_SECONDS)
        return {
            "token": self.token,
            "refresh_token": self.refresh_token,
            "expires_in": int(organisation.seconds_left(self.token)),
            "refresh_expires_in": int(organisation.seconds_left(self.refresh_token)),
        }


async def create(request: SandboxRequest) -> SandboxResponse:
    """Return a token for the account in the body: the valid one, or a new one."""
    require(request.params, "linked_account_id", field="error")
    account_id = text(request.params, "linked_account_id")
    account = request.organisation.account(account_id)
    if account is None:
        message = (
            f"No linked account found for account id : {account_id} "
            f"in environment {request.organisation.environment}"
        )
        raise refused(400, message, "INVALID_LINKED_ACCOUNT_ID", "error")
    return success(account.own(AccountSession).current(fresh=flag(request, "force_refresh") is True))


async def revoke(request: SandboxRequest) -> SandboxResponse:
    """Revoke the token of the request, and its refresh token."""
    token = (request.header("Authorization") or "").partition(" ")[2].strip()
    session = request.account.own(AccountSession)
    if token == session.token:
        request.organisation.revoke_token(session.refresh_token)
    return success({"success": True, "revoked_count": int(request.organisation.revoke_token(token))})


_BASE = "/api/v2/public/session-token"

CONNECT_SECONDS = 24 * 3600


class ConnectSession:
    """The latest connect session of one linked account."""

    def __init__(self, account: StoredAccount) -> None:
        self.account = account
        self.properties: Mapping[str, object] = {}


async def create_url(request: SandboxRequest) -> SandboxResponse:
    """Return a URL that includes a token of the account; the body is kept for the page."""
    account_id = request.query("linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id is required", field="error")
    if account_id != request.account.account_id:
        raise refused(403, "The token is bound to another linked account", field="error")
    request.account.own(ConnectSession).properties = request.params
    token = request.organisation.issue_token(account_id, CONNECT_SECONDS)
    config_id = request.query("config_id")
    more = f"?config_id={quote(config_id, safe='')}" if config_id else ""
    origin = f"{request.raw.scheme}://{request.raw.host}"
    return success({"hosted_url": f"{origin}/connect/{token}{more}"})


async def get_properties(request: SandboxRequest) -> SandboxResponse:
    """Return the body kept for the page, or `{}`."""
    return success(request.account.own(ConnectSession).properties)


ROUTES = (
    Route("session_tokens.create", "POST", _BASE, create),
    Route("session_token.revoke", "POST", _BASE + "/revoke", revoke, "token"),
    Route("hosted_connect.create_url", "POST", "/api/v2/public/connect-url", create_url, "token"),
    Route("hosted_connect.properties", "GET", "/api/v2/public/hosted-properties", get_properties, "token"),
)
