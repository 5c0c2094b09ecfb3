"""What does a request to the sandbox cost it, beside a hand-written server with the same answer?"""

import asyncio
from contextlib import ExitStack
from typing import Final
from urllib.parse import urlsplit

from benchmarks.clients.adapter import HEADERS, encode
from benchmarks.clients.floor import FloorProtocol
from benchmarks.measured_server import MeasuredServer, measured_server
from benchmarks.options import RunOptions
from benchmarks.payloads import SLUG
from benchmarks.report import Bound, Cell, Row, Table
from benchmarks.rounds import Rounds

_ACTIONS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "read": ("get_contact", {"limit": "1"}),
    "write": ("create_contact", {"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace"}),
}
_LIMITS: Final = {"read": 1.4, "write": 1.6}
_KINDS: Final = {
    "aiohttp.web, returning bytes": "bytes",
    "aiohttp.web, `request.json` and `json_response`": "stub",
    "the sandbox": "sandbox",
}
_SANDBOX, _STUB = "the sandbox", "aiohttp.web, `request.json` and `json_response`"
_IN_FLIGHT, _REQUESTS = 10, 2_000


def ask(options: RunOptions) -> Table:
    """Measure the servers' CPU time, each in a process of its own, with the floor client."""
    rounds = {kind: asyncio.run(_compare(kind, options.rounds)) for kind in _ACTIONS}
    return Table(
        "What does a request to the sandbox cost?",
        tuple(f"{what}, {kind}" for kind in _ACTIONS for what in ("x aiohttp.web", "requests per second")),
        tuple(
            Row(name, tuple(cell for each in rounds.values() for cell in _cells(each, name)))
            for name in _KINDS
        ),
        note=(
            f"CPU time of the server's process, {_IN_FLIGHT} in flight: an execute that reads one contact, "
            "and one that creates one. The hand-written applications return the sandbox's own answer; the "
            "sandbox also checks the key, finds the record and keeps its log and its ledger."
        ),
        bounds=tuple(
            Bound(
                f"a {kind} of the sandbox, x aiohttp.web", each.ratio(_SANDBOX, _STUB).median, _LIMITS[kind]
            )
            for kind, each in rounds.items()
        ),
    )


def _cells(rounds: Rounds, name: str) -> tuple[Cell, ...]:
    return rounds.ratio(name, _STUB), f"{1e6 / rounds.cost(name).median:,.0f}"


async def _compare(kind: str, number: int) -> Rounds:
    with ExitStack() as servers:
        answer = await _answer(kind)
        running = {
            name: servers.enter_context(measured_server(shape, answer)) for name, shape in _KINDS.items()
        }
        costs: dict[str, list[float]] = {name: [] for name in running}
        for server in running.values():
            await _cost(server, kind, _REQUESTS // 4)
        for _ in range(number):
            for name, server in running.items():
                costs[name].append(await _cost(server, kind, _REQUESTS))
    return Rounds(costs)


async def _answer(kind: str) -> bytes:
    with measured_server("sandbox") as server:
        return await _run(server.base_url, kind, 1)


async def _cost(server: MeasuredServer, kind: str, requests: int) -> float:
    before = server.cpu_seconds()
    await asyncio.gather(*(_run(server.base_url, kind, requests // _IN_FLIGHT) for _ in range(_IN_FLIGHT)))
    return (server.cpu_seconds() - before) / requests * 1e6


async def _run(base_url: str, kind: str, requests: int) -> bytes:
    """Send requests over one connection, one after the other; return the last response."""
    loop, split = asyncio.get_running_loop(), urlsplit(base_url)
    _, connection = await loop.create_connection(FloorProtocol, split.hostname or "", split.port or 0)
    action_id, params = _ACTIONS[kind]
    body, answer = encode(params), b""
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    line = (
        f"POST /api/v2/integration-schema/{SLUG}/actions/{action_id}/execute HTTP/1.1\r\nHost: {split.netloc}"
    )
    head = f"{line}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(requests):
        answer = await connection.send(head + body)
    connection.transport.close()
    return answer
