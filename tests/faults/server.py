"""A TCP or TLS server on loopback that runs a script for each connection and each request.

async with FaultServer(scenarios=[lambda request: (Send(b"HTTP/1.1 200"), Close())]) as server:
    ...                      # the first response is cut off, all later ones are good
assert len(server.requests) == 2
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Literal, Self

from .answers import good
from .pipes import TcpPipe, TlsPipe, run_script
from .reading import RequestReader
from .steps import Request, Scenario, Script

Listening = Literal["yes", "refuses", "full"]
LOOPBACK = "127.0.0.1"


class FaultServer:
    """Serves by script, then well. An async context manager that owns all its connections.

    Args:
        scenarios: one for each request in order of arrival; `default` after the last.
        accepts: a script for each connection in order of arrival, run before TLS and the first request;
            if it leaves the connection open, the connection is then served as usual.
        tls: a TLS context for each connection in order of arrival, the last one also for later ones;
            empty for plain TCP.
        listening: whether the port accepts from the start, refuses, or has a full backlog;
            the last two end with `listen()`.
        second: the real duration of a scripted second.
        default: the scenario for requests after the last of `scenarios`.
    """

    def __init__(
        self,
        scenarios: Iterable[Scenario] = (),
        *,
        accepts: Iterable[Script] = (),
        tls: Iterable[ssl.SSLContext] = (),
        listening: Listening = "yes",
        second: float = 1.0,
        default: Scenario = good,
    ) -> None:
        self.requests: list[Request] = []
        """Every completely read request, in order of arrival."""
        self.connections = 0
        """The number of accepted connections."""
        self.second = second
        self._scenarios = iter(scenarios)
        self._accepts = iter(accepts)
        self._contexts = iter(tls)
        self._context = next(self._contexts, None)
        self._scheme = "https" if self._context else "http"
        self._listening = listening
        self._default = default
        self._idle: set[TcpPipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._fillers: list[socket.socket] = []

    async def __aenter__(self) -> Self:
        self._listener = socket.socket()
        self._listener.setblocking(False)
        self._listener.bind((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._own(self._accept())
        if self._listening == "yes":
            self.listen()
        elif self._listening == "full":
            self._fill_backlog()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for sock in (self._listener, *self._fillers):
            sock.close()
        failures = [result for result in results if isinstance(result, Exception)]
        if failures and error is None:
            raise ExceptionGroup("the fault server could not parse a request", failures)

    def base_url(self, host: str = LOOPBACK) -> str:
        """Return the server's root URL with the given host name."""
        return f"{self._scheme}://{host}:{self.port}"

    def listen(self) -> None:
        """Accept connections from now on; ends a refusal or a full backlog."""
        while self._fillers:
            self._fillers.pop().close()
        self._listener.listen(128)
        self._open.set()

    def relieve(self) -> None:
        """End a lasting fault, if the server can."""
        if not self._open.is_set():
            self.listen()

    def cut_idle(self, data: bytes = b"", *, fin: bool = True) -> int:
        """Send bytes or FIN on every idle connection without yielding to the event loop.

        A client in the same loop cannot have seen them when it sends next, as if its loop had been
        blocked. Returns the number of connections.
        """
        pipes = list(self._idle)
        for pipe in pipes:
            if data:
                pipe.send_now(data)
            if fin:
                pipe.cut()
        return len(pipes)

    def _fill_backlog(self) -> None:
        self._listener.listen(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, self.port))
            self._fillers.append(filler)

    def _own(self, work: "asyncio._CoroutineLike[None]") -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(work))

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        await self._open.wait()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._own(self._serve(sock, self.connections))

    async def _serve(self, sock: socket.socket, connection: int) -> None:
        try:
            if await run_script(next(self._accepts, ()), TcpPipe(sock), self.second):
                await self._converse(await self._secure(sock), connection)
        except (OSError, ssl.SSLError):
            pass  # many scripts make the client disconnect before they end
        finally:
            sock.close()

    async def _secure(self, sock: socket.socket) -> TcpPipe:
        if self._context is None:
            return TcpPipe(sock)
        pipe = TlsPipe(sock, self._context)
        self._context = next(self._contexts, self._context)
        await pipe.handshake()
        return pipe

    async def _converse(self, pipe: TcpPipe, connection: int) -> None:
        reader = RequestReader(pipe, connection)
        while request := await self._next_request(reader, pipe):
            self.requests.append(request)
            script = next(self._scenarios, self._default)(request)
            if not await run_script(script, pipe, self.second):
                return

    async def _next_request(self, reader: RequestReader, pipe: TcpPipe) -> Request | None:
        self._idle.add(pipe)
        try:
            return await reader.read()
        finally:
            self._idle.discard(pipe)
