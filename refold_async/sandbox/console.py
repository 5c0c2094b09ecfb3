"""The sandbox's pages: a console for its owner, and the hosted page on which a customer connects apps.

The console shows the state of the sandbox and calls its Python API; it keeps nothing itself. It is for its
owner alone: served on a loopback address, or to clients that send the console's key.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote

import msgspec
from aiohttp import web

from refold_async.sandbox.api.execution_state import ExecutionStore
from refold_async.sandbox.api.executions import start_execution
from refold_async.sandbox.api.schedules import ScheduleStore
from refold_async.sandbox.api.sessions import ConnectSession
from refold_async.sandbox.api.webhooks import WebhookStore, announce_connection
from refold_async.sandbox.api.workflow_state import WorkflowStore
from refold_async.sandbox.faults import Fault
from refold_async.sandbox.ledger import Run
from refold_async.sandbox.limits import SandboxLimit
from refold_async.sandbox.responses import Refused
from refold_async.sandbox.state import SandboxContext, StoredAccount

KEY_HEADER: Final = "X-Console-Key"

_CONSOLE: Final = "/_console"
_CONNECT: Final = "/connect/"
_FILES: Final = f"{_CONNECT}-/"
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_SHOWN: Final = 50
"""How many accounts, requests, runs and records a page shows."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the URL of the connect page contains a token
    "X-Content-Type-Options": "nosniff",
}


class Controls(Protocol):
    """What the console does to the sandbox: its Python API."""

    def connect(self, linked_account_id: str, slug: str) -> None:
        """Connect an app."""

    def disconnect(self, linked_account_id: str, slug: str) -> None:
        """Disconnect an app."""

    def expire(self, linked_account_id: str, slug: str) -> None:
        """Expire a connection."""

    def run_schedule(self, linked_account_id: str, schedule_id: str) -> str | None:
        """Run a schedule."""

    def set_limit(self, limit: SandboxLimit | None) -> None:
        """Change the rate limit."""

    def reset(self) -> None:
        """Restore the initial state."""


class ForbiddenError(Exception):
    """A request that may not see or change anything, and why."""


class Pages:
    """Serves the console, if it is on, and the hosted connect page.

    Args:
        context: The sandbox's state.
        controls: The sandbox.
        host: The address that the sandbox listens on.
        console: Whether the console is served.
        key: What a request to the console must send, if the address is not a loopback one.
    """

    def __init__(
        self, context: SandboxContext, controls: Controls, host: str, *, console: bool, key: str | None
    ) -> None:
        self._context = context
        self._controls = controls
        self._host = host
        self._console = console
        self._key = key
        self._commands: Mapping[str, Callable[[dict[str, str]], object]] = {
            "connect": lambda body: controls.connect(body["account"], body["slug"]),
            "disconnect": lambda body: controls.disconnect(body["account"], body["slug"]),
            "expire": lambda body: controls.expire(body["account"], body["slug"]),
            "announce": self._announce,
            "add_fault": lambda body: context.faults.add(msgspec.json.decode(body["fault"], type=Fault)),
            "remove_fault": self._remove_fault,
            "set_limit": lambda body: controls.set_limit(_limit_of(body["limit"])),
            "run_schedule": lambda body: controls.run_schedule(body["account"], body["schedule"]),
            "run_workflow": self._run_workflow,
            "clear_ledger": lambda _: context.ledger.clear(),
            "reset": lambda _: controls.reset(),
        }

    def owns(self, path: str) -> bool:
        """Return whether a path is a page's, and not the API's."""
        return path.startswith((_CONSOLE, _CONNECT))

    def respond(self, raw: web.BaseRequest, body: bytes) -> web.Response:
        """Return the response to a request for a page."""
        path = raw.rel_url.raw_path
        try:
            if path.startswith(_CONNECT):
                return self._connect_page(raw, path, body)
            return self._console_page(raw, path, body)
        except ForbiddenError as error:
            return _json({"error": str(error)}, 403)
        except (LookupError, ValueError, Refused, msgspec.MsgspecError) as error:
            return _json({"error": _words(error)}, 400)

    def _console_page(self, raw: web.BaseRequest, path: str, body: bytes) -> web.Response:
        if not self._console:
            return _json({"error": "the console is off: Sandbox(console=True)"}, 404)
        file = {_CONSOLE: "console.html", f"{_CONSOLE}/": "console.html"}.get(path)
        check_host(raw.headers.get("Host", ""), self._host, keyed=self._key is not None)
        if file is not None:
            return _file(file)
        self._check_key(raw)
        if raw.method == "POST" and path == f"{_CONSOLE}/do":
            check_same_origin(raw.headers, f"{raw.scheme}://{raw.host}")
            command = msgspec.json.decode(body, type=dict[str, str])
            self._commands[command.get("do", "")](command)
            return _json({"done": True})
        if path == f"{_CONSOLE}/state":
            query = parse_qs(raw.query_string if hasattr(raw, "query_string") else raw.rel_url.query_string)
            return _json(self._state({name: values[-1] for name, values in query.items()}))
        return _json({"error": "no such page"}, 404)

    def _check_key(self, raw: web.BaseRequest) -> None:
        if self._key is None:
            if not is_loopback(self._host):
                raise ForbiddenError("the console needs --console-key on an address that others can reach")
        elif not hmac.compare_digest(raw.headers.get(KEY_HEADER, "").encode(), self._key.encode()):
            raise ForbiddenError(
                "the console's key is missing or wrong: open the URL that the sandbox printed"
            )

    def _state(self, query: Mapping[str, str]) -> dict[str, object]:
        context = self._context
        ids = context.organisation.account_ids
        wanted = query.get("search", "")
        found = (each for each in ids if wanted.lower() in each.lower())
        accounts = [each for each, _ in zip(found, range(_SHOWN), strict=False)]
        chosen = context.organisation.account(query.get("account") or (accounts or [""])[0])
        return {
            "apps": sorted(context.organisation.apps),
            "accounts": accounts,
            "account_count": len(ids),
            "account": None if chosen is None else _account_state(chosen, query.get("app", "")),
            "requests": [
                {"method": each.method, "path": each.path, "status": each.status, "at": each.at,
                 "account": each.headers.get("linked_account_id")}
                for each in context.requests.snapshot()[: -_SHOWN - 1 : -1]
            ],
            "ledger": _ledger_state(context.ledger.runs),
            "faults": [
                {"fault": msgspec.json.encode(_plain(fault)).decode(), "fired": context.faults.fired(fault)}
                for fault in context.faults
            ],
            "limit": None if context.limits.limit is None else msgspec.to_builtins(context.limits.limit),
            "workflows": [
                {"id": each.id, "name": str(each.document["name"]), "slug": each.slug}
                for each in context.organisation.own(WorkflowStore)
                if each.document["published"]
            ],
            "deliveries": [
                {"url": each.url, "statuses": each.statuses, "skipped": each.skipped,
                 "body": each.body.decode("utf-8", "replace")}
                for each in list(context.organisation.own(WebhookStore).outbox.deliveries)[: -_SHOWN - 1 : -1]
            ],
        }  # fmt: skip

    def _announce(self, body: dict[str, str]) -> None:
        announce_connection(self._context, self._account(body["account"]), body["event"], body["slug"])

    def _remove_fault(self, body: dict[str, str]) -> None:
        for fault in list(self._context.faults):
            if msgspec.json.encode(_plain(fault)).decode() == body["fault"]:
                self._context.faults.remove(fault)

    def _run_workflow(self, body: dict[str, str]) -> None:
        account = self._account(body["account"])
        workflow = self._context.organisation.own(WorkflowStore).usable(body["workflow"], account)
        execution = account.own(ExecutionStore).create(workflow.document, {})
        start_execution(self._context, execution)

    def _account(self, account_id: str) -> StoredAccount:
        account = self._context.organisation.account(account_id)
        if account is None:
            raise LookupError(f"no linked account {account_id!r}")
        return account

    def _connect_page(self, raw: web.BaseRequest, path: str, body: bytes) -> web.Response:
        """Serve the page of one customer; the token in its path is the credential."""
        if path.startswith(_FILES):
            return _file(path.removeprefix(_FILES))
        token, _, rest = unquote(path.removeprefix(_CONNECT)).partition("/")
        if not rest:
            return _file("connect.html")
        account = self._context.organisation.bearer(token)
        if account is None:
            raise ForbiddenError("this link has expired: ask for a new one")
        if raw.method == "POST" and rest == "do":
            check_same_origin(raw.headers, f"{raw.scheme}://{raw.host}")
            command = msgspec.json.decode(body, type=dict[str, str])
            if command.get("do") == "connect":
                self._controls.connect(account.account_id, command["slug"])
            elif command.get("do") == "disconnect":
                self._controls.disconnect(account.account_id, command["slug"])
            else:
                raise ValueError("do must be connect or disconnect")
        elif rest != "state":
            return _json({"error": "no such page"}, 404)
        properties = account.own(ConnectSession).properties
        return _json(
            {"apps": _connections(account), "redirect_url": _safe_url(properties.get("redirect_url"))}
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(header: str, host: str, *, keyed: bool) -> None:
    """Reject a request that was sent to another name: a page elsewhere may have made a browser send it.

    A key cannot be sent by such a page, so with one any name will do.

    Raises:
        ForbiddenError: If the name is not one of this machine's.
    """
    name = header.rpartition(":")[0] if not header.endswith("]") and ":" in header else header
    if not keyed and not is_loopback(name.strip("[]")) and name.strip("[]") != host:
        raise ForbiddenError(f"the console answers at {host}, not at {name!r}")


def check_same_origin(headers: Mapping[str, str], origin: str) -> None:
    """Reject a change that another page has asked for.

    Raises:
        ForbiddenError: If it is not a JSON request of the console's own page.
    """
    if headers.get("Origin") != origin or headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise ForbiddenError("changes are made by the page itself")
    if headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise ForbiddenError("changes are sent as JSON")


def _limit_of(text: str) -> SandboxLimit | None:
    return msgspec.json.decode(text, type=SandboxLimit | None)


def _account_state(account: StoredAccount, slug: str) -> dict[str, object]:
    return {
        "id": account.account_id,
        "connections": _connections(account),
        "schedules": [
            {"id": str(each["_id"]), "status": str(each["status"]), "workflow": str(each["workflow"])}
            for each in account.own(ScheduleStore)
        ],
        "executions": [
            {"id": each.id, "status": each.status, "name": str(each.workflow["name"])}
            for each in list(account.own(ExecutionStore))[: -_SHOWN - 1 : -1]
        ],
        "records": _records(account, slug),
    }


def _connections(account: StoredAccount) -> list[dict[str, str]]:
    def state(slug: str) -> str:
        connection = account.connections.get(slug)
        return "none" if connection is None else "expired" if connection.expired else "connected"

    apps = account.organisation.apps
    return [{"slug": slug, "name": app.name, "state": state(slug)} for slug, app in sorted(apps.items())]


def _records(account: StoredAccount, slug: str) -> list[dict[str, object]]:
    app = account.organisation.apps.get(slug)
    if app is None:
        return []
    return [
        {"object": name, "id": record.id, "fields": msgspec.to_builtins(record.fields)}
        for name in app.objects
        for record, _ in zip(account.table(app, name).scan(), range(_SHOWN), strict=False)
    ]


def _ledger_state(runs: list[Run]) -> dict[str, object]:
    counts = Counter((run.slug, run.action_id, run.effect) for run in runs)
    keys = Counter(run.key for run in runs if run.effect == "write")
    repeated = Counter((slug, action_id) for (_, slug, action_id, _), times in keys.items() if times > 1)
    return {
        "actions": [
            {"slug": slug, "action": action, "effect": effect, "runs": number,
             "repeated": repeated[slug, action] if effect == "write" else 0}
            for (slug, action, effect), number in counts.most_common(_SHOWN)
        ],
        "runs": [
            {"number": run.number, "account": run.linked_account_id, "slug": run.slug, "at": run.at,
             "action": run.action_id, "ok": run.ok, "params": msgspec.json.encode(run.params).decode()}
            for run in runs[: -_SHOWN - 1 : -1]
        ],
    }  # fmt: skip


def _plain(fault: Fault) -> dict[str, Any]:
    """Return the fields of a fault that were set."""
    default = {field.name: field.default for field in msgspec.structs.fields(Fault)}
    fields = msgspec.structs.asdict(fault)
    return {
        name: value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in fields.items()
        if value != default[name] and value not in ({}, msgspec.UNSET)
    }


def _safe_url(value: object) -> str | None:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else None


def _words(error: Exception) -> str:
    if isinstance(error, Refused):
        return error.response.body.decode("utf-8", "replace")
    return f"unknown command or field: {error}" if isinstance(error, KeyError) else str(error)


def _file(name: str) -> web.Response:
    found = resources.files("refold_async.sandbox") / "pages" / name
    kind = _TYPES.get(name.rpartition(".")[2])
    if kind is None or "/" in name or not found.is_file():
        return _json({"error": "no such page"}, 404)
    return web.Response(body=found.read_bytes(), content_type=kind, charset="utf-8", headers=_HEADERS)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", headers=_HEADERS
    )
