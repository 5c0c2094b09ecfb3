"""A server that pages: contacts by a cursor, all pages rendered beforehand. Prints its port.

    python -m benchmarks.paged_server PAGES RECORDS

It frames requests by their Content-Length, and answers the page that the body's `after` names; the schema of
the action, if it is asked for.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from benchmarks import machine
from benchmarks.server import reply

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AFTER = re.compile(rb'"after" ?: ?"?(\d+)')
_SCHEMA = reply(b'[{"name":"limit","type":"text"},{"name":"after","type":"text"}]')


def pages(number: int, records: int) -> list[bytes]:
    """Return the responses with all pages."""
    return [reply(msgspec.json.encode(_page(place, number, records))) for place in range(number)]


def _page(place: int, number: int, records: int) -> object:
    results = [
        {
            "id": f"{place * records + each}",
            "properties": {
                "email": f"{place}.{each}@example.com",
                "firstname": "Ada",
                "lastname": "Lovelace",
                "createdate": "2024-10-06T09:53:17.242Z",
            },
            "createdAt": "2024-10-06T09:53:17.242Z",
            "updatedAt": "2025-05-15T18:35:12.877Z",
            "archived": False,
        }
        for each in range(records)
    ]
    paging = {"next": {"after": str(place + 1)}} if place < number - 1 else {}
    return {"node_status": "Success", "data": {"results": results, "paging": paging}}


class PagedProtocol(asyncio.Protocol):
    """Answers pages."""

    _transport: asyncio.WriteTransport

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end + 2)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < total:
                return
            request, self._buffer = self._buffer[:total], self._buffer[total:]
            after = _AFTER.search(request, end)
            page = self._answers[int(after[1]) if after else 0]
            self._transport.write(_SCHEMA if request.startswith(b"GET") else page)


@contextmanager
def serving_pages(number: int, records: int) -> Iterator[str]:
    """Run the server in a separate process; yield its base URL."""
    command = [sys.executable, "-m", "benchmarks.paged_server", str(number), str(records)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def _serve(number: int, records: int) -> None:
    answers = pages(number, records)
    server = await asyncio.get_running_loop().create_server(lambda: PagedProtocol(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    machine.pin(machine.SERVER_CORE)
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
