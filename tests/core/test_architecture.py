"""Imports point down, one package imports aiohttp's client, and extras are not imported."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

import pytest

import refold_async
from refold_async import Refold
from refold_async.sandbox import Sandbox

PACKAGE = Path(refold_async.__file__).parent
ROOT = "refold_async"

PICTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
"""The page that lists the layers, topmost first: a part imports from layers below its own."""


def layers() -> list[set[str]]:
    """Return the layers that the page lists, from the ground up."""
    listed = re.search(
        r"^```layers\n(.*?)^```$", PICTURE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert listed is not None, f"{PICTURE} lists no layers"
    return [set(line.split(", ")) for line in reversed(listed[1].splitlines())]


LAYERS = layers()


def walked() -> list[str]:
    """Return the files that the page walks through for one call, in its order."""
    _, _, section = PICTURE.read_text(encoding="utf-8").partition("## One call")
    block = section.partition("```text\n")[2].partition("```")[0]
    return re.findall(r"^ *(\w[\w/]*\.py)", block, re.MULTILINE)


APART = {"sandbox": set[str](), "testing": {"sandbox"}}
"""The sandbox imports nothing of the client; only these may import from their own layer."""

LAYER_OF = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}


def module_of(path: Path) -> str:
    parts = (ROOT, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def part_of(module: str) -> str:
    parts = module.split(".")
    # A module may have a layer apart from its package's, e.g. one walk is below `api`, many are above `batch`.
    if len(parts) > 2 and (parts[1] == "_core" or ".".join(parts[1:3]) in LAYER_OF):
        return ".".join(parts[1:3])
    return parts[1] if len(parts) > 1 else ROOT


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports when it runs, at its head or later."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and is_for_types(node):
            node.body = []
    return tuple(_imports(path, tree))


def imports_for_types(path: Path) -> set[str]:
    """Return the modules that a file imports for type checkers alone."""
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


def test_the_page_names_files_that_exist() -> None:
    named = set(re.findall(r"(?<![\w/.])((?:\w+/)*\w+\.py)\b", PICTURE.read_text(encoding="utf-8")))
    for name in named:
        assert any((folder / name).exists() for folder in (PACKAGE, PACKAGE.parent, PACKAGE / "_core")), name


def test_the_layers_list_each_part_once() -> None:
    listed = [part for layer in LAYERS for part in layer]
    assert sorted(listed) == sorted({part_of(module) for module in MODULES})


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    part = part_of(module)
    assert part in LAYER_OF, f"{part} is new: give it a layer in {PICTURE.name}"
    for imported in imports_of(MODULES[module]):
        other = part_of(imported)
        if not imported.startswith(ROOT) or other == part:
            continue
        below = LAYER_OF[other] < LAYER_OF[part] and part != "sandbox"
        assert below or other in APART.get(part, set()), f"{module} imports {imported}"


def test_annotations_name_nothing_from_above() -> None:
    up = {
        (part_of(module), part_of(imported))
        for module, path in MODULES.items()
        for imported in imports_for_types(path)
        if imported.startswith(ROOT) and part_of(module) not in {ROOT, part_of(imported)}
        if LAYER_OF[part_of(imported)] >= LAYER_OF[part_of(module)]
    }
    assert up == set()


def test_only_the_transport_holds_aiohttps_client() -> None:
    """The sandbox, its relays for tests, and modules that serve or read files, use other parts of aiohttp."""
    served = {"sandbox", "testing"}
    for module, path in MODULES.items():
        used = {name for name in imports_of(path) if name.partition(".")[0] == "aiohttp"}
        assert not used or part_of(module) in {"_core.transport"} | served, f"{module} imports {used}"


def test_pure_modules_import_no_network_and_no_event_loop() -> None:
    pure = {
        "errors",
        "_core.operation",
        "_core.effects",
        "_core.decoding",
        "_core.checks",
        "results",
        "_core.requests",
        "_core.retries",
        "_core.prepared",
        "_core.responses",
        "hooks",
    }
    for module, path in MODULES.items():
        if part_of(module) in pure:
            outside = {name.partition(".")[0] for name in imports_of(path)}
            assert not outside & {"aiohttp", "anyio", "asyncio", "socket", "ssl", "time"}, module


async def test_a_call_enters_the_files_of_the_page_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFOLD_TRANSPORT", raising=False)
    entered: dict[str, None] = {}
    listed = walked()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            entered.setdefault(path.relative_to(PACKAGE).as_posix())

    async with Sandbox(accounts=1) as sandbox, Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        account = refold.account("demo-user-1")
        await account.actions.execute("hubspot", "get_contact")  # opens the session
        sys.setprofile(note)
        try:
            await account.actions.execute("hubspot", "get_contact")
        finally:
            sys.setprofile(None)
    assert [name for name in entered if name in listed] == listed


UNWANTED = [
    "typer", "click", "rich", "fastapi", "starlette", "opentelemetry", "pytest", "uvloop", "yaml", "hypothesis",
    "redis", "refold_async.fleet", "refold_async.sandbox", "refold_async.cli", "refold_async.integrations", "refold_async.testing",
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


def test_no_two_modules_define_classes_of_one_name() -> None:
    places: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, set()).add(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}
