"""`Sandbox`, a Refold that listens on a local port, and `SandboxThread` for synchronous programs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Self

from aiohttp import web
from anyio.from_thread import start_blocking_portal

from refold_async.sandbox.api import ROUTES
from refold_async.sandbox.api.schedules import ScheduleStore
from refold_async.sandbox.api.webhooks import Delivery, WebhookStore, announce_connection
from refold_async.sandbox.apps import App, load_apps
from refold_async.sandbox.console import Pages
from refold_async.sandbox.faults import Fault, FaultBook
from refold_async.sandbox.handler import RequestHandler
from refold_async.sandbox.ledger import Ledger
from refold_async.sandbox.limits import RequestLimits, SandboxLimit
from refold_async.sandbox.names import KnownNames
from refold_async.sandbox.request_log import ReceivedRequest, RequestLog
from refold_async.sandbox.responses import Refused
from refold_async.sandbox.routing import Route, Router
from refold_async.sandbox.state import Organisation, SandboxContext, StoredAccount
from refold_async.sandbox.tasks import BackgroundTasks, Pauses

STOP_TIMEOUT = 0.1
"""Seconds that `stop` waits for pending responses, at most twice."""


class Sandbox:
    """An HTTP server that behaves like Refold, with its state in memory.

    Use it with `async with`, or with `start` and `stop`.

    Args:
        host: The address to listen on; default `"127.0.0.1"`.
        port: The port; 0 for any free one, which later starts reuse.
        api_key: The organisation's key. The environment is `production` if it starts with `pk`,
            else `test`.
        seed: The seed of records, ids, tokens and fault probabilities.
        accounts: The initial number of linked accounts, `demo-user-1` and so on. They cost nothing
            until they are used.
        records: How many records of each type an account starts with; default: a dozen or fewer.
        limit: The rate limit to enforce, if any.
        faults: The initial faults; add more with `sandbox.faults.add(...)`.
        latency: The minimum seconds per response.
        search_lag: Seconds until the apps' searches find a created, updated or deleted record as it is.
        ssl: Serve TLS with this context.
        apps: Additional apps; one with the slug of a bundled app replaces it.
        routes: Additional operations; one with the method and path of a documented one replaces it.
        request_log: How many of the latest requests to keep.
        ledger_limit: How many of the latest runs to keep.
        ledger_path: A file to which each run is appended as a JSON line before its response is sent.
        console: Serve the console at `/_console`: state, ledger, faults and connections in a browser.
        console_key: What the console asks for. Without one it answers on loopback addresses only.
        clock: The monotonic clock of the rate limit, in seconds; tests may pass their own.

    Attributes:
        names: The names that faults may have.

    Raises:
        ValueError: If a setting is invalid, or a fault names what the sandbox does not have.
        OSError: From `start`, if the port is taken or the ledger's file cannot be written.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str = "tk_sandbox",
        seed: int = 0,
        accounts: int = 1000,
        records: int | None = None,
        limit: SandboxLimit | None = None,
        faults: Iterable[Fault] = (),
        latency: float = 0.0,
        search_lag: float = 0.0,
        ssl: SSLContext | None = None,
        apps: Iterable[App] = (),
        routes: Iterable[Route] = (),
        request_log: int = 10_000,
        ledger_limit: int = 500_000,
        ledger_path: str | Path | None = None,
        console: bool = False,
        console_key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # An empty console key would let everybody in, e.g. that of an environment variable which is not set.
        for name, text in (("api_key", api_key), ("host", host), ("console_key", console_key)):
            if text == "":
                raise ValueError(f"{name} must not be empty")
        if not 0 <= port <= 65535:
            raise ValueError(f"port must be from 0 to 65535, not {port}")
        if accounts < 0 or (records or 0) < 0 or not (0 <= latency < math.inf and 0 <= search_lag < math.inf):
            raise ValueError("accounts, records, latency and search_lag must be at least 0, and finite")
        self.host = host
        self.port = port
        self._ssl = ssl
        self._seed = seed
        self._accounts = accounts
        self._records = records
        self._search_lag = search_lag
        self._apps: Mapping[str, App] = {**load_apps(), **{app.slug: app for app in apps}}
        every = (*ROUTES, *routes)
        self.names = KnownNames((route.operation for route in every), self._apps)
        self._context = SandboxContext(
            organisation=self._new_organisation(api_key),
            api_keys=[api_key],
            ledger=Ledger(ledger_limit, ledger_path, self.names.check_action),
            requests=RequestLog(request_log),
            faults=FaultBook(faults, seed, self.names.check),
            limits=RequestLimits(limit, clock),
            pauses=Pauses(),
            background=BackgroundTasks(),
            latency=latency,
        )
        pages = Pages(self._context, self, host, console=console, key=console_key)
        self._handler = RequestHandler(Router(every), self._context, pages)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Start listening. No-op if it runs; a stopped sandbox resumes with its state."""
        if self._runner is not None:
            return
        runner = web.ServerRunner(
            web.Server(self._handler.handle, access_log=None), shutdown_timeout=STOP_TIMEOUT
        )
        self._context.ledger.open()
        try:
            await runner.setup()
            site = web.TCPSite(runner, self.host, self.port, ssl_context=self._ssl, backlog=2048)
            await site.start()
        except BaseException:  # a cancelled start must not leave the port bound either
            self._context.ledger.close()
            await runner.cleanup()
            raise
        self.port = site.port
        self._context.background.open()
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening, end pending responses and close all connections. Never hangs."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        await self._context.background.close()
        self._context.pauses.end()
        await runner.cleanup()
        # Requests that were still being read when the first call ended may have begun to sleep since.
        self._context.pauses.end()
        self._context.ledger.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        state = "running" if self._runner is not None else "stopped"
        return f"<Sandbox {self._url} {state}, {len(self.account_ids)} accounts>"

    @property
    def base_url(self) -> str:
        """The URL it listens on, without a trailing slash.

        Raises:
            RuntimeError: If it has not run yet and has no port.
        """
        if not self.port:
            raise RuntimeError(
                "the sandbox has no port before it runs: use `async with Sandbox() as sandbox:`"
            )
        return self._url

    @property
    def _url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._ssl else 'http'}://{host}:{self.port}"

    @property
    def api_key(self) -> str:
        """The organisation's first API key."""
        return self._context.api_keys[0]

    @property
    def account_ids(self) -> Sequence[str]:
        """The ids of all linked accounts."""
        return self._context.organisation.account_ids

    @property
    def ledger(self) -> Ledger:
        """The ledger of what really ran."""
        return self._context.ledger

    @property
    def faults(self) -> FaultBook:
        """The faults to inject."""
        return self._context.faults

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The received requests, oldest first."""
        return self._context.requests.snapshot()

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhook deliveries, finished and pending, oldest first."""
        return list(self._context.organisation.own(WebhookStore).outbox.deliveries)

    @property
    def organisation(self) -> Organisation:
        """The state behind the API key."""
        return self._context.organisation

    def declare(self, slug: str, action_id: str) -> None:
        """Allow faults and scripted results for an action that the sandbox does not have."""
        self.names.declare(slug, action_id)

    def add_api_key(self, api_key: str) -> None:
        """Accept one more key, with its own rate limit."""
        if api_key not in self._context.api_keys:
            self._context.api_keys.append(api_key)

    def remove_api_key(self, api_key: str) -> None:
        """Reject a key from now on. Raises `ValueError` if it is unknown or the last one."""
        if self._context.api_keys == [api_key]:
            raise ValueError("the last API key cannot be removed")
        self._context.api_keys.remove(api_key)

    def issue_token(self, linked_account_id: str, *, expires_in: float | None = None) -> str:
        """Return a new bearer token for an account.

        Args:
            linked_account_id: The account to bind it to.
            expires_in: Its lifetime in seconds; `None` for no expiry, like a personal access token.

        Raises:
            LookupError: If there is no such account.
        """
        self._account(linked_account_id)
        return self._context.organisation.issue_token(linked_account_id, expires_in)

    def revoke_token(self, token: str) -> bool:
        """Revoke a token; returns false if it was already invalid."""
        return self._context.organisation.revoke_token(token)

    def add_account(self, linked_account_id: str, *, connected: Iterable[str] | None = None) -> None:
        """Add a linked account, replacing one that has the same id.

        Args:
            linked_account_id: Its id, any string.
            connected: The slugs of its connected apps; by default HubSpot, Slack and the playground.
        """
        slugs = None if connected is None else [self._app(slug).slug for slug in connected]
        self._context.organisation.add_account(linked_account_id, slugs)

    def remove_account(self, linked_account_id: str) -> bool:
        """Remove a linked account; returns false if there is none."""
        return self._context.organisation.remove_account(linked_account_id)

    def connect(self, linked_account_id: str, slug: str) -> None:
        """Connect or reconnect an app for an account, and notify the webhooks."""
        self._account(linked_account_id).connect(self._app(slug).slug)
        self._announce(linked_account_id, "Connection Created", slug)

    def disconnect(self, linked_account_id: str, slug: str) -> None:
        """Remove an account's connection to an app, if any, and notify the webhooks."""
        if self._account(linked_account_id).connections.pop(self._app(slug).slug, None):
            self._announce(linked_account_id, "Connection Deleted", slug)

    def expire(self, linked_account_id: str, slug: str) -> None:
        """Expire a connection: sets `reauth_required`, refuses its actions, notifies the webhooks."""
        connection = self._account(linked_account_id).connections.get(self._app(slug).slug)
        if connection is None:
            raise LookupError(f"{linked_account_id} has not connected {slug}")
        connection.expired = True
        self._announce(linked_account_id, "Connection Expired", slug)

    def set_limit(self, limit: SandboxLimit | None) -> None:
        """Change the rate limit to enforce; `None` for none."""
        self._context.limits.set(limit)

    def run_schedule(self, linked_account_id: str, schedule_id: str) -> str | None:
        """Run a schedule as if it were due, from the sandbox's own event loop.

        Returns:
            The id of the execution, or `None` if the schedule is paused.

        Raises:
            LookupError: If there is no such schedule.
        """
        try:
            run = self._account(linked_account_id).own(ScheduleStore).run(self._context, schedule_id)
        except Refused as refusal:
            raise LookupError(f"{linked_account_id} has no schedule {schedule_id}") from refusal
        return None if run is None else run.id

    def reset(self) -> None:
        """Restore the initial state, faults, ledger and request log. Keys and settings stay."""
        context = self._context
        context.background.cancel()
        context.organisation = self._new_organisation(self.api_key)
        context.ledger.clear()
        context.requests.clear()
        context.faults.reset()
        context.limits.reset()

    def _new_organisation(self, api_key: str) -> Organisation:
        return Organisation(
            self._apps,
            seed=self._seed,
            accounts=self._accounts,
            api_key=api_key,
            search_lag=self._search_lag,
            records=self._records,
        )

    def _announce(self, linked_account_id: str, event: str, slug: str) -> None:
        announce_connection(self._context, self._account(linked_account_id), event, slug)

    def _account(self, linked_account_id: str) -> StoredAccount:
        account = self._context.organisation.account(linked_account_id)
        if account is None:
            raise LookupError(f"no linked account {linked_account_id!r}")
        return account

    def _app(self, slug: str) -> App:
        if slug not in self._apps:
            raise LookupError(f"no app {slug!r}; known apps: {', '.join(self._apps)}")
        return self._apps[slug]


class SandboxThread:
    """Runs a sandbox in its own thread and event loop.

    `with SandboxThread(Sandbox(accounts=10)) as sandbox:` yields the started sandbox. Its ledger,
    requests and faults can be used from any thread.

    Args:
        sandbox: The sandbox to run, not yet started; by default one with default settings.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self._running = ExitStack()

    def start(self) -> Sandbox:
        """Start the thread, wait until the sandbox listens and return it; raises what its start raised."""
        with ExitStack() as starting:
            portal = starting.enter_context(start_blocking_portal("asyncio"))
            starting.enter_context(portal.wrap_async_context_manager(self.sandbox))
            self._running = starting.pop_all()
        return self.sandbox

    def stop(self) -> None:
        """Stop the sandbox and wait for the thread to end. Idempotent."""
        self._running.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
