"""Leaked tasks and sockets are found, cleaned-up ones are not reported."""

import asyncio
import socket

import pytest

from . import leaks
from .leaks import no_leaks


async def test_a_clean_block_passes() -> None:
    async with no_leaks():
        await asyncio.create_task(asyncio.sleep(0))
        socket.socket().close()


async def test_resources_that_close_soon_pass() -> None:
    async with no_leaks():
        tasks = [asyncio.create_task(asyncio.sleep(0.01))]
    assert all(task.done() for task in tasks)


async def test_a_task_left_behind_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "GRACE", 0.01)
    tasks: list[asyncio.Task[None]] = []
    with pytest.raises(AssertionError, match="task <coroutine object sleep"):
        async with no_leaks():
            tasks.append(asyncio.create_task(asyncio.sleep(60)))
    tasks[0].cancel()


@pytest.mark.skipif(not leaks.DESCRIPTORS.is_dir(), reason="requires /proc/self/fd")
async def test_a_socket_left_behind_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "GRACE", 0.01)
    sockets: list[socket.socket] = []
    with pytest.raises(AssertionError, match="-> socket:"):
        async with no_leaks():
            sockets.append(socket.socket())
    sockets[0].close()


async def test_an_error_in_the_block_propagates() -> None:
    with pytest.raises(ZeroDivisionError):
        async with no_leaks():
            raise ZeroDivisionError
