"""A minimal HTTP/1.1 request parser for well-behaved clients."""

from .pipes import TcpPipe
from .steps import Request


class RequestReader:
    """Reads successive requests from a connection."""

    def __init__(self, pipe: TcpPipe, connection: int) -> None:
        self._pipe = pipe
        self._connection = connection
        self._buffer = b""

    async def read(self) -> Request | None:
        """Return the next request, or None if the client closed before it was complete."""
        head = await self._until(b"\r\n\r\n")
        if head is None:
            return None
        method, path, headers = parse_head(head)
        length = int(dict(headers).get("content-length", "0"))
        body = await self._exactly(length)
        if body is None:
            return None
        return Request(method, path, headers, body, self._connection)

    async def _until(self, end: bytes) -> bytes | None:
        while end not in self._buffer:
            if not await self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(end)
        return head

    async def _exactly(self, length: int) -> bytes | None:
        while len(self._buffer) < length:
            if not await self._fill():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    async def _fill(self) -> bool:
        data = await self._pipe.receive()
        self._buffer += data
        return bool(data)


def parse_head(head: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return a request's method, target and headers; raise ValueError unless it is HTTP/1.1 with a plain body."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, version = first.split(" ")
    headers = tuple(_field(line) for line in lines)
    if version != "HTTP/1.1" or "transfer-encoding" in dict(headers):
        raise ValueError(f"unsupported request: {first}")
    return method, path, headers


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
