"""A server that keeps every byte that reaches it, and answers each connection with the same bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Recorder:
    """What reached it, connection by connection."""

    port: int = 0
    received: list[bytearray] = field(default_factory=list)

    @property
    def bytes(self) -> bytes:
        return b"".join(map(bytes, self.received))


@asynccontextmanager
async def recorder(answer: bytes) -> AsyncIterator[Recorder]:
    """Listen, answer once somebody has sent a whole head, and close."""
    kept = Recorder()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = bytearray()
        kept.received.append(received)
        try:
            while b"\r\n\r\n" not in received and (data := await reader.read(65536)):
                received += data
            writer.write(answer)
            await writer.drain()
            writer.write_eof()
            while data := await reader.read(65536):
                received += data
        except OSError:
            pass  # the client went away, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        await server.wait_closed()
