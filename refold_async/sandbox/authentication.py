"""Authentication: the API key or session token of a request, and its linked account."""

from __future__ import annotations

from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import Refused, envelope
from refold_async.sandbox.state import Organisation, StoredAccount


def authenticate(request: SandboxRequest) -> str:
    """Check the credentials, set the request's account and return the API key that is rate-limited.

    An API key takes precedence over a token. A token counts against the organisation's first key.
    """
    if request.scope == "public":
        return request.context.api_keys[0]
    key = request.header("x-api-key")
    if _comes_with_token(request, key):
        request.act_on(_bearer(request))
        return request.context.api_keys[0]
    if key is None or key not in request.context.api_keys:
        raise Refused(envelope(401, "Invalid Credentials", code_field="error"))
    _set_account(request)
    return key


def _comes_with_token(request: SandboxRequest, key: str | None) -> bool:
    if key is not None and request.scope != "token":
        return False
    return request.scope == "token" or (
        request.scope in {"account", "either"} and request.header("Authorization") is not None
    )


def _bearer(request: SandboxRequest) -> StoredAccount:
    kind, _, token = (request.header("Authorization") or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _missing_token(request)
    account = request.organisation.bearer(token.strip())
    if account is None:
        raise Refused(envelope(401, "Invalid token", code="INVALID_TOKEN", code_field="error"))
    return account


def _missing_token(request: SandboxRequest) -> Refused:
    """Return the refusal of a request without a token; workflow operations have their own code."""
    message = "Authorization Token Missing"
    if request.operation.startswith("workflows."):
        return Refused(envelope(401, message, code="AUTH_SERVICE_ERROR"))
    return Refused(envelope(401, message, code="INVALID_TOKEN", code_field="error"))


def _set_account(request: SandboxRequest) -> None:
    """Set the account named in the header or else the query, if the scope allows one."""
    if request.scope == "organisation":
        return
    account_id = request.header("linked_account_id") or request.query("linked_account_id")
    if account_id:
        request.act_on(existing_account(request.organisation, account_id))
    elif request.scope != "either":
        raise Refused(
            envelope(
                404,
                "Linked account id is required with API Key, for this resource",
                code="MISSING_REQUIRED_FIELD",
            )
        )


def existing_account(organisation: Organisation, account_id: str) -> StoredAccount:
    """Return a linked account; refuses an unknown one."""
    account = organisation.account(account_id)
    if account is None:
        raise missing_account(organisation, account_id)
    return account


def missing_account(organisation: Organisation, account_id: str) -> Refused:
    """Return the refusal of a linked account that does not exist or is not the caller's."""
    message = (
        f"Linked Account with account id {account_id} for org {organisation.id} "
        f"in environment {organisation.environment} not found"
    )
    return Refused(envelope(404, message, code_field="error"))
