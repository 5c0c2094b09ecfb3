"""The house: imports point down its floors, aiohttp's client lives in one room, and extras stay out of the way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import refold_async

PACKAGE = Path(refold_async.__file__).parent
ROOT = "refold_async"

FLOORS = [
    {"errors", "gate", "waiting"},
    {"operation", "bending", "checks", "credentials", "naming", "uploads"},
    {"wire", "caching", "results", "pacing", "hooks"},
    {"retries"},
    {"plan", "replies", "settings"},
    {"deadlines", "transport"},
    {"sessions"},
    {"observing"},
    {"pipeline"},
    {"caller"},
    {"api"},
    {"batch", "scopes", "webhooks"},
    {"client"},
    {ROOT},
    {"integrations", "testing", "sandbox"},
    {"cli", "pytest_plugin"},
]
"""The rooms, from the ground up. A room imports from floors below its own; a new room takes its place here."""

APART = {"sandbox": set[str](), "testing": {"sandbox"}}
"""The sandbox knows nothing of the client's; only these may reach a room on their own floor."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module_of(path: Path) -> str:
    parts = (ROOT, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ROOT


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Give the modules that a file imports when it runs, at its head or later."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and is_for_types(node):
            node.body = []
    return tuple(_imports(path, tree))


def imports_for_types(path: Path) -> set[str]:
    """Give the modules that a file imports for type checkers alone."""
    tree = ast.parse(path.read_text())
    return {name for node in ast.walk(tree) if is_for_types(node) for name in _imports(path, node)}


def _imports(path: Path, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name their modules whole"
            module = node.module or ""
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in MODULES else module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    room = room_of(module)
    assert room in FLOOR_OF, f"{room} is new: give it a floor"
    for imported in imports_of(MODULES[module]):
        other = room_of(imported)
        if not imported.startswith(ROOT) or other == room:
            continue
        below = FLOOR_OF[other] < FLOOR_OF[room] and room != "sandbox"
        assert below or other in APART.get(room, set()), f"{module} imports {imported}"


UP_FOR_TYPES = {
    ("errors", "operation"): "an error tells its call's effect",
    ("hooks", "batch"): "hooks hear of outcomes",
}
"""What a room names of those above it, in annotations alone, and why."""


def test_annotations_look_up_only_where_it_is_known_why() -> None:
    up = {
        (room_of(module), room_of(imported))
        for module, path in MODULES.items()
        for imported in imports_for_types(path)
        if imported.startswith(ROOT) and room_of(module) not in {ROOT, room_of(imported)}
        if FLOOR_OF[room_of(imported)] >= FLOOR_OF[room_of(module)]
    }
    assert up == set(UP_FOR_TYPES)


def test_only_the_transport_holds_aiohttps_client() -> None:
    """The sandbox, its relays for tests, and what serves or reads files use other parts of aiohttp."""
    served = {"sandbox", "testing"}
    for module, path in MODULES.items():
        used = {name for name in imports_of(path) if name.partition(".")[0] == "aiohttp"}
        assert not used or room_of(module) in {"transport"} | served, f"{module} imports {used}"


def test_the_ground_floors_know_no_network_and_no_event_loop() -> None:
    pure = {
        "errors",
        "operation",
        "bending",
        "checks",
        "results",
        "wire",
        "retries",
        "plan",
        "replies",
        "hooks",
    }
    for module, path in MODULES.items():
        if room_of(module) in pure:
            outside = {name.partition(".")[0] for name in imports_of(path)}
            assert not outside & {"aiohttp", "anyio", "asyncio", "socket", "ssl", "time"}, module


UNWANTED = [
    "typer", "click", "rich", "fastapi", "starlette", "opentelemetry", "pytest", "uvloop", "yaml", "hypothesis",
    "refold_async.sandbox", "refold_async.cli", "refold_async.integrations", "refold_async.testing",
]  # fmt: skip


def test_importing_the_package_loads_no_extras_and_no_sandbox() -> None:
    code = "import sys, refold_async; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [
        name for name in loaded if any(name == each or name.startswith(f"{each}.") for each in UNWANTED)
    ] == []


def test_every_public_name_is_there_and_is_named_once() -> None:
    assert len(set(refold_async.__all__)) == len(refold_async.__all__)
    for name in refold_async.__all__:
        assert getattr(refold_async, name).__doc__ or name in {"Effect", "Fate"}
