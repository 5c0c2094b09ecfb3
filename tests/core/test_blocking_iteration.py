"""`portal.iterate`: a whole iteration is one task, whose owner is the synchronous loop."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import refold_async
from refold_async import Call, InvalidCallError, Portal, Refold, deadline
from refold_async.sandbox import Sandbox, SandboxThread

CALLS = [Call(f"demo-user-{number}", "hubspot", "get_contact", {"limit": "1"}) for number in range(1, 21)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=30)) as sandbox:
        yield sandbox


@pytest.fixture
def portal(sandbox: Sandbox) -> Iterator[Portal]:
    with refold_async.portal(sandbox.api_key, base_url=sandbox.base_url) as portal:
        yield portal


async def outcomes(refold: Refold) -> AsyncIterator[Any]:
    async with refold.batch(CALLS) as found:
        async for outcome in found:
            yield outcome


async def within_a_timeout(_: Refold) -> AsyncIterator[int]:
    async with asyncio.timeout(30):
        for number in range(20):
            yield number


async def within_a_cancel_scope(_: Refold) -> AsyncIterator[int]:
    with anyio.fail_after(30):
        for number in range(20):
            await anyio.lowlevel.checkpoint()
            yield number


async def within_a_task_group(_: Refold) -> AsyncIterator[int]:
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(asyncio.sleep(0))
            yield number


async def within_a_deadline(_: Refold) -> AsyncIterator[int]:
    with deadline(30):
        for number in range(20):
            yield number


KINDS = [outcomes, within_a_timeout, within_a_cancel_scope, within_a_task_group, within_a_deadline]


def alive(portal: Portal) -> bool:
    return portal.call(lambda refold: refold.linked_accounts.list(limit=1)) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_an_async_generator_is_iterated_to_its_end(
    portal: Portal, kind: Callable[[Refold], AsyncIterator[Any]]
) -> None:
    assert len(list(portal.iterate(kind))) == 20
    assert alive(portal)


@pytest.mark.parametrize("kind", KINDS)
def test_an_iteration_that_is_left_ends_what_it_iterates_over(
    portal: Portal, kind: Callable[[Refold], AsyncIterator[Any]]
) -> None:
    for _ in portal.iterate(kind):
        break
    assert alive(portal)


@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
def test_an_iteration_that_is_left_has_ended(portal: Portal, error: Exception | None) -> None:
    ended = threading.Event()

    async def numbers(_: Refold) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.set()

    def leave() -> None:
        for _ in portal.iterate(numbers):
            if error is not None:
                raise error
            break

    with nullcontext() if error is None else pytest.raises(ZeroDivisionError):
        leave()
    assert ended.wait(5)


def test_an_error_ends_it_and_leaves_the_portal_alive(portal: Portal) -> None:
    async def broken(_: Refold) -> AsyncIterator[int]:
        with anyio.fail_after(30):
            yield 1
            raise ZeroDivisionError

    found = portal.iterate(broken)
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert list(found) == []
    with pytest.raises(InvalidCallError):
        list(portal.iterate(lambda _: 5))  # type: ignore[arg-type,return-value]
    assert alive(portal)


def test_an_exit_within_an_iteration_leaves_the_portal_alive(portal: Portal) -> None:
    async def leaves(_: Refold) -> AsyncIterator[int]:
        yield 1
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(portal.iterate(leaves))
    assert alive(portal)


def test_an_error_of_the_end_is_raised(portal: Portal) -> None:
    async def fails_to_end(_: Refold) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise ZeroDivisionError

    found = portal.iterate(fails_to_end)
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        found.close()  # type: ignore[attr-defined]
    assert alive(portal)


def test_a_portal_closes_while_an_iteration_waits_for_its_next_step(sandbox: Sandbox) -> None:
    ended = threading.Event()

    async def numbers(_: Refold) -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.set()

    with refold_async.portal(sandbox.api_key, base_url=sandbox.base_url) as portal:
        found = portal.iterate(numbers)
        assert next(found) == 1
    assert ended.is_set()
    with pytest.raises(refold_async.SettingsError, match="not open"):
        next(found)


def test_an_interrupted_step_cancels_the_iteration(portal: Portal) -> None:
    cancelled = threading.Event()

    async def stuck(_: Refold) -> AsyncIterator[int]:
        try:
            yield 1
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    found = portal.iterate(stuck)
    assert next(found) == 1
    interrupt = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        next(found)
    interrupt.join()
    assert cancelled.is_set()
    assert alive(portal)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_drops_an_iteration_of_its_parent(portal: Portal) -> None:
    found = portal.iterate(within_a_timeout)
    assert next(found) == 0
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        signal.alarm(10)
        found.close()  # type: ignore[attr-defined]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(found)) == 19
