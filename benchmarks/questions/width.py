"""What does a call cost with many in flight, over TLS and on uvloop too?"""

import asyncio
import gc
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks import certificate, machine
from benchmarks.clients import FLOOR, REFOLD, TUNED, bare, floor, sdk
from benchmarks.clients.adapter import Adapter
from benchmarks.options import RunOptions
from benchmarks.payloads import SMALL
from benchmarks.report import Bound, Cell, Row, Table
from benchmarks.rounds import Figure, Rounds, drive
from benchmarks.server import serving

_WIDTHS: Final = (1, 10, 100, 1_000, 5_000)
_NARROW: Final = (1, 10, 100, 1_000)
"""Opening 5,000 TLS connections takes longer than all that is measured here."""

_LOWEST, _MOST_CALLS = 2_000, 10_000


@dataclass(frozen=True, slots=True)
class _Contender:
    """A client and how it is run.

    Attributes:
        client: Its adapter.
        base_url: The server.
        widths: How many calls in flight it is measured with.
        tls: The TLS context, if any.
        loop: Creates its event loop; `None` for asyncio's own.
    """

    client: Adapter
    base_url: str
    widths: tuple[int, ...] = _WIDTHS
    tls: ssl.SSLContext | None = None
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None

    def cost(self, width: int) -> float:
        """Return the CPU microseconds per call with this many in flight."""
        # One client at a time: what another one keeps would be traversed by the garbage collector, too.
        with asyncio.Runner(loop_factory=self.loop) as runner:
            return runner.run(self._cost(width))

    async def _cost(self, width: int) -> float:
        calls = max(_LOWEST, min(_MOST_CALLS, 20 * width))
        async with self.client(self.base_url, self.tls) as call:
            # A thousand connections at a time: opening all at once may exceed the time that one may take.
            for opened in (*range(1_000, width, 1_000), width):
                await drive(call, opened, opened)
            gc.collect()
            before = machine.cpu_seconds()
            await drive(call, calls, width)
            return (machine.cpu_seconds() - before) / calls * 1e6


def ask(options: RunOptions) -> Table:
    """Measure every client and width in each round; then the memory of 5,000 calls in flight."""
    machine.allow_descriptors()
    with ExitStack() as servers:
        contenders = dict(_contenders(servers, brief=options.brief))
        rounds = _interleave(contenders, min(options.rounds, 5 if options.brief else 3))
    kilobytes, files = _resources(max(_WIDTHS))
    return Table(
        "What does a call cost with many in flight?",
        (*(f"µs, {width:,} in flight" for width in _WIDTHS), "1,000 x 10", "5,000 x 1,000"),
        tuple(_row(rounds, name, each.widths) for name, each in contenders.items()),
        note=(
            "CPU time of an execute with a 300-byte response, each client and width alone in its event loop, "
            f"the garbage collector on. {max(_WIDTHS):,} executes of refold_async in flight at once take "
            f"{kilobytes:.1f} kB of memory and {files:.2f} open files each, connections included."
        ),
        bounds=(
            Bound("a call with 1,000 in flight, x 10", _grown(rounds, REFOLD, 1_000, 10).median, 1.3),
            Bound(
                "a call with 5,000 in flight, x 1,000 (target: 1.5)",
                _grown(rounds, REFOLD, 5_000, 1_000).median,
                1.7,
            ),
            Bound("kB per call with 5,000 in flight", kilobytes, 12.0),
            Bound("open files per call with 5,000 in flight", files, 1.01),
        ),
    )


def _contenders(servers: ExitStack, *, brief: bool) -> Iterator[tuple[str, _Contender]]:
    base_url = servers.enter_context(serving(SMALL))
    wide = sdk.wide(max(_WIDTHS))
    yield REFOLD, _Contender(wide, base_url)
    if brief:
        return
    yield FLOOR, _Contender(floor.protocol, base_url)
    yield TUNED, _Contender(bare.tuned, base_url)
    if certificate.available():
        made = certificate.make(Path(servers.enter_context(tempfile.TemporaryDirectory())))
        tls, secure = certificate.client_context(made), servers.enter_context(serving(SMALL, tls=made))
        yield f"{FLOOR}, TLS", _Contender(floor.protocol, secure, _NARROW, tls)
        yield f"{REFOLD}, TLS", _Contender(wide, secure, _NARROW, tls)
    if find_spec("uvloop") is not None:
        create = import_module("uvloop").new_event_loop
        yield f"{FLOOR}, uvloop", _Contender(floor.protocol, base_url, loop=create)
        yield f"{REFOLD}, uvloop", _Contender(wide, base_url, loop=create)


def _interleave(contenders: Mapping[str, _Contender], number: int) -> Rounds:
    costs: dict[str, list[float]] = {}
    for _ in range(number):
        for name, each in contenders.items():
            for width in each.widths:
                costs.setdefault(_key(name, width), []).append(each.cost(width))
    return Rounds(costs)


def _key(name: str, width: int) -> str:
    return f"{name}, {width} in flight"


def _grown(rounds: Rounds, name: str, width: int, narrower: int) -> Figure:
    return rounds.ratio(_key(name, width), _key(name, narrower))


def _row(rounds: Rounds, name: str, widths: tuple[int, ...]) -> Row:
    cells: list[Cell] = [rounds.cost(_key(name, width)) if width in widths else None for width in _WIDTHS]
    cells.append(_grown(rounds, name, 1_000, 10))
    cells.append(_grown(rounds, name, 5_000, 1_000) if 5_000 in widths else None)
    return Row(name, tuple(cells))


def _resources(number: int) -> tuple[float, float]:
    """Return the kB of memory and the open files per call."""
    command = [sys.executable, "-m", "benchmarks.width", str(number)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kilobytes, files = map(float, printed.split())
    return kilobytes, files
