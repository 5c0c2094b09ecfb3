"""The organisation's client, and a customer's account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, Unpack

from refold_async._core.checks import check_text
from refold_async._core.credentials import Credential, KeySource, hide
from refold_async._core.proxies import proxy_for
from refold_async._core.requester import Requester
from refold_async._core.sessions import Sessions
from refold_async.api.resource import Lazy
from refold_async.api.scopes import Closing, Scope
from refold_async.errors import InvalidCallError, RefoldError
from refold_async.settings import Options, Settings, hide_logins, resolve_api_key, resolve_base_url

if TYPE_CHECKING:
    import os

    from refold_async.agents.loading import Allowed
    from refold_async.agents.settings import ToolOptions
    from refold_async.agents.toolset import Tools
    from refold_async.api.actions import Actions
    from refold_async.api.applications import Applications
    from refold_async.api.auth import Auth, KeyAuth
    from refold_async.api.config_fields import ConfigFields
    from refold_async.api.configs import Configs, KeyConfigs
    from refold_async.api.credentials import Credentials, KeyCredentials
    from refold_async.api.datarefs import Datarefs, OrganisationDatarefs
    from refold_async.api.datastores import Datastores
    from refold_async.api.env_variables import EnvVariables, OrganisationEnvVariables
    from refold_async.api.events import EventDefinitions, Events
    from refold_async.api.executions import Executions
    from refold_async.api.hosted_connect import ConnectUrl, HostedConnect
    from refold_async.api.human_tasks import HumanTasks
    from refold_async.api.linked_accounts import KeyOwnAccount, LinkedAccounts, OwnAccount, TokenOwnAccount
    from refold_async.api.mcp_servers import McpServers
    from refold_async.api.schedules import Schedules
    from refold_async.api.session_tokens import OwnSessionToken, SessionTokens
    from refold_async.api.tables import Tables
    from refold_async.api.webhooks import TokenWebhooks, Webhooks
    from refold_async.api.workflows import KeyWorkflows, OrganisationWorkflows, TokenWorkflows, Workflows
    from refold_async.batch import Batch, BatchOptions, BatchReport, Calls
    from refold_async.calls import Call, Verdict
    from refold_async.settle import LookupFunction, Settle
    from refold_async.walks.fan_out import Walks
    from refold_async.walks.outcomes import WalkOptions, WalkSource, WalkSummary
    from refold_async.walks.pull import Accounts, PullOptions


class SessionManager(Closing):
    """Owns the connections of many clients: one pool per API key and event loop.

    Two keys never share a socket, a cookie or a rate limit.

    Args:
        options: The settings of all its clients; see `Options`.

    Raises:
        SettingsError: If a setting cannot work.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        hide_logins(options)
        self._settings = Settings(**options)
        self._base_url = resolve_base_url(self._settings.base_url)
        # Each session reads the environment when it is opened; here, so that a mistake shows at once.
        proxy_for(self._base_url, self._settings)
        self._sessions = Sessions(self._settings)
        self._owns = True

    def __repr__(self) -> str:
        # A traceback with locals shows a manager that is not made yet.
        made = vars(self)
        return f"SessionManager({made.get('_base_url')!r}, {made.get('_sessions')!r})"

    def client(self, api_key: str | KeySource | None = None) -> Refold:
        """Return a client that shares this manager's connections; closing it leaves them open.

        Args:
            api_key: An organisation's key, or an async callable that returns it; default:
                `REFOLD_API_KEY`. Clients with the same callable share connections; a new lambda for each
                client gives each its own.

        Raises:
            SettingsError: If there is no key, or it cannot be one.
        """
        api_key = hide(api_key)
        return Refold._on(self, Credential("key", resolve_api_key() if api_key is None else api_key))

    def account(self, token: str) -> TokenAccount:
        """Return the account of a session token or personal access token, on this manager's connections.

        Raises:
            SettingsError: If it cannot be a token.
        """
        token = hide(token)
        return TokenAccount(self._requester(Credential("token", token)), self._sessions, owns=False)

    def _requester(self, credential: Credential) -> Requester:
        return Requester(self._sessions, self._settings, self._base_url, credential)


class Refold(Scope):
    """The organisation's client: one API key, and all its customers.

    Connections are opened on first use, in the running event loop. Use it with `async with`, or call
    `aclose` when done. One client is enough for a whole process.

    Attributes:
        auth: What an app requires to be connected.
        datarefs: The datarefs of all customers.
        env_variables: The environment variables: their definitions, and the organisation's values.
        events: The events that the organisation's own app can fire.
        human_tasks: Forms for people to fill in.
        linked_accounts: The customers.
        session_tokens: Creates tokens that act for one customer.
        webhooks: The organisation's webhooks.
        workflows: The organisation's workflows.

    Args:
        api_key: The organisation's key, or an async callable that returns it (called once per
            session, and again after a 401); default: `REFOLD_API_KEY`.
        options: Settings; see `Options`.

    Raises:
        SettingsError: If there is no key, or a setting cannot work.
    """

    auth = Lazy["Auth"]("auth", "Auth")
    datarefs = Lazy["OrganisationDatarefs"]("datarefs", "OrganisationDatarefs")
    env_variables = Lazy["OrganisationEnvVariables"]("env_variables", "OrganisationEnvVariables")
    events = Lazy["EventDefinitions"]("events", "EventDefinitions")
    human_tasks = Lazy["HumanTasks"]("human_tasks", "HumanTasks")
    linked_accounts = Lazy["LinkedAccounts"]("linked_accounts", "LinkedAccounts")
    session_tokens = Lazy["SessionTokens"]("session_tokens", "SessionTokens")
    webhooks = Lazy["Webhooks"]("webhooks", "Webhooks")
    workflows = Lazy["OrganisationWorkflows"]("workflows", "OrganisationWorkflows")

    def __init__(self, api_key: str | KeySource | None = None, **options: Unpack[Options]) -> None:
        api_key = hide(api_key)
        hide_logins(options)
        manager = SessionManager(**options)
        self._lend(manager, Credential("key", resolve_api_key() if api_key is None else api_key), owns=True)

    @classmethod
    def _on(cls, manager: SessionManager, credential: Credential) -> Self:
        client = cls.__new__(cls)
        client._lend(manager, credential, owns=False)
        return client

    def _lend(self, manager: SessionManager, credential: Credential, *, owns: bool) -> None:
        self._sessions = manager._sessions
        self._owns = owns
        self._requester = manager._requester(credential)

    def __repr__(self) -> str:
        # A traceback with locals shows a client that is not made yet.
        return f"Refold({vars(self).get('_requester')!r})"

    def account(self, linked_account_id: str) -> KeyAccount:
        """Return the account of one customer, on this client's connections.

        Args:
            linked_account_id: Your own stable id of the customer.

        Raises:
            InvalidCallError: If the id is not a non-empty string that can be sent as a header.
        """
        check_text("linked_account_id", linked_account_id)
        return KeyAccount(self._requester.for_account(linked_account_id), self._sessions, owns=False)

    async def reconnect_link(
        self,
        account: str | RefoldError,
        *,
        properties: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> ConnectUrl:
        """Return the link to a page on which a customer connects its apps again.

        Calls `POST /api/v2/public/session-token`, then `POST /api/v2/public/connect-url` with that token.

        The link contains a token that acts for the customer until it expires. Create it when the customer
        asks for it, pass it to no one else, and do not store it.

        Args:
            account: Your own id for the customer, or the error of a call that was made for it, e.g. a
                `ReconnectRequiredError`.
            properties: Properties of the page, e.g. `redirect_url`, to return the customer to.
            timeout: Deadline of each of the two calls, retries included, in seconds; default: the client's.

        Returns:
            The link as `hosted_url`; its repr is hidden.

        Raises:
            InvalidCallError: If the error does not name an account.
            NotFoundError: If there is no such linked account.
            RefoldError: If a call fails in any other way.
        """
        from refold_async.api.hosted_connect import reconnect_link  # noqa: PLC0415 - loaded on first use

        linked_account_id = account.linked_account_id if isinstance(account, RefoldError) else account
        if linked_account_id is None:
            raise InvalidCallError("the error names no linked account: pass the account's id")
        return await reconnect_link(self._requester, linked_account_id, properties, timeout)

    def batch(self, calls: Calls, **options: Unpack[BatchOptions]) -> Batch:
        """Run many calls, e.g. one action for thousands of customers.

        Each calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`. Use it with
        `async with`, and iterate over it for the outcomes as they complete, or over its `in_order()`.

        Args:
            calls: An iterable or async iterable of `Call`, read only as fast as the calls run.
            options: Settings; see `BatchOptions`.

        Raises:
            SettingsError: If a setting cannot work.
        """
        from refold_async.batch import Batch, BatchSettings  # noqa: PLC0415 - loaded on first use
        from refold_async.batch.runner import ExecuteRunner  # noqa: PLC0415
        from refold_async.batch.validation import CallValidator  # noqa: PLC0415
        from refold_async.hooks import listening  # noqa: PLC0415

        settings = BatchSettings(**options)
        client_settings = self._sessions.settings
        runner = ExecuteRunner(self._requester, client_settings, settings)
        validator = CallValidator(self._requester) if settings.validate else None
        return Batch(calls, runner, settings, listening(client_settings.hooks), validator)

    def walks(self, walks: WalkSource, **options: Unpack[WalkOptions]) -> Walks:
        """Read all pages of many walks, e.g. the contacts of thousands of customers.

        Each page calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`. Use it with
        `async with`, and iterate over it for `WalkPage`, `WalkFailed` and `WalkSkipped`.

        Args:
            walks: An iterable or async iterable of `Walk`, read only as fast as the pages are read.
            options: Settings; see `WalkOptions`.

        Raises:
            SettingsError: If a setting cannot work.
        """
        from refold_async.walks.making import make_walks  # noqa: PLC0415 - loaded on first use

        return make_walks(self._requester, self._sessions.settings, walks, options)

    async def pull(
        self,
        slug: str,
        action_id: str,
        accounts: Accounts,
        out: str | os.PathLike[str],
        **options: Unpack[PullOptions],
    ) -> WalkSummary:
        """Read all pages of an action for many customers into files.

        Each page calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`. Run it again
        after a crash, and it continues: each row is in the files exactly once. `manifest.json` in the folder
        names the files.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            action_id: The action's id, e.g. `get_contact`.
            accounts: An iterable or async iterable of linked account ids.
            out: The folder; created if it does not exist.
            options: Settings; see `PullOptions`.

        Raises:
            SettingsError: If a setting cannot work, or the folder has files of another state.
            JournalError: If the state cannot be used.
        """
        from refold_async.walks.pull import pull  # noqa: PLC0415 - loaded on first use

        return await pull(
            self._requester, self._sessions.settings, slug, action_id, accounts, out=out, options=options
        )

    async def run(self, calls: Calls, **options: Unpack[BatchOptions]) -> BatchReport:
        """Run many calls to the end, and return all outcomes; see `batch`.

        Args:
            calls: An iterable or async iterable of `Call`.
            options: Settings; see `BatchOptions`.

        Returns:
            The outcomes in the order of the input, all in memory, and the summary.

        Raises:
            SettingsError: If a setting cannot work.
            JournalError: If the journal cannot be used.
        """
        from refold_async.batch import BatchReport  # noqa: PLC0415 - loaded on first use

        async with self.batch(calls, **options) as batch:
            outcomes = await batch.collect()
        outcomes.sort(key=lambda outcome: outcome.index)
        return BatchReport(outcomes, batch.summary)

    async def settle(self, call: Call | RefoldError, lookup: LookupFunction | Settle) -> Verdict:
        """Look for what a call wrote whose fate is unknown: once, now, or at the times of a `Settle`.

        A look-up is a read, retried like any other. A batch settles its own calls: pass it the `Settle`.

        Args:
            call: The call, or the error of an `execute`.
            lookup: Returns the `Lookup` of the call, which is made once, now; or a `Settle`, whose waits
                count from now.

        Returns:
            `Found` with the record; `Absent` if there is none *now*; `Unresolved` with the reason if several
            match, the answer has more pages, or the look-up failed.

        Raises:
            InvalidCallError: If the error has no call, or the look-up's action writes.
            ClosedError: If the client is closed, also while it waits.
            SettingsError: If `lookup` is neither, or would run the call again.
        """
        from refold_async.settle.looking import settle_call  # noqa: PLC0415 - loaded on first use

        return await settle_call(self._requester, call, lookup)


class Account(Scope):
    """One customer's account: what both an API key and a token can do.

    `refold.account(linked_account_id)` returns a `KeyAccount`, `Account.from_token(token)` a
    `TokenAccount`; each can do more.

    Attributes:
        actions: Lists, describes and executes the actions of its apps.
        auth: What an app requires to be connected.
        config_fields: The fields of its workflow configs.
        configs: The configs of its apps.
        credentials: Its credentials for the organisation's own app.
        env_variables: The values of its environment variables.
        events: Fires events of the organisation's own app.
        executions: The runs of its workflows.
        human_tasks: Forms for people to fill in.
        linked_account: The linked account itself.
        mcp_servers: Its MCP servers, for agents.
        workflows: Its workflows.
    """

    actions = Lazy["Actions"]("actions", "Actions")
    auth = Lazy["Auth"]("auth", "Auth")
    config_fields = Lazy["ConfigFields"]("config_fields", "ConfigFields")
    configs = Lazy["Configs"]("configs", "Configs")
    credentials = Lazy["Credentials"]("credentials", "Credentials")
    env_variables = Lazy["EnvVariables"]("env_variables", "EnvVariables")
    events = Lazy["Events"]("events", "Events")
    executions = Lazy["Executions"]("executions", "Executions")
    human_tasks = Lazy["HumanTasks"]("human_tasks", "HumanTasks")
    linked_account = Lazy["OwnAccount"]("linked_accounts", "OwnAccount")
    mcp_servers = Lazy["McpServers"]("mcp_servers", "McpServers")
    workflows = Lazy["Workflows"]("workflows", "Workflows")

    def __init__(self, requester: Requester, sessions: Sessions, *, owns: bool) -> None:
        self._requester = requester
        self._sessions = sessions
        self._owns = owns

    @staticmethod
    def from_token(token: str, **options: Unpack[Options]) -> TokenAccount:
        """Return the account of a token, without an API key; it owns its connections.

        Args:
            token: A session token, which is short-lived, or a personal access token.
            options: Settings; see `Options`.

        Raises:
            SettingsError: If it cannot be a token, or a setting cannot work.
        """
        token = hide(token)
        hide_logins(options)
        manager = SessionManager(**options)
        return TokenAccount(manager._requester(Credential("token", token)), manager._sessions, owns=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._requester!r})"

    async def tools(self, allowed: Allowed, **options: Unpack[ToolOptions]) -> Tools:
        """Load actions of this account as tools for a language model.

        Calls `GET /api/v2/integration-schema/{slug}/actions` for each app, and
        `GET /api/v2/integration-schema/{slug}/actions/{action_id}` for each action.

        Args:
            allowed: The ids of the actions to allow, by slug, e.g. `{"hubspot": ["get_contact"]}`. No other
                action is ever called, nor one of another account.
            options: Settings; see `ToolOptions`. By default, actions that write are not offered.

        Raises:
            SettingsError: If a setting cannot work, or there is no such action or workflow.
            RefoldError: If a call fails.
        """
        from refold_async.agents.toolset import make_tools  # noqa: PLC0415 - loaded on first use

        return await make_tools(self._requester, allowed, options)

    @property
    def linked_account_id(self) -> str | None:
        """The customer's id; `None` for the account of a token, which does not reveal it."""
        return self._requester.linked_account_id


class KeyAccount(Account):
    """One customer's account, used with the organisation's API key: `refold.account(linked_account_id)`.

    Attributes:
        applications: The apps that it can connect, and the state of its connections.
        auth: What an app requires to be connected, and where OAuth starts.
        configs: The configs of its apps; also creates and deletes them.
        credentials: Its credentials, including those for its apps.
        datarefs: Records that its workflows store under a name.
        datastores: The data that its workflows have stored.
        linked_account: The linked account itself; also disconnects an app.
        schedules: Its scheduled workflows.
        tables: Its persistent tables.
        workflows: Its workflows.
    """

    applications = Lazy["Applications"]("applications", "Applications")
    auth = Lazy["KeyAuth"]("auth", "KeyAuth")
    configs = Lazy["KeyConfigs"]("configs", "KeyConfigs")
    credentials = Lazy["KeyCredentials"]("credentials", "KeyCredentials")
    datarefs = Lazy["Datarefs"]("datarefs", "Datarefs")
    datastores = Lazy["Datastores"]("datastores", "Datastores")
    linked_account = Lazy["KeyOwnAccount"]("linked_accounts", "KeyOwnAccount")
    schedules = Lazy["Schedules"]("schedules", "Schedules")
    tables = Lazy["Tables"]("tables", "Tables")
    workflows = Lazy["KeyWorkflows"]("workflows", "KeyWorkflows")

    @property
    def linked_account_id(self) -> str:
        """Your own stable id of the customer."""
        return self._requester.linked_account_id or ""


class TokenAccount(Account):
    """One customer's account, used with its token: `Account.from_token(token)`, `manager.account(token)`.

    Attributes:
        hosted_connect: The page where it connects its apps.
        linked_account: The linked account itself, as the token sees it.
        session_token: The token itself.
        webhooks: The webhooks, as far as a token may change them.
        workflows: Its workflows; also publishes and deletes them.
    """

    hosted_connect = Lazy["HostedConnect"]("hosted_connect", "HostedConnect")
    linked_account = Lazy["TokenOwnAccount"]("linked_accounts", "TokenOwnAccount")
    session_token = Lazy["OwnSessionToken"]("session_tokens", "OwnSessionToken")
    webhooks = Lazy["TokenWebhooks"]("webhooks", "TokenWebhooks")
    workflows = Lazy["TokenWorkflows"]("workflows", "TokenWorkflows")
