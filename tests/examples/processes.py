"""Examples as processes of their own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from refold_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


def environment(sandbox: Sandbox) -> Mapping[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("REFOLD")}
    return {
        **known,
        "REFOLD_BASE_URL": sandbox.base_url,
        "REFOLD_API_KEY": sandbox.api_key,
        "LOOK_AFTER": "0.1",
    }


@asynccontextmanager
async def example(sandbox: Sandbox, *command: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an example against a sandbox; at the end of the block it is gone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=cwd,
        env=environment(sandbox),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]
