"""Linked accounts: create, upsert, read, list and delete an organisation's customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from refold_async.sandbox.api.applications import DEFAULT_APP, app_id_of, icon_of
from refold_async.sandbox.api.datarefs import DatarefStore
from refold_async.sandbox.api.env_variables import EnvVariableStore
from refold_async.sandbox.api.execution_state import ExecutionStore
from refold_async.sandbox.api.webhooks import announce_connection
from refold_async.sandbox.api.workflow_state import WorkflowStore
from refold_async.sandbox.apps.values import SeededChoices, generate, past_moment, timestamp
from refold_async.sandbox.authentication import existing_account, missing_account
from refold_async.sandbox.documents import Document, IdSequence, given, now
from refold_async.sandbox.params import mapping, page_of, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Organisation, StoredAccount


class Profile:
    """The name, user-defined fields and default-app credentials of one linked account.

    Attributes:
        default_app: The credentials by key; `None` if the account has no default app.
    """

    def __init__(self, account: StoredAccount) -> None:
        seed = SeededChoices(f"{account.organisation.seed}\x1f{account.account_id}\x1fprofile")
        self._account = account
        self.created_at = self.updated_at = timestamp(past_moment(seed))
        self.name = str(generate({"name": "company"}, seed)["name"])
        self.udf: dict[str, Document] = {}
        self.default_app: dict[str, str] | None = {}
        self._changes = 0

    def begin(self) -> None:
        """Reset to the profile of a newly created account."""
        self.created_at = self.updated_at = now()
        self.name, self.default_app = "", None

    def change(
        self, name: str | None, udf: Mapping[str, object], credentials: Mapping[str, object] | None
    ) -> None:
        """Update the given parts; fields and credentials with the same key are replaced."""
        self.touch()
        self.name = self.name if name is None else name
        for key, value in udf.items():
            self.set_field(key, str(value))
        if credentials is not None:
            texts = {key: str(value) for key, value in credentials.items()}
            self.default_app = {**(self.default_app or {}), **texts}

    def set_field(self, key: str, value: str) -> None:
        """Set one user-defined field."""
        kept = self.udf.get(key) or {
            "key_name": key,
            "_id": self._account.organisation.own(IdSequence).next(),
            "createdAt": now(),
        }
        self.udf[key] = {**kept, "key_value": value, "updatedAt": now()}

    def touch(self) -> None:
        """Record that something about the account has changed."""
        self._changes += 1
        self.updated_at = now()

    def document(self) -> Document:
        """Return the linked account as the API shows it, without its integrations."""
        account = self._account
        return {
            "_id": account.object_id,
            "associated_org": account.organisation.id,
            "account_id": account.account_id,
            "environment": account.organisation.environment,
            "name": self.name,
            "udf": list(self.udf.values()),
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "__v": self._changes,
        }

    def whole(self) -> Document:
        """Return the linked account with its integrations, which never include credentials."""
        return {**self.document(), "integrations": [*self._connections(), *self._own_app()]}

    def _connections(self) -> list[Document]:
        apps = self._account.organisation.apps
        return [
            {
                "type": slug,
                "name": apps[slug].name,
                "icon": icon_of(slug),
                "app_id": None,
                "reauth_required": connection.expired,
                "createdAt": connection.connected_at,
                "updatedAt": connection.connected_at,
            }
            for slug, connection in self._account.connections.items()
        ]

    def _own_app(self) -> list[Document]:
        if self.default_app is None:
            return []
        app_id = app_id_of(self._account.organisation, DEFAULT_APP)
        return [
            {
                "type": DEFAULT_APP,
                "name": "Default app",
                "icon": icon_of(DEFAULT_APP),
                "app_id": app_id,
                "reauth_required": False,
                "createdAt": self.created_at,
                "updatedAt": self.updated_at,
            }
        ]


def remove_account(organisation: Organisation, account: StoredAccount) -> None:
    """Delete an account with its connections, tokens, tables, workflows, executions and values."""
    account.own(ExecutionStore).stop_all()
    organisation.own(WorkflowStore).remove_of(account.account_id)
    organisation.own(DatarefStore).remove_where(linked_account_id=account.account_id)
    organisation.own(EnvVariableStore).values.remove_where(linked_account_id=account.account_id)
    organisation.remove_account(account.account_id)


async def list_accounts(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the accounts; only those on the page are instantiated."""
    return page_of(
        request,
        _chosen(request),
        lambda account_id: existing_account(request.organisation, account_id).own(Profile).whole(),
    )


async def create(request: SandboxRequest) -> SandboxResponse:
    """Create a linked account; refuses an existing id."""
    account_id = _account_id(request.params)
    if account_id in request.organisation.account_ids:
        raise refused(
            400,
            f"Linked Account with account id {account_id} already exists",
            "INVALID_LINKED_ACCOUNT_ID",
            "error",
        )
    account = _begin(request, account_id)
    _write(account, request.params)
    names = ("_id", "account_id", "name", "environment")
    return success({**given(account.own(Profile).document(), names), "integrations": None})


async def upsert(request: SandboxRequest) -> SandboxResponse:
    """Update a linked account, or create it if it does not exist."""
    fields = mapping(request.params, "payload") or request.params
    bound = request.account_or_none
    account_id = bound.account_id if bound is not None else _account_id(request.params)
    account = request.organisation.account(account_id)
    is_new = account is None
    account = account or _begin(request, account_id)
    _write(account, fields)
    return success({**account.own(Profile).document(), "new_account": is_new})


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return one account; a token reads only its own."""
    account = existing_account(request.organisation, request.path_params["linked_account_id"])
    if request.account_or_none not in (None, account):
        raise missing_account(request.organisation, account.account_id)
    return success(account.own(Profile).whole())


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete an account with everything it holds and all its tokens."""
    account = existing_account(request.organisation, request.path_params["linked_account_id"])
    remove_account(request.organisation, account)
    return success({"message": "User deleted successfully"})


async def delete_integration(request: SandboxRequest) -> SandboxResponse:
    """Delete the account's connection to an app."""
    slug = request.path_params["slug"]
    auth_type = request.query("auth_type")
    app = request.organisation.apps.get(slug)
    if app is None or slug not in request.account.connections or auth_type not in (None, app.auth_type):
        raise refused(404, f"Integration {slug} not found", "RESOURCE_NOT_FOUND", "error")
    del request.account.connections[slug]
    request.account.own(Profile).touch()
    announce_connection(request.context, request.account, "Connection Deleted", slug)
    return success(request.account.own(Profile).whole())


async def get_active(request: SandboxRequest) -> SandboxResponse:
    """Return the account that the session token is bound to."""
    return success(request.account.own(Profile).whole())


def _chosen(request: SandboxRequest) -> Sequence[str]:
    """Return the ids of all accounts, or of those whose environment variable matches the query."""
    account_ids = request.organisation.account_ids
    name = request.query("env_variable_name")
    if name is None:
        return account_ids
    return request.organisation.own(EnvVariableStore).accounts_with(name, request.query("env_variable_value"))


def _account_id(fields: Mapping[str, object]) -> str:
    account_id = text(fields, "account_id") or text(fields, "linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id required", "INVALID_LINKED_ACCOUNT_ID", "error")
    return account_id


def _begin(request: SandboxRequest, account_id: str) -> StoredAccount:
    account = request.organisation.add_account(account_id, connected=())
    account.own(Profile).begin()
    return account


def _write(account: StoredAccount, fields: Mapping[str, object]) -> None:
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
