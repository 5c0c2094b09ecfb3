"""Run the sandbox as a process: `python -m refold_async.sandbox`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from refold_async.sandbox.console import is_loopback
from refold_async.sandbox.faults import Fault
from refold_async.sandbox.limits import SandboxLimit
from refold_async.sandbox.server import Sandbox

SettingsT = TypeVar("SettingsT", Fault, SandboxLimit)


def main(arguments: Sequence[str] | None = None, prog: str = "python -m refold_async.sandbox") -> int:
    """Serve until SIGINT or SIGTERM and return the exit code."""
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(
            host=options.host,
            port=options.port,
            api_key=options.api_key,
            seed=options.seed,
            accounts=options.accounts,
            records=options.records,
            limit=options.limit,
            faults=options.fault,
            latency=options.latency,
            search_lag=options.search_lag,
            ledger_path=options.ledger,
            console=True,
            console_key=options.console_key,
        )
        asyncio.run(_serve(sandbox, options.console_key))
    except KeyboardInterrupt:
        return 0
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return 0


async def _serve(sandbox: Sandbox, key: str | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Event loops on Windows have no `add_signal_handler`; there, Ctrl-C ends `asyncio.run`.
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    async with sandbox:
        lines = (
            sandbox.base_url,
            f"export REFOLD_BASE_URL={sandbox.base_url}",
            f"export REFOLD_API_KEY={shlex.quote(sandbox.api_key)}",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        if is_loopback(sandbox.host) or key:
            fragment = f"#{quote(key)}" if key else ""  # which no browser sends, and no log shows
            sys.stderr.write(f"console: {sandbox.base_url}/_console{fragment}\n")
        await stop.wait()


def parse_fault(text: str) -> Fault:
    """Return the fault in `name=value,name=value` or in a JSON object of its fields.

    Raises:
        ValueError: If a name or value is not one of a fault's.
    """
    return _settings(text, Fault)


def parse_limit(text: str) -> SandboxLimit:
    """Return the limit in `20`, `20:5` (with the burst), `name=value,…` or a JSON object.

    Raises:
        ValueError: If a name or value is not one of a limit's.
    """
    rate, colon, burst = text.partition(":")
    if "=" in text or text.startswith("{"):
        return _settings(text, SandboxLimit)
    try:
        numbers = float(rate), int(burst) if colon else 5
    except ValueError:
        raise ValueError(f"{text!r} is not a rate, e.g. 20 or 20:5") from None
    return SandboxLimit(per_second=numbers[0], burst=numbers[1])


def _settings(text: str, kind: type[SettingsT]) -> SettingsT:
    try:
        if text.startswith("{"):
            return msgspec.json.decode(text, type=kind)
        pairs = (pair.partition("=") for pair in text.split(","))
        settings = {name.strip(): value.strip() if equals else "true" for name, equals, value in pairs}
        return msgspec.convert(settings, kind, strict=False)
    except (msgspec.DecodeError, ValueError) as error:
        raise ValueError(f"{text}: {error}") from error


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Run a local Refold.", allow_abbrev=False)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="port to listen on (default: any free one)")
    add("--api-key", default="tk_sandbox", help="API key to accept (default %(default)s)")
    add("--accounts", type=int, default=1000, help="initial number of linked accounts (default %(default)s)")
    add("--records", type=int, help="initial records of each type and account (default: a dozen or fewer)")
    add(
        "--seed",
        type=int,
        default=0,
        help="seed of records, ids and fault chances (default %(default)s)",
    )
    add("--latency", type=float, default=0.0, help="minimum seconds per response")
    add("--search-lag", type=float, default=0.0, help="seconds until searches find a change")
    add(
        "--limit",
        type=_argument(parse_limit),
        metavar="RATE[:BURST]",
        help="rate limit, e.g. 20:5, or NAME=VALUE,…",
    )
    add(
        "--fault",
        type=_argument(parse_fault),
        action="append",
        default=[],
        metavar="NAME=VALUE,…",
        help="fault to inject, e.g. drop=after,effect=write,probability=0.1, or JSON; may be repeated",
    )
    add(
        "--console-key",
        metavar="KEY",
        help="key of the console at /_console; needed if --host is not a loopback address",
    )
    add("--ledger", metavar="PATH", help="append each run to this file before its response is sent")
    return parser


def _argument(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Wrap `parse` so that argparse shows the reason of its `ValueError`."""

    def parse_argument(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_argument


if __name__ == "__main__":
    sys.exit(main())
