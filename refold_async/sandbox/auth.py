"""Who calls, and on which linked account: the API key, the session token, and what is refused."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Refused, envelope
from refold_async.sandbox.state import Account, Organisation


def authenticate(call: Call) -> str:
    """Check the credentials and set the call's account; gives the API key that is charged for it.

    An API key goes before a token. A token counts against the organisation's first key.
    """
    if call.route.scope == "public":
        return call.world.api_keys[0]
    if _comes_with_token(call):
        call.act_on(_bearer(call))
        return call.world.api_keys[0]
    key = call.header("x-api-key")
    if key is None or key not in call.world.api_keys:
        raise Refused(envelope(401, "Invalid Credentials", code_field="error"))
    _set_account(call)
    return key


def _comes_with_token(call: Call) -> bool:
    if call.header("x-api-key") is not None and call.route.scope != "token":
        return False
    return call.route.scope == "token" or (
        call.route.scope in {"account", "either"} and call.header("Authorization") is not None
    )


def _bearer(call: Call) -> Account:
    kind, _, token = (call.header("Authorization") or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _missing_token(call)
    account = call.organisation.bearer(token.strip())
    if account is None:
        raise Refused(envelope(401, "Invalid token", code="INVALID_TOKEN", code_field="error"))
    return account


def _missing_token(call: Call) -> Refused:
    """The refusal of a call without a token, which the workflows have a code of their own for."""
    message = "Authorization Token Missing"
    if call.route.operation.startswith("workflows."):
        return Refused(envelope(401, message, code="AUTH_SERVICE_ERROR"))
    return Refused(envelope(401, message, code="INVALID_TOKEN", code_field="error"))


def _set_account(call: Call) -> None:
    """Find the account named in the header, else in the query, where the scope knows of accounts."""
    if call.route.scope == "organisation":
        return
    account_id = call.header("linked_account_id") or call.query("linked_account_id")
    if account_id:
        call.act_on(existing_account(call.organisation, account_id))
    elif call.route.scope != "either":
        raise Refused(
            envelope(
                404,
                "Linked account id is required with API Key, for this resource",
                code="MISSING_REQUIRED_FIELD",
            )
        )


def existing_account(organisation: Organisation, account_id: str) -> Account:
    """The linked account of an id; refuses an unknown one."""
    account = organisation.account(account_id)
    if account is None:
        raise missing_account(organisation, account_id)
    return account


def missing_account(organisation: Organisation, account_id: str) -> Refused:
    """The refusal of a linked account that is not there, or not there for the caller."""
    message = (
        f"Linked Account with account id {account_id} for org {organisation.id} "
        f"in environment {organisation.environment} not found"
    )
    return Refused(envelope(404, message, code_field="error"))
