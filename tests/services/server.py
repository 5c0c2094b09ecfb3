"""One server process: started, watched and ended by its pid."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START = 20.0
"""Seconds that a server has to answer on its port."""


def free_port() -> int:
    """Return a free port of loopback."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Server:
    """A server process on a port of loopback.

    Args:
        name: What it is, for messages.
        command: What starts it, in the foreground.
        folder: Where it runs, and where its log goes.
        port: Where it listens.
        url: How clients name it.
        user: The account that it runs as; default: ours.
        ready: Whether it is ready; default: it accepts a connection.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        port: int,
        *,
        url: str,
        user: str | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.port = port
        self.url = url
        self._command = command
        self._user = user
        self._ready = ready or self._accepts
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        deadline = time.monotonic() + START
        self._launch()
        while not self._ready():
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start:\n{self.log()[-2000:]}")
            if self._process is None or self._process.poll() is not None:
                # E.g. PostgreSQL, while a process of one that was killed has its shared memory.
                time.sleep(0.2)
                self._launch()
            time.sleep(0.02)

    def _launch(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                user=self._user,
            )

    def _accepts(self) -> bool:
        with socket.socket() as sock:
            sock.settimeout(0.5)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, e.g. `SIGSTOP`."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it by SIGTERM, or by SIGKILL if that is not enough."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.kill(process.pid, signal.SIGCONT)  # a stopped process takes no SIGTERM
        os.kill(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
