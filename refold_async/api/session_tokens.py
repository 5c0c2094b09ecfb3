"""Session tokens: short-lived proofs that stand for one linked account."""

from __future__ import annotations

from refold_async._core import checks
from refold_async._core.responses import RedactedRepr
from refold_async.api import operations
from refold_async.api.common import ApiModel
from refold_async.api.resource import Resource, flag


class SessionToken(RedactedRepr, frozen=True, kw_only=True):
    """A session token; its repr hides it.

    Attributes:
        token: The token, for `Account.from_token`, or for a browser.
        refresh_token: What renews it.
        expires_in: Seconds until the token expires.
        refresh_expires_in: Seconds until the refresh token expires.
        is_api_token: Whether it is a personal access token.
    """

    token: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None
    refresh_expires_in: int | None = None
    is_api_token: bool | None = None

    def __repr__(self) -> str:
        return f"SessionToken(***, expires_in={self.expires_in!r})"


class Revocation(ApiModel, frozen=True, kw_only=True):
    """The outcome of revoking a token.

    Attributes:
        success: Whether it is revoked.
        revoked_count: How many tokens were revoked: 0 or 1.
    """

    success: bool | None = None
    revoked_count: int | None = None


class SessionTokens(Resource):
    """Making session tokens: `refold.session_tokens`."""

    __slots__ = ()

    async def create(
        self, linked_account_id: str, *, force_refresh: bool | None = None, timeout: float | None = None
    ) -> SessionToken:
        """Return a session token of a linked account: a valid one, or a new one.

        Calls `POST /api/v2/public/session-token`.

        Args:
            linked_account_id: Your own id for the customer.
            force_refresh: Whether to create a new one even if another is still valid; default: no.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such linked account.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.SESSION_TOKENS_CREATE,
            SessionToken,
            query={"force_refresh": flag(force_refresh)},
            body={"linked_account_id": checks.check_text("linked_account_id", linked_account_id)},
            effect="write" if force_refresh else None,
            timeout=timeout,
        )


class OwnSessionToken(Resource):
    """The token that an account was made from: `account.session_token`."""

    __slots__ = ()

    async def revoke(self, *, timeout: float | None = None) -> Revocation:
        """Revoke this account's token and its refresh token; calls with it fail from then on.

        Calls `POST /api/v2/public/session-token/revoke`.

        Args:
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            AuthenticationError: If the token is invalid, has expired, or was revoked before.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.SESSION_TOKEN_REVOKE, Revocation, timeout=timeout)
