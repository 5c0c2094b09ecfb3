"""Session tokens: mint one for a linked account, revoke the one that came."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.reading import flag, require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account

TOKEN_SECONDS = 7 * 24 * 3600
REFRESH_SECONDS = 30 * 24 * 3600


class Session:
    """The latest session token of one linked account, and the token to refresh it with."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.token = self.refresh_token = ""

    def current(self, *, fresh: bool) -> dict[str, object]:
        """The token and how long it serves; a new one where it no longer does, or where asked for."""
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


async def create(call: Call) -> Reply:
    """A token for the account that the body names: the one that serves already, or a new one."""
    require(call.params, "linked_account_id", field="error")
    account_id = text(call.params, "linked_account_id")
    account = call.organisation.account(account_id)
    if account is None:
        message = (
            f"No linked account found for account id : {account_id} "
            f"in environment {call.organisation.environment}"
        )
        raise refused(400, message, "INVALID_LINKED_ACCOUNT_ID", "error")
    return success(account.own(Session).current(fresh=flag(call, "force_refresh") is True))


async def revoke(call: Call) -> Reply:
    """Make the token that came worthless, and its refresh token with it."""
    token = (call.header("Authorization") or "").partition(" ")[2].strip()
    session = call.account.own(Session)
    if token == session.token:
        call.organisation.revoke_token(session.refresh_token)
    return success({"success": True, "revoked_count": int(call.organisation.revoke_token(token))})


_BASE = "/api/v2/public/session-token"

ROUTES = (
    Route("session_tokens.create", "POST", _BASE, create),
    Route("session_token.revoke", "POST", _BASE + "/revoke", revoke, "token"),
)
