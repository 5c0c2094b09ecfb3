"""A sandbox in a thread and event loop of its own, for synchronous programs."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
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
        self._stop: Callable[[], object] | None = None

    def start(self) -> Sandbox:
        """Start the thread and wait until the sandbox listens; raises what its start raised."""
        started: Future[Callable[[], object]] = Future()
        self._thread = threading.Thread(
            target=self._main, args=(started,), name="refold-sandbox", daemon=True
        )
        self._thread.start()
        self._stop = started.result()
        return self.sandbox

    def stop(self) -> None:
        """Stop the sandbox and wait for the thread to end."""
        if self._stop is not None:
            self._stop()
            self._stop = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _main(self, started: Future[Callable[[], object]]) -> None:
        try:
            asyncio.run(self._serve(started))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[Callable[[], object]]) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with self.sandbox:
            started.set_result(lambda: loop.call_soon_threadsafe(stop.set))
            await stop.wait()
