"""The portal: the client from synchronous code, over one event loop and one pool."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

import refold_async
from refold_async import InvalidCallError, NotFoundError, Portal, Refold, SettingsError
from refold_async.sandbox import Sandbox, SandboxThread


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=30)) as sandbox:
        yield sandbox


def portal_to(sandbox: Sandbox) -> Portal:
    return refold_async.portal(sandbox.api_key, base_url=sandbox.base_url)


def execute(portal: Portal, account_id: str = "demo-user-1") -> object:
    return portal.call(
        lambda refold: refold.account(account_id).actions.execute("hubspot", "get_contact", {"limit": "1"})
    ).data


def test_an_object_that_is_not_awaitable_or_iterable_is_refused(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal:
        with pytest.raises(InvalidCallError, match="returns what to await, not int"):
            portal.call(lambda _: 3)  # type: ignore[arg-type,return-value]
        with pytest.raises(InvalidCallError, match="for a single result use call"):
            list(portal.iterate(lambda refold: refold.account("demo-user-1").actions.list("hubspot")))  # type: ignore[arg-type,return-value]


def test_calls_of_many_threads_share_one_pool(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: execute(portal, f"demo-user-{number}"), range(1, 21)))
        sessions = portal.call(_sessions_of)
    assert len(found) == 20
    assert sessions == 1


async def _sessions_of(refold: Refold) -> int:
    return len(refold._sessions._open)


def test_a_list_is_iterated(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal:
        ids = [
            each.linked_account_id
            for each in portal.iterate(lambda refold: refold.linked_accounts.list(limit=7))
        ]
    assert len(ids) == len(set(ids)) == 30


def test_one_page_is_awaited(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal:
        assert len(portal.call(lambda refold: refold.linked_accounts.list(limit=7))) == 7


def test_errors_are_raised_as_they_are(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal, pytest.raises(NotFoundError) as caught:
        portal.call(lambda refold: refold.account("demo-user-1").actions.list("no-such-app"))
    assert caught.value.fate == "rejected"


def test_an_exit_leaves_the_portal_alive(sandbox: Sandbox) -> None:
    async def leave(_: Refold) -> None:
        raise SystemExit(3)

    with portal_to(sandbox) as portal:
        with pytest.raises(SystemExit):
            portal.call(leave)
        assert execute(portal)


def test_a_closed_portal_says_how_to_open_it(sandbox: Sandbox) -> None:
    portal = portal_to(sandbox)
    threads = threading.active_count()
    with pytest.raises(SettingsError, match="not open"):
        execute(portal)
    portal.open()
    portal.open()
    assert execute(portal)
    portal.close()
    portal.close()
    with pytest.raises(SettingsError, match="not open"):
        execute(portal)
    with portal:  # it can be opened again
        assert execute(portal)
    assert threading.active_count() <= threads


def test_its_repr_hides_the_key(sandbox: Sandbox) -> None:
    assert sandbox.api_key not in repr(portal_to(sandbox))


def test_it_works_beside_a_running_event_loop(sandbox: Sandbox) -> None:
    """As in a notebook: the cell blocks, and the portal's own loop runs."""

    async def cell() -> object:
        with portal_to(sandbox) as portal:
            return execute(portal)

    with ThreadPoolExecutor(1) as thread:  # the suite's own guard refuses blocking calls in its loops
        assert thread.submit(lambda: asyncio.run(cell())).result()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_asked_to_open_it_and_can(sandbox: Sandbox) -> None:
    with portal_to(sandbox) as portal:
        assert execute(portal)
        child = os.fork()
        if child == 0:  # pragma: no cover - in the child
            os._exit(_in_child(portal))
        assert os.waitpid(child, 0)[1] == 0
        assert execute(portal)


def _in_child(portal: Portal) -> int:
    try:
        execute(portal)
    except SettingsError as error:
        if "after the fork" not in str(error):
            return 1
    portal.open()
    found = execute(portal)
    portal.close()
    return 0 if found else 2


def test_an_interrupted_wait_cancels_the_coroutine(sandbox: Sandbox) -> None:
    cancelled = threading.Event()

    async def wait(_: Refold) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    with portal_to(sandbox) as portal:
        interrupt = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            portal.call(wait)
        assert cancelled.wait(10)
        interrupt.join()
