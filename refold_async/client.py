"""What a program holds: the organisation's client, and one customer's account."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self, Unpack

from refold_async.api.actions import Actions
from refold_async.api.applications import Applications
from refold_async.batch import Batch, BatchOptions, BatchReport, BatchSettings, Calls
from refold_async.batch.attempts import Attempts
from refold_async.caller import Caller
from refold_async.credentials import Credential, KeySource
from refold_async.sessions import Sessions
from refold_async.settings import Options, Settings, resolve_api_key, resolve_base_url


class _Closing:
    """Opens with `async with`, and closes with it or with `aclose`."""

    _sessions: Sessions
    _owns: bool

    async def __aenter__(self) -> Self:
        if self._owns:
            self._sessions.reopen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close the connections that this object opened; those that it was lent stay open.

        Calls under way fail with `ClosedError`. To close again is harmless.

        Args:
            drain: Seconds to let calls under way end by themselves first; default 0.
        """
        if self._owns:
            await self._sessions.aclose(drain=drain)


class SessionManager(_Closing):
    """Owns the connections of many clients: one pool for each API key and event loop.

    Two keys never share a socket, a cookie or a rate limit.

    Args:
        options: Settings of all its clients; see `Options`.

    Raises:
        SettingsError: A setting cannot work.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        self._settings = Settings(**options)
        self._base_url = resolve_base_url(self._settings.base_url)
        self._sessions = Sessions(self._settings)
        self._owns = True

    def __repr__(self) -> str:
        return f"SessionManager({self._base_url!r}, {self._sessions!r})"

    def client(self, api_key: str | KeySource | None = None) -> Refold:
        """Lend a client that shares this manager's connections; closing it leaves them open.

        Args:
            api_key: An organisation's key, or an async callable that gives it; default:
                `REFOLD_API_KEY`.

        Raises:
            SettingsError: There is no key, or it cannot be one.
        """
        return Refold._on(self, Credential("key", resolve_api_key() if api_key is None else api_key))

    def account(self, token: str) -> Account:
        """Lend the account of a session token, or a personal access token.

        Raises:
            SettingsError: It cannot be a token.
        """
        return Account(self._caller(Credential("token", token)), self._sessions, owns=False)

    def _caller(self, credential: Credential) -> Caller:
        return Caller(self._sessions, self._settings, self._base_url, credential)


class Refold(_Closing):
    """The organisation's client: one API key, and all its customers.

    It opens connections on first use, in the event loop that runs then; use it with `async with`,
    or call `aclose` when done. One client serves a whole process.

    Args:
        api_key: The organisation's key, or an async callable that gives it (asked once for each
            session, and again after a 401); default: `REFOLD_API_KEY`.
        options: Settings; see `Options`.

    Raises:
        SettingsError: There is no key, or a setting cannot work.
    """

    def __init__(self, api_key: str | KeySource | None = None, **options: Unpack[Options]) -> None:
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
        self._caller = manager._caller(credential)

    def __repr__(self) -> str:
        return f"Refold({self._caller!r})"

    def account(self, linked_account_id: str) -> Account:
        """Give one customer, on this client's connections.

        Args:
            linked_account_id: Your own stable id of the customer.

        Raises:
            InvalidCallError: The id is empty, or holds what a header cannot carry.
        """
        return Account(self._caller.for_account(linked_account_id), self._sessions, owns=False)

    def batch(self, calls: Calls, **options: Unpack[BatchOptions]) -> Batch:
        """Run many calls: one action over thousands of customers.

        Each calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`. Use it with
        `async with`, and iterate over it for the outcomes as they come, or over its `in_order()`.

        Args:
            calls: An iterable or async iterable of `Call`, read only as fast as it is run.
            options: Settings; see `BatchOptions`.

        Raises:
            SettingsError: A setting cannot work.
        """
        settings = BatchSettings(**options)
        return Batch(calls, Attempts(self._caller, self._sessions.settings, settings), settings)

    async def run(self, calls: Calls, **options: Unpack[BatchOptions]) -> BatchReport:
        """Run many calls to the end, and give all outcomes at once; see `batch`.

        Args:
            calls: An iterable or async iterable of `Call`.
            options: Settings; see `BatchOptions`.

        Returns:
            The outcomes in the order of the input, which are all kept in memory, and the summary.

        Raises:
            SettingsError: A setting cannot work.
            JournalError: The journal cannot be used.
        """
        async with self.batch(calls, **options) as batch:
            outcomes = [outcome async for outcome in batch]
        outcomes.sort(key=lambda outcome: outcome.index)
        return BatchReport(outcomes, batch.summary)


class Account(_Closing):
    """One customer: its actions, its apps.

    Attributes:
        actions: What can be done in its apps, and doing it.
        applications: The apps that it can connect, and the state of its connections.
    """

    def __init__(self, caller: Caller, sessions: Sessions, *, owns: bool) -> None:
        self._caller = caller
        self._sessions = sessions
        self._owns = owns
        self.actions: Final = Actions(caller)
        self.applications: Final = Applications(caller)

    @classmethod
    def from_token(cls, token: str, **options: Unpack[Options]) -> Self:
        """Make the account of a session token, without an API key; it owns its connections.

        Args:
            token: A session token, which is short-lived, or a personal access token.
            options: Settings; see `Options`.

        Raises:
            SettingsError: It cannot be a token, or a setting cannot work.
        """
        manager = SessionManager(**options)
        return cls(manager._caller(Credential("token", token)), manager._sessions, owns=True)

    def __repr__(self) -> str:
        return f"Account({self._caller!r})"

    @property
    def linked_account_id(self) -> str | None:
        """The customer's id; `None` for an account of a token, which alone knows it."""
        return self._caller.linked_account_id
