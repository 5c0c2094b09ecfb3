from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from refold_async.cli.program import run
from refold_async.sandbox import Sandbox, SandboxThread

KEY = "tk_a_key_that_nobody_may_see"


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(api_key=KEY, accounts=20)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    """The module's sandbox, with nothing of earlier tests on it."""
    server.faults.clear()
    server.ledger.clear()
    yield server
    server.faults.clear()


@pytest.fixture
def refold(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line against the sandbox; no command may ever show the key."""
    monkeypatch.setenv("REFOLD_API_KEY", KEY)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)

    def command(*arguments: str) -> Ended:
        code = run(arguments)
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return Ended(code, out, err)

    return command
