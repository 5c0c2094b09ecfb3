"""Many writes through a real nginx and a real haproxy that break, compared with the ledger of executed writes.

    python -m tests.heavy.proxies --writes 20000

DNS names nginx or haproxy in turn, each in front of the same two sandboxes. Meanwhile, every 0.4 s: a proxy
reloads its configuration, a sandbox is killed and started again, connections are reset, the whole pool goes silent,
or DNS switches to the other proxy while the old address refuses connections. Fails if a write was executed twice,
was executed or not against what its fate says, or fewer than 99.9% of the reads come through: one sandbox is
always up.
"""

import argparse
import asyncio
import contextlib
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from refold_async import Call, Done, Failed, Outcome, Refold, Retry
from tests.services import haproxy, nginx
from tests.services.server import Server, free_port

from .ledger_check import LedgerCheck, Reported
from .relay import Relay
from .reporter import emit
from .sandbox_process import KEY

HOST = "refold.test"
CONCURRENCY = 40
ACCOUNTS = 50
READS = 0.5
"""Reads per write."""
ENOUGH = 0.999
"""The share of reads that must come through."""
LAST = 0.5
"""The share of a call's timeout to wait at the end, for abandoned writes."""

NGINX = """
 underscores_in_headers on;
 upstream sandboxes { %s keepalive 32; }
 server {
  listen 127.0.0.1:{port};
  keepalive_timeout 2s;
  proxy_http_version 1.1;
  location / { proxy_pass http://sandboxes; proxy_set_header Connection ""; proxy_connect_timeout 1s; }
 }
"""

HAPROXY = """
global
 hard-stop-after 10s
defaults
 mode http
 retries 2
 option redispatch 1
 timeout connect 1s
 timeout client 20s
 timeout server 20s
 timeout http-keep-alive 2s
frontend f
 bind 127.0.0.1:{port}
 default_backend sandboxes
backend sandboxes
%s
"""


def sandbox(folder: Path, port: int) -> Server:
    """Return a sandbox that is not started yet; all of them append to one ledger."""
    ledger = str(folder / "ledger.jsonl")
    command = [sys.executable, "-m", "refold_async.sandbox", "--port", str(port), "--api-key", KEY]
    own = folder / str(port)
    own.mkdir()
    return Server("sandbox", [*command, "--ledger", ledger], own, port, url=f"http://127.0.0.1:{port}")


class Names:
    """Resolves the host name, in place of DNS."""

    def __init__(self) -> None:
        self.address = "127.0.0.1"
        self._resolve = socket.getaddrinfo

    def __enter__(self) -> None:
        def resolve(host: Any, *args: Any, **options: Any) -> Any:
            return self._resolve(self.address if host == HOST else host, *args, **options)

        socket.getaddrinfo = resolve

    def __exit__(self, *_: object) -> None:
        socket.getaddrinfo = self._resolve


class Disruption:
    """What breaks, one thing at a time.

    Args:
        sandboxes: The sandboxes.
        proxies: nginx and haproxy.
        relays: The relay in front of each.
        names: The resolver.
    """

    def __init__(
        self, sandboxes: list[Server], proxies: tuple[Server, Server], relays: list[Relay], names: Names
    ) -> None:
        self._sandboxes = sandboxes
        self._nginx, self._haproxy = proxies
        self._relays = relays
        self._names = names
        self._chance = random.Random(5)
        self.counts: Counter[str] = Counter()
        self._kinds: dict[str, Callable[[], None]] = {
            "nginx reloaded": lambda: self._nginx.send(signal.SIGHUP),
            "haproxy reloaded": lambda: self._haproxy.send(signal.SIGUSR2),
            "sandbox killed": self._kill,
            "connections reset": lambda: self._relay.reset(0.5),
            "pool silent": lambda: self._relay.cut(1.0),
            "DNS switched": self._switch,
        }

    async def run(self, pause: float) -> None:
        """Break something again and again until it is cancelled, each kind in turn."""
        while True:
            for name, strike in self._kinds.items():
                await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
                await asyncio.to_thread(strike)
                self.counts[name] += 1

    @property
    def _relay(self) -> Relay:
        return next(relay for relay in self._relays if relay.host == self._names.address)

    def _kill(self) -> None:
        server = self._chance.choice(self._sandboxes)
        server.kill()
        time.sleep(0.2)
        server.start()

    def _switch(self) -> None:
        old = self._relay
        new = next(relay for relay in self._relays if relay is not old)
        new.listen()
        self._names.address = new.host
        old.stop_listening()


def calls(writes: int) -> Iterator[Call]:
    for place in range(writes):
        account = f"demo-user-{place % ACCOUNTS + 1}"
        title = f"note-{place}"
        yield Call(account, "playground", "create_note", {"title": title}, key=title)
        if place * READS % 1 == 0:
            yield Call(account, "hubspot", "get_contact", {"limit": "1"}, key=f"read-{place}")


def reported(outcome: Outcome) -> Reported:
    if isinstance(outcome, Done):
        return "done"
    assert isinstance(outcome, Failed), outcome
    return outcome.error.fate


async def run(refold: Refold, writes: int, check: LedgerCheck) -> tuple[Counter[str], list[str]]:
    """Make all calls; return how the reads ended, and the messages of writes that failed."""
    reads: Counter[str] = Counter()
    errors: list[str] = []
    async with refold.batch(calls(writes), concurrency=CONCURRENCY) as outcomes:
        async for outcome in outcomes:
            is_read = outcome.call.action_id == "get_contact"
            if not is_read:
                check.report(str(outcome.call.key), reported(outcome))
            if is_read:
                reads["done" if isinstance(outcome, Done) else "failed"] += 1
            if isinstance(outcome, Failed):
                error = outcome.error
                errors.append(f"{'read' if is_read else 'write'}: {type(error).__name__} {error.message}")
    return reads, errors


async def prove(writes: int, pause: float, timeout: float, folder: Path) -> list[str]:
    """Make this many writes; return descriptions of what went wrong."""
    ports = [free_port(), free_port()]
    sandboxes = [sandbox(folder, port) for port in ports]
    check = LedgerCheck(folder / "ledger.jsonl")
    names = Names()
    with ExitStack() as running:
        for server in sandboxes:
            running.callback(server.stop)
            server.start()
        upstreams = "".join(f"server 127.0.0.1:{port} max_fails=0; " for port in ports)
        backends = "\n".join(f" server s{port} 127.0.0.1:{port}" for port in ports)
        first = running.enter_context(nginx(NGINX % upstreams))
        second = running.enter_context(haproxy(HAPROXY % backends))
        relay = running.enter_context(Relay("127.0.0.1", 0, first.port))
        relays = [relay, running.enter_context(Relay("127.0.0.2", relay.port, second.port))]
        running.enter_context(names)
        disruption = Disruption(sandboxes, (first, second), relays, names)
        retry = Retry(attempt_timeout=timeout / 6, attempts=6, cap=timeout / 6)
        base_url = f"http://{HOST}:{relay.port}"
        began = time.perf_counter()
        async with Refold(
            KEY, base_url=base_url, timeout=timeout, retry=retry, max_connection_age=10
        ) as refold:
            breaking = asyncio.create_task(disruption.run(pause))
            reads, errors = await run(refold, writes, check)
            breaking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await breaking
        took = time.perf_counter() - began
        await asyncio.sleep(LAST * timeout)
    check.close_round()
    emit(f"{took:.0f} s; {dict(disruption.counts)}")
    for error, number in Counter(errors).most_common(12):
        emit(f"{number:6} {error}")
    emit(f"{reads.total()} reads: {reads['done']} done, {reads['failed']} failed")
    wrong = check.mismatches
    emit(
        f"{check.writes} writes: {dict(check.outcomes)}; {check.executed} executed; "
        f"{sum('times' in each for each in wrong)} twice, {len(wrong)} contradicted"
    )
    if reads["done"] < ENOUGH * reads.total():
        wrong.append(f"only {reads['done']} of {reads.total()} reads came through")
    if check.writes != writes:
        wrong.append(f"{writes - check.writes} writes without an outcome")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--writes", type=int, default=20_000)
    parser.add_argument("--pause", type=float, default=0.4, help="seconds between two disruptions")
    parser.add_argument(
        "--timeout", type=float, default=6.0, help="seconds for a call; a silent write takes all"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refold-proxies-") as folder:
        wrong = asyncio.run(prove(options.writes, options.pause, options.timeout, Path(folder)))
    emit("\n".join(wrong[:20]))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
