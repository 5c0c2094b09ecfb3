"""A TCP relay in a thread, whose connections can be reset or go silent."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

_RESET = struct.pack("ii", 1, 0)
"""The value of SO_LINGER that makes a close send RST."""


class Relay:
    """Forwards connections to a port of loopback until it is asked to break them.

    Args:
        host: The address it listens on.
        port: The port it listens on; 0 for a free one.
        target: The port that it forwards to.
    """

    def __init__(self, host: str, port: int, target: int) -> None:
        self.host = host
        self.port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"relay of {host}")
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[Any], tuple[asyncio.StreamWriter, asyncio.Event]] = {}
        self._chance = random.Random(11)

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(self) -> None:
        """Accept connections. No-op if it does."""
        if self._server is None:
            server = self._do(asyncio.start_server(self._serve, self.host, self.port))
            self.port, self._server = server.sockets[0].getsockname()[1], server

    def stop_listening(self) -> None:
        """Refuse connections, as an address does that DNS no longer names; open ones stay."""
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
            self._server = None

    def reset(self, share: float) -> None:
        """Reset a share of the open connections."""
        self._each(share, self._reset)

    def cut(self, share: float) -> None:
        """Let a share of the open connections go silent: nothing passes, and neither side notices."""
        self._each(share, lambda writer, silent: silent.set())

    def _each(self, share: float, strike: Callable[[asyncio.StreamWriter, asyncio.Event], None]) -> None:
        def strike_some() -> None:
            for writer, silent in list(self._open.values()):
                if self._chance.random() < share:
                    strike(writer, silent)

        self._loop.call_soon_threadsafe(strike_some)

    @staticmethod
    def _reset(writer: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        sock = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _end(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, silent = asyncio.current_task(), asyncio.Event()
        assert task is not None
        self._open[task] = writer, silent
        try:
            near, far = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            near = far = None  # type: ignore[assignment]
        try:
            if near is not None and far is not None:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_forward(reader, far, silent))
                    both.create_task(_forward(near, writer, silent, back=True))
        except* OSError:
            pass
        finally:
            del self._open[task]
            for each in (writer, far):
                if each is not None:
                    each.transport.abort()


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event, *, back: bool = False
) -> None:
    """Forward until either side ends; that ends the other direction too.

    Args:
        reader: Where bytes come from.
        writer: Where they go.
        silent: Whether they are dropped instead.
        back: Whether they come from the target, whose end a silent connection does not pass on either.
    """
    while data := await reader.read(1 << 16):
        if not silent.is_set():
            writer.write(data)
            await writer.drain()
    if back and silent.is_set():
        await asyncio.Event().wait()
    raise ConnectionResetError
