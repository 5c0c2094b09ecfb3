"""pytest fixtures for code that calls Refold, loaded by entry point.

Fixtures import what they need when they run, so pytest's start-up stays fast.
`refold_async.testing` lists them.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from refold_async import Options, Refold
    from refold_async.testing import Recording, ScriptedSandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--refold-record`."""
    group = parser.getgroup("refold_async")
    group.addoption(
        "--refold-record",
        action="store_true",
        help="let refold_recording call the real service and save its responses "
        "(set REFOLD_BASE_URL and REFOLD_API_KEY)",
    )


@pytest.fixture(scope="session")
def refold_sandbox_options() -> dict[str, Any]:
    """Override to configure the sandbox, e.g. `{"accounts": 10, "limit": SandboxLimit(20, 5)}`."""
    return {}


@pytest.fixture(scope="session")
def _refold_sandbox_running(refold_sandbox_options: dict[str, Any]) -> Iterator[ScriptedSandbox]:
    from refold_async.sandbox import SandboxThread
    from refold_async.testing import ScriptedSandbox

    sandbox = ScriptedSandbox(**refold_sandbox_options)
    with SandboxThread(sandbox):
        yield sandbox


@pytest.fixture
def refold_sandbox(_refold_sandbox_running: ScriptedSandbox) -> Iterator[ScriptedSandbox]:
    """The sandbox: one server per session, reset before every test.

    A `NeverFiredWarning` names the scripted results and faults that the test did not meet.
    """
    _refold_sandbox_running.reset()
    yield _refold_sandbox_running
    if unmet := _refold_sandbox_running.faults.never_fired():
        from refold_async.testing.scripted import NeverFiredWarning, never_fired_message

        warnings.warn(never_fired_message(unmet), NeverFiredWarning, stacklevel=1)


@pytest.fixture
def refold_client_options() -> Options:
    """Override to configure `refold_client`; its retries are quick by default."""
    from refold_async import Retry

    return {"retry": Retry(base=0.01, cap=0.05), "timeout": 10.0}


@pytest.fixture
def refold_client(refold_sandbox: ScriptedSandbox, refold_client_options: Options) -> Iterator[Refold]:
    """A client of the sandbox, for any event loop."""
    from refold_async import Refold

    options: Options = {"base_url": refold_sandbox.base_url, **refold_client_options}
    client = Refold(refold_sandbox.api_key, **options)
    yield client
    _close(client)


def _close(client: Refold) -> None:
    """Close a client's connections in the event loops that opened them. Closed loops have no open ones."""
    # `aclose` awaits in one loop only, and the loop of an async test is not running between fixtures.
    for session in [*client._sessions._open.values()]:  # noqa: SLF001
        if not session.loop.is_closed() and not session.loop.is_running():
            session.loop.run_until_complete(session.aclose())


@pytest.fixture
def refold_environment(refold_sandbox: ScriptedSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point `REFOLD_BASE_URL` and `REFOLD_API_KEY` to the sandbox, for code that creates its own client."""
    monkeypatch.setenv("REFOLD_BASE_URL", refold_sandbox.base_url)
    monkeypatch.setenv("REFOLD_API_KEY", refold_sandbox.api_key)


@pytest.fixture
def refold_recording(request: pytest.FixtureRequest) -> Iterator[Recording]:
    """The service's responses to this test, from `recordings/` next to it.

    `pytest --refold-record` calls the real service and saves its responses. Otherwise, a request that was
    not recorded fails the test.
    """
    from refold_async.testing import recording, replaying

    path = _file_of(request)
    serving = recording(path) if request.config.getoption("--refold-record") else replaying(path)
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(serving)


def _file_of(request: pytest.FixtureRequest) -> Path:
    module = request.node.path
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in request.node.name)
    folder: Path = module.parent / "recordings" / module.stem
    return folder / f"{name}.json"
