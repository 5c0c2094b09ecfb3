"""Linked accounts: create, upsert, read, list and delete an organisation's customers."""

from collections.abc import Mapping, Sequence

from refold_async.sandbox.auth import existing_account, missing_account
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.cascade import remove_account
from refold_async.sandbox.resources.documents import given
from refold_async.sandbox.resources.env_variables import EnvVariables
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.profiles import Profile
from refold_async.sandbox.resources.reading import mapping, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.webhooks import announce_connection
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account


async def list_accounts(call: Call) -> Reply:
    """A page of the organisation's accounts; only those of the page are brought to life."""
    return page_of(
        call,
        _chosen(call),
        lambda account_id: existing_account(call.organisation, account_id).own(Profile).whole(),
    )


async def create(call: Call) -> Reply:
    """A new linked account; one that is there already is refused."""
    account_id = _account_id(call.params)
    if account_id in call.organisation.account_ids:
        raise refused(
            400,
            f"Linked Account with account id {account_id} already exists",
            "INVALID_LINKED_ACCOUNT_ID",
            "error",
        )
    account = _begin(call, account_id)
    _write(account, call.params)
    names = ("_id", "account_id", "name", "environment")
    return success({**given(account.own(Profile).document(), names), "integrations": None})


async def upsert(call: Call) -> Reply:
    """Change a linked account, or create it where there is none."""
    fields = mapping(call.params, "payload") or call.params
    bound = call.account_or_none
    account_id = bound.account_id if bound is not None else _account_id(call.params)
    account = call.organisation.account(account_id)
    is_new = account is None
    account = account or _begin(call, account_id)
    _write(account, fields)
    return success({**account.own(Profile).document(), "new_account": is_new})


async def get(call: Call) -> Reply:
    """One account; a token reads no other than its own."""
    account = existing_account(call.organisation, call.path_params["linked_account_id"])
    if call.account_or_none not in (None, account):
        raise missing_account(call.organisation, account.account_id)
    return success(account.own(Profile).whole())


async def delete(call: Call) -> Reply:
    """Delete an account with all it holds and every token of it."""
    account = existing_account(call.organisation, call.path_params["linked_account_id"])
    remove_account(call.organisation, account)
    return success({"message": "User deleted successfully"})


async def delete_integration(call: Call) -> Reply:
    """Take away the account's connection to an app."""
    slug = call.path_params["slug"]
    auth_type = call.query("auth_type")
    app = call.organisation.apps.get(slug)
    if app is None or slug not in call.account.connections or auth_type not in (None, app.auth_type):
        raise refused(404, f"Integration {slug} not found", "RESOURCE_NOT_FOUND", "error")
    del call.account.connections[slug]
    call.account.own(Profile).touch()
    announce_connection(call.world, call.account, "Connection Deleted", slug)
    return success(call.account.own(Profile).whole())


async def get_active(call: Call) -> Reply:
    """The account that the session token is bound to."""
    return success(call.account.own(Profile).whole())


def _chosen(call: Call) -> Sequence[str]:
    """The ids of all accounts, or of those whose environment variable has the value of the query."""
    account_ids = call.organisation.account_ids
    name = call.query("env_variable_name")
    if name is None:
        return account_ids
    return call.organisation.own(EnvVariables).accounts_with(name, call.query("env_variable_value"))


def _account_id(fields: Mapping[str, object]) -> str:
    account_id = text(fields, "account_id") or text(fields, "linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id required", "INVALID_LINKED_ACCOUNT_ID", "error")
    return account_id


def _begin(call: Call, account_id: str) -> Account:
    account = call.organisation.add_account(account_id, connected=())
    account.own(Profile).begin()
    return account


def _write(account: Account, fields: Mapping[str, object]) -> None:
    own_app = mapping(fields, "your_app")
    credentials = mapping(own_app, "auth_credentials") if own_app else None
    name = text(fields, "name") if "name" in fields else None
    account.own(Profile).change(name, mapping(fields, "udf"), credentials)


_BASE = "/api/v2/public/linked-account"

ROUTES = (
    Route("linked_accounts.list", "GET", _BASE, list_accounts),
    Route("linked_accounts.create", "POST", _BASE, create),
    Route("linked_accounts.upsert", "PUT", _BASE, upsert, "either"),
    Route("linked_accounts.get", "GET", _BASE + "/{linked_account_id}", get, "either"),
    Route("linked_accounts.delete", "DELETE", _BASE + "/{linked_account_id}", delete),
    Route(
        "linked_account.delete_integration",
        "DELETE",
        _BASE + "/integration/{slug}",
        delete_integration,
        "account_key",
    ),
    Route(
        "linked_account.get",
        "GET",
        "/api/v2/public/session/active-linked-account",
        get_active,
        "token",
    ),
)
