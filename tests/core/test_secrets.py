"""Neither key nor token shows anywhere: not in logs, reprs, errors, pickles or tracebacks with locals."""

import asyncio
import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.pretty import pretty_repr

from refold_async import Account, Hooks, RateLimit, Refold, RefoldError, Retry, SessionManager
from refold_async._core.responses import Response
from refold_async.api.hosted_connect import ConnectUrl
from refold_async.api.raw_calls import RawAnswer
from refold_async.api.session_tokens import SessionToken
from refold_async.sandbox import Fault, Sandbox
from tests.faults.server import FaultServer
from tests.faults.steps import Close, Send

from .stepper import cancelled_at

KEY = "tk_very-secret-0123456789"
ECHOES = [KEY, f"the key {KEY} is wrong"]


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log all there is, and find no secret in it at the end."""
    caplog.set_level(logging.DEBUG)
    for name in ("refold_async", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for record in caplog.get_records("call"):
        shown = f"{record.getMessage()} {record.__dict__!r} {caplog.handler.format(record)}"
        assert KEY not in shown


def shown_by(error: BaseException) -> Iterator[str]:
    """All that an error shows of itself, to people and to machines."""
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield pretty_repr(frame.f_locals)  # as rich shows them, which asks a struct for its fields
    if isinstance(error, RefoldError):
        yield pickle.dumps(error).decode("latin-1")
        yield repr(vars(copy.copy(error)))
        for earlier in error.earlier:
            yield from shown_by(earlier)


def assert_silent(error: BaseException) -> None:
    for text in shown_by(error):
        assert KEY not in text, text


CALLS: list[Callable[[Account], Any]] = [
    lambda account: account.actions.list("hubspot"),
    lambda account: account.actions.schema("hubspot", "get_contact"),
    lambda account: account.actions.execute("hubspot", "get_contact", {"limit": "1"}),
    lambda account: account.actions.execute("hubspot", "create_contact", {"email": "a@b.c"}),
]


async def fail(account: Account) -> list[RefoldError]:
    found = []
    for call in CALLS:
        try:
            await call(account)
        except RefoldError as error:
            found.append(error)
    return found


def http(head: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {head}", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


def echoing(text: str) -> dict[str, tuple[Any, ...]]:
    """Scripts of a server that echoes the request."""
    json = "Content-Type: application/json"
    return {
        "message": (Send(http("400 Bad", f'{{"message":"{text}"}}', json)),),
        "code": (
            Send(http("401 No", f'{{"error":"{text}","message":["{text}"],"request_id":"{text}"}}', json)),
        ),
        "html": (Send(http("502 Bad", f"<p>{text}</p>", f"Content-Type: text/{text}")),),
        "headers": (
            Send(http("503 No", "", f"X-Request-Id: {text}", f"X-Echo: {text}", f"Set-Cookie: {text}")),
        ),
        "reason": (Send(http(f"404 {text}", "")),),
        "redirect": (Send(http("302 Found", "", f"Location: http://127.0.0.1:1/{text}")),),
        "garbage with 200": (Send(http("200 OK", f"<p>{text}</p>")),),
        "JSON of another shape": (Send(http("200 OK", f'"{text}"', json)),),
        "broken JSON": (Send(http("200 OK", f'{{"node_status":"Success","data":"{text}', json)),),
        "failed action": (Send(http("200 OK", f'{{"node_status":"Errored","data":"{text}"}}', json)),),
        "strange status": (
            Send(http("200 OK", f'{{"node_status":"{text}","data":{{"a":"{text}"}}}}', json)),
        ),
        "too large": (Send(http("200 OK", text * 2000, f"X-Echo: {text}")),),
        "cut within the body": (Send(http("200 OK", text * 10, f"X-Echo: {text}")[:-5]), Close()),
        "cut within the head": (Send(f"HTTP/1.1 200 OK\r\nX-Echo: {text}\r\n".encode()), Close()),
        "no HTTP": (Send(f"{text}\r\n\r\n".encode()), Close()),
        "bad header": (Send(f"HTTP/1.1 200 OK\r\n{text}\x00: {text}\r\n\r\n".encode()), Close()),
        "bad length": (Send(f"HTTP/1.1 200 OK\r\nContent-Length: {text}\r\n\r\n".encode()), Close()),
        "broken gzip": (Send(http("200 OK", text, "Content-Encoding: gzip")),),
    }


@pytest.mark.parametrize("text", ECHOES)
@pytest.mark.parametrize("kind", echoing("x"))
async def test_a_server_that_echoes(transport: str, kind: str, text: str) -> None:
    async with FaultServer(default=lambda _: echoing(text)[kind]) as server:
        retry = Retry(base=0.001, attempts=2)
        options: Any = {
            "base_url": server.base_url(),
            "retry": retry,
            "timeout": 5,
            "max_response_bytes": 20_000,
        }
        async with Refold(KEY, **options) as refold, Account.from_token(KEY, **options) as account:
            found = await fail(refold.account("customer-7")) + await fail(account)
    assert len(found) >= 4
    for error in found:
        assert_silent(error)


FAULT_KINDS = [
    Fault(drop="before"), Fault(drop="during"), Fault(drop="after"), Fault(status=401), Fault(status=403),
    Fault(status=429), Fault(status=500, body="html"), Fault(status=503, body="empty"), Fault(truncate=0.5),
    Fault(garbage=True), Fault(node_status="Errored", http_status=401), Fault(hang=True), Fault(stall=True),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULT_KINDS, ids=lambda fault: " ".join(fault.outcomes))
async def test_every_kind_of_failure(transport: str, fault: Fault) -> None:
    async with Sandbox(api_key=KEY, faults=[fault]) as sandbox:
        retry = Retry(base=0.001, attempts=2)
        options: Any = {"retry": retry, "timeout": 0.05 if fault.hang or fault.stall else 5}
        # A limit, since one that is learnt from 429s lets two seconds pass between two calls.
        async with Refold(KEY, base_url=sandbox.base_url, rate_limit=RateLimit(1000), **options) as refold:
            found = await fail(refold.account("demo-user-1"))
    assert found
    for error in found:
        assert_silent(error)


async def test_failures_before_anything_is_sent(transport: str) -> None:
    async def source() -> str:
        return f"{KEY}\n"

    options: Any = {"retry": Retry(attempts=1), "timeout": 5}
    clients = [
        Refold(KEY, base_url="http://127.0.0.1:1", **options),
        Refold(KEY, base_url="http://name.invalid", **options),
        Refold(source, base_url="http://127.0.0.1:1", **options),
        Refold(KEY, base_url="http://127.0.0.1:1", timeout=1e-9),
        Refold(KEY, base_url="https://127.0.0.1:1", proxy="http://127.0.0.1:1", **options),
    ]
    for refold in clients:
        async with refold:
            found = await fail(refold.account("customer-7"))
            assert len(found) == len(CALLS)
            for error in found:
                assert_silent(error)
        closed = await fail(refold.account("customer-7"))
        assert len(closed) == len(CALLS)
        for error in closed:
            assert_silent(error)


async def test_a_call_that_is_cancelled(sandbox: Sandbox, transport: str) -> None:
    """Its traceback runs through aiohttp's frames; a program that logs it with locals shows no key."""
    sandbox.add_api_key(KEY)
    for nth in range(1, 8):
        async with Refold(KEY, base_url=sandbox.base_url) as refold:
            work = refold.account("demo-user-1").actions.execute("playground", "create_note", {"title": "t"})
            error = await cancellation_of(work, nth)
        if error is not None:
            assert_silent(error)


async def cancellation_of(work: Any, nth: int) -> BaseException | None:
    caught: list[BaseException] = []

    async def keep() -> None:
        try:
            await work
        except BaseException as error:
            caught.append(error)
            raise

    await cancelled_at(keep(), nth, "early")
    return caught[0] if caught else None


async def test_reprs(sandbox: Sandbox, transport: str) -> None:
    sandbox.add_api_key(KEY)
    manager = SessionManager(base_url=sandbox.base_url)
    async with manager, manager.client(KEY) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("hubspot")
        result = await account.actions.execute("hubspot", "get_contact")
        session = await refold._requester.session()
        for thing in (
            manager,
            refold,
            account,
            refold._requester,
            session,
            session._auth_headers,
            session._connections,
            result,
        ):
            assert KEY not in repr(thing)
        for task in asyncio.all_tasks():
            assert KEY not in repr(task)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_no_copy_of_a_client_carries_the_key(copied: Callable[[object], object]) -> None:
    manager = SessionManager()
    account = manager.client(KEY).account("demo-user-1")
    things = (manager, Refold(KEY), account, account.actions, Account.from_token(KEY), Refold(KEY).batch([]))
    for thing in things:
        with pytest.raises(TypeError, match="cannot be copied or pickled: create one where it is used"):
            copied(thing)


class Recorder(Hooks):
    """Keeps the reprs of all arguments of hooks."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *facts: self.told.append(repr(facts))


@pytest.mark.parametrize(
    "holder",
    [
        Response(200, {}, KEY.encode()),
        RawAnswer(200, "text/plain", KEY.encode()),
        SessionToken(token=KEY, refresh_token=KEY),
        ConnectUrl(hosted_url=KEY),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_hidden_content_is_hidden_from_rich_too(holder: object) -> None:
    assert KEY not in repr(holder) + pretty_repr(holder)


async def test_hooks_are_not_given_the_key() -> None:
    recorder = Recorder()
    async with (
        Sandbox(api_key=KEY, faults=[Fault(status=503, message=KEY, times=1)]) as sandbox,
        Refold(KEY, base_url=sandbox.base_url, hooks=recorder, retry=Retry(base=0.001)) as refold,
    ):
        await refold.account("demo-user-1").actions.list("hubspot")
    assert len(recorder.told) >= 6
    assert KEY not in "".join(recorder.told)
