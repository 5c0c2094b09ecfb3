"""A server whose own CPU time is measured: `python -m benchmarks.measured_server KIND ANSWER`.

`KIND` is `sandbox`, or a hand-written aiohttp.web application that returns the file `ANSWER` from each
execute: `stub` reads and writes JSON as such applications do, `bytes` returns the bytes as they are. The
process prints its URL, then its CPU seconds for each line that it reads, and ends with its stdin.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks import machine
from benchmarks.payloads import API_KEY
from refold_async.sandbox import Sandbox

Handler = Callable[[web.Request], Coroutine[Any, Any, web.Response]]


class MeasuredServer:
    """A running server: its URL, and how much CPU time it has used."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.base_url = self._line()

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has used so far."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def measured_server(kind: str, answer: bytes = b"") -> Iterator[MeasuredServer]:
    """Run a server of this kind in a separate process."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(answer)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.measured_server", kind, file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield MeasuredServer(process)
            finally:
                process.terminate()


async def _sandbox(_: Path) -> str:
    server = Sandbox(api_key=API_KEY)
    await server.start()
    return server.base_url


async def _stub(answer: Path) -> str:
    data = json.loads(answer.read_bytes())

    async def handle(request: web.Request) -> web.Response:
        await request.json()
        return web.json_response(data)

    return await _application(handle)


async def _bytes(answer: Path) -> str:
    body = answer.read_bytes()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    return await _application(handle)


async def _application(handle: Handler) -> str:
    app = web.Application()
    app.router.add_post("/api/v2/integration-schema/{slug}/actions/{action_id}/execute", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{site.port}"


_KINDS = {"sandbox": _sandbox, "stub": _stub, "bytes": _bytes}


async def _serve(kind: str, answer: Path) -> None:
    print(await _KINDS[kind](answer), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(machine.cpu_seconds(), flush=True)


if __name__ == "__main__":
    machine.pin(machine.SERVER_CORE)
    machine.settle_allocator()
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
