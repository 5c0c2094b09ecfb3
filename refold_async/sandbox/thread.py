"""A sandbox in a thread and event loop of its own, for synchronous programs."""

from contextlib import ExitStack
from types import TracebackType

from anyio.from_thread import start_blocking_portal

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
        self._running = ExitStack()

    def start(self) -> Sandbox:
        """Start the thread and wait until the sandbox listens; raises what its start raised."""
        with ExitStack() as starting:
            portal = starting.enter_context(start_blocking_portal("asyncio"))
            starting.enter_context(portal.wrap_async_context_manager(self.sandbox))
            self._running = starting.pop_all()
        return self.sandbox

    def stop(self) -> None:
        """Stop the sandbox and wait for the thread to end. Again is harmless."""
        self._running.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
