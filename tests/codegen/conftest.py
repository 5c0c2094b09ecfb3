import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from refold_async.cli.program import run
from refold_async.sandbox import Sandbox, SandboxThread
from tests.cli.conftest import Ended

APPS = ("hubspot", "netsuite", "playground", "salesforce", "slack")
ACCOUNT = "demo-user-1"

Codegen = Callable[..., Ended]
Load = Callable[[Path], Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=5)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    """The module's sandbox as new, with every app connected."""
    server.reset()
    for slug in APPS:
        server.connect(ACCOUNT, slug)
    yield server
    server.faults.clear()


@pytest.fixture
def codegen(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Codegen:
    monkeypatch.setenv("REFOLD_API_KEY", sandbox.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)

    def command(*arguments: str | Path) -> Ended:
        quiet = () if "--progress" in arguments else ("--progress", "none")
        code = run(["codegen", *map(str, arguments), *quiet])
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return command


@pytest.fixture(scope="module")
def hubspot_path(server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module of HubSpot, generated outside of every event loop, as a command is."""
    path = tmp_path_factory.mktemp("generated") / "hubspot.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFOLD_API_KEY", server.api_key)
        patch.setenv("REFOLD_BASE_URL", server.base_url)
        assert run(["codegen", "hubspot", "--account", ACCOUNT, "--out", str(path), "--learn"]) == 0
    return path


@pytest.fixture
def hubspot(hubspot_path: Path, load: Load) -> Any:
    """The module of HubSpot, imported again."""
    return load(hubspot_path)


@pytest.fixture
def load() -> Iterator[Load]:
    """Import a generated file under a name of its own."""
    loaded: list[str] = []

    def load(path: Path) -> ModuleType:
        name = f"generated_{path.stem}_{len(loaded)}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]
