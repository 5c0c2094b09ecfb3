"""A sandbox in a thread and event loop of its own, for synchronous programs."""

import asyncio
import threading
from types import TracebackType

from refold_async.sandbox.server import Sandbox


class SandboxThread:
    """Runs a sandbox beside the caller's own code.

    ``with SandboxThread(Sandbox(accounts=10)) as sandbox:`` gives the sandbox, started. Its ledger,
    requests and faults can be used from any thread.

    Args:
        sandbox: The one to run, not started; default: one with its default settings.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None

    def start(self) -> Sandbox:
        """Start the thread and wait until the sandbox listens; raises what its start raised."""
        self._ready.clear()
        self._error = None
        self._thread = threading.Thread(target=self._main, name="refold-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self.sandbox

    def stop(self) -> None:
        """Stop the sandbox and wait for the thread to end."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self.sandbox:
            self._ready.set()
            await self._stop.wait()
