"""The docs list exactly what exists: errors, settings, hooks, metrics, exit codes, operations, the reference."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pkgutil import iter_modules
from types import ModuleType

import msgspec
import pytest

import refold_async
from refold_async import BatchOptions, Hooks, Options, Retry
from refold_async.api.operations import OPERATIONS
from refold_async.calls import Reason
from refold_async.cli.exits import Exit
from refold_async.cli.program import COMMANDS
from refold_async.integrations import fastapi, otel
from refold_async.integrations.starlette.problems import Kind
from refold_async.sandbox import Fault
from tests.api.surface import SCOPES, resources

from . import operations
from .pages import DOCS, ERRORS, ROOT, name_of, prose_of, text_of
from .test_links import documented

REFERENCE = [name for page in (DOCS / "reference").glob("*.md") for name in documented(page)]


def prose(page: str) -> str:
    return prose_of(DOCS / page)


def rows(page: str) -> list[str]:
    """Return the names in the first columns of a page's tables."""
    firsts = [line.split("|")[1] for line in prose(page).splitlines() if line.startswith("|")]
    return re.findall(r"`([\w.]+)", "".join(firsts))


def words(page: str) -> set[str]:
    """Return all names on a page."""
    return set(re.findall(r"[\w.-]+", " ".join(re.findall(r"`([^`]+)`", prose(page)))))


def test_the_stored_page_of_operations_is_part_of_the_generated_one() -> None:
    # It may lack an operation: the site's is generated, the stored one is rewritten with each release.
    generated = operations.page().splitlines()
    outdated = [line for line in text_of(operations.PATH).splitlines() if line not in generated]
    assert not outdated, f"outdated: run {operations.COMMAND}"


def test_the_page_of_operations_lists_all() -> None:
    page = operations.page()
    assert all(f"`{each.method} {each.path}`" in page for each in OPERATIONS)


def test_every_error_has_its_row() -> None:
    assert set(ERRORS) - set(rows("errors.md")) == {"RefoldError"}


def test_the_error_hierarchy_matches_the_code() -> None:
    drawn = re.search(r"```text\n(RefoldError\n.*?)```", text_of(DOCS / "errors.md"), re.DOTALL)
    assert drawn is not None
    parents: dict[str, str] = {}
    path: list[str] = []
    for branch, name in re.findall(r"^([│├└─ ]*)(\w+)", drawn[1], re.MULTILINE):
        path[len(branch) // 4 :] = [name]
        parents[name] = path[-2] if len(path) > 1 else "Exception"
    assert parents == {name: kind.__bases__[0].__name__ for name, kind in ERRORS.items()}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("settings.md", {"api_key", *Options.__annotations__}),
        ("retries.md", {field.name for field in msgspec.structs.fields(Retry)}),
        ("observability.md", {name for name in vars(Hooks) if name.startswith("on_")}),
        ("fastapi.md", {"lifespan", "install", "account_of", "RefoldDep", "ActionResponse", "webhook_of"}),
    ],
)
def test_a_table_lists_every_name(page: str, names: set[str]) -> None:
    assert names <= set(rows(page))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("fan-out.md", {*BatchOptions.__annotations__, *Reason.__args__}),  # type: ignore[attr-defined]
        ("fastapi.md", set(Kind.__args__)),  # type: ignore[attr-defined]
        ("testing.md", {field.name for field in msgspec.structs.fields(Fault)}),
        ("command.md", set(COMMANDS)),
    ],
)
def test_a_page_mentions_every_name(page: str, names: set[str]) -> None:
    assert names <= words(page)


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text_of(DOCS / "command.md"), re.MULTILINE)}
    assert codes == {each.value for each in Exit}


def test_every_metric_is_documented() -> None:
    source = inspect.getsource(otel.Metrics)
    named = set(re.findall(r'"((?:refold|http)\.client\.[\w.]+)"', source))
    assert named <= words("observability.md")


def test_the_reference_documents_every_public_name() -> None:
    documented_names = {name.rpartition(".")[2] for name in REFERENCE}
    assert set(refold_async.__all__) <= documented_names
    assert set(fastapi.__all__) <= documented_names
    assert {kind.__name__ for scope in SCOPES for kind in resources(scope).values()} <= documented_names


def test_the_reference_documents_every_model() -> None:
    documented_names = {name.rpartition(".")[2] for name in REFERENCE}
    package = importlib.import_module("refold_async.api")
    answers = {
        name
        for module in _modules(package)
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    }
    assert {name for name in answers if not name.startswith("_")} <= documented_names


def test_the_reference_documents_nothing_private() -> None:
    for name in REFERENCE:
        assert _found(name) is not None
        assert not any(part.startswith("_") for part in name.split(".")), name
    assert len(set(REFERENCE)) == len(REFERENCE)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for each in iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{each.name}")


def _found(name: str) -> object:
    """Return the object that a dotted name refers to, importing the part that is a module."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:
        return getattr(_found(module), attribute)


def test_every_example_is_on_the_page_of_examples() -> None:
    shown = re.findall(
        r'^--8<-- "(examples/[\w.]+)"$', (DOCS / "examples.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(shown) == sorted(name_of(path) for path in (ROOT / "examples").glob("*.py"))
