"""The first call of a fresh process: `python -m benchmarks.first_call CLIENT BASE_URL CERTIFICATE`.

Prints the CPU microseconds from creating the TLS context to the first response.
"""

import asyncio
import ssl
import sys

from benchmarks import machine
from benchmarks.clients import CLIENTS


async def _first_call(name: str, base_url: str, context: ssl.SSLContext) -> None:
    async with CLIENTS[name](base_url, context) as call:
        await call()


def main(name: str, base_url: str, certificate: str) -> None:
    """Measure in this fresh process."""
    machine.pin(machine.CLIENT_CORE)
    before = machine.cpu_seconds()
    context = ssl.create_default_context()
    context.load_verify_locations(certificate)
    asyncio.run(_first_call(name, base_url, context))
    print((machine.cpu_seconds() - before) * 1e6)


if __name__ == "__main__":
    main(*sys.argv[1:])
