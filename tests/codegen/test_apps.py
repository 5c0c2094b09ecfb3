"""Modules of the sandbox's apps: type checkers and linters accept them, and their calls work."""

import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from refold_async import (
    NULL,
    Action,
    ActionParameter,
    ActionSchema,
    Call,
    Done,
    Refold,
    TypedResult,
    Walk,
)
from refold_async.codegen.differences import read_module
from refold_async.codegen.fetching import merge
from refold_async.codegen.model import AppModel, Shape
from refold_async.codegen.rendering import render
from refold_async.sandbox import Sandbox
from refold_async.walks import WalkPage

from .conftest import ACCOUNT, APPS, Codegen, Load

USE = """
from acme.hubspot import GetContactDataResults, Hubspot
from refold_async import Account, Call, Walk


async def use(account: Account) -> str | None:
    page = await Hubspot(account).get_contact(limit="2")
    first: GetContactDataResults = page.data.results[0]
    call: Call = Hubspot.calls.get_contact("demo-user-1", limit="2")
    walk: Walk = Hubspot.walks.get_contact("demo-user-1", call.key, limit="2")
    await Hubspot(account).httprequest(method="GET", url=call.slug)
    return first.properties.email
"""
MISUSES = {
    "misspelt parameter": "await Hubspot(account).get_contact(limmit='2')",
    "missing parameter": "await Hubspot(account).create_contact(firstname='Ann')",
    "unknown parameter": "Hubspot.calls.get_contact_by_id('a', contact_id='1', limit='2')",
    "misspelt action": "await Hubspot(account).get_contakt()",
    "misspelt field": "(await Hubspot(account).get_contact()).data.results[0].properties.emial",
    "value of another type": "await Hubspot(account).create_contact(email=1)",
    "walk of a write": "Hubspot.walks.create_contact('a', email='a@example.com')",
    "walk of one record": "Hubspot.walks.get_contact_by_id('a', contact_id='1')",
    "account by name": "Hubspot.calls.get_contact(linked_account_id='a')",
}
SHADOWING = [
    "list", "str", "float", "object", "int", "bool", "dict", "Any", "Call", "TypedResult", "ActionResult", "msgspec",
    "Literal", "TypeAlias", "Account", "TYPE_CHECKING", "calls", "walks", "staticmethod", "classmethod", "property",
    "self", "class", "match", "None", "имя", "get_contact", "GetContactData", "structs_wanted", "globals", "params", "name", "field",
]  # fmt: skip
"""Names that a module or Python uses itself."""
CROSSED = {"list", "get_contact", "GetContactData"}
"""Actions whose structs have fields of all those names; with each, a checker takes ten times as long."""


def shadowing() -> str:
    """Return a module whose actions, parameters and fields have names that a module uses itself."""
    parameters = ActionSchema(
        [
            ActionParameter(
                name=each, required=place % 2 == 0, type="text", options=["a"] if place % 5 == 0 else None
            )
            for place, each in enumerate(SHADOWING)
        ]
    )
    shapes = {action_id: Shape() for action_id in SHADOWING}
    for action_id, shape in shapes.items():
        fields = SHADOWING if action_id in CROSSED else [action_id]
        shape.add({each: {each: [{each: 1}]} for each in fields})
    actions = tuple(merge(each, [(Action(action_id=each), parameters)], {}) for each in sorted(SHADOWING))
    return render(AppModel(slug="call", actions=actions, shapes=shapes, names={}))


MISUSE = """
from acme.hubspot import Hubspot
from refold_async import Account


async def misuse(account: Account) -> None:
    {code}
"""


def ran(*arguments: str, cwd: Path) -> str:
    """Run a tool; return what it says, and nothing if it found nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, timeout=100, check=False
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr or "failed"


@pytest.fixture
def acme(codegen: Codegen, tmp_path: Path) -> Path:
    """A package with a module of each app, and files that use one well and badly."""
    package = tmp_path / "acme"
    package.mkdir()
    (package / "__init__.py").touch()
    for slug in APPS:
        ended = codegen(slug, "--account", ACCOUNT, "--out", package, "--learn")
        assert ended.code == 0, ended.err
    (package / "shadowing.py").write_text(shadowing())
    (tmp_path / "use.py").write_text(USE)
    for number, code in enumerate(MISUSES.values()):
        (tmp_path / f"misuse_{number}.py").write_text(MISUSE.format(code=code))
    return tmp_path


def test_ruff_accepts_every_module(acme: Path) -> None:
    modules = [f"acme/{slug}.py" for slug in APPS]
    assert ran("ruff", "format", "--check", "--isolated", *modules, cwd=acme) == ""
    assert ran("ruff", "check", "--isolated", *modules, "acme/shadowing.py", cwd=acme) == ""


@pytest.mark.parametrize(
    "checker",
    [("mypy", "--strict", "--no-incremental"), ("pyright", "--pythonpath", sys.executable)],
    ids=lambda checker: checker[0],
)
def test_type_checkers_accept_every_module_and_find_misuse(checker: tuple[str, ...], acme: Path) -> None:
    """One run for all files: reading the package takes a checker longer than all that is generated."""
    good = [*(f"acme/{slug}.py" for slug in APPS), "acme/shadowing.py", "use.py"]
    misuses = [f"misuse_{number}.py" for number in range(len(MISUSES))]
    errors = [line for line in ran(*checker, *good, *misuses, cwd=acme).splitlines() if "error:" in line]
    assert [line for line in errors if not any(file in line for file in misuses)] == []
    for name, file in zip(MISUSES, misuses, strict=True):
        assert any(file in line for line in errors), name


@pytest.mark.parametrize("slug", APPS)
def test_generated_twice_gives_equal_bytes(slug: str, codegen: Codegen, tmp_path: Path) -> None:
    paths = [tmp_path / "one.py", tmp_path / "two.py"]
    for path in paths:
        assert codegen(slug, "--account", ACCOUNT, "--out", path, "--learn").code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        yield refold


async def test_a_method_executes_and_types_its_result(hubspot: Any, refold: Refold) -> None:
    page = await hubspot.Hubspot(refold.account(ACCOUNT), timeout=30).get_contact(limit="2")
    assert isinstance(page, TypedResult)
    assert page.node_status == "Success"
    assert len(page.data.results) == 2
    assert isinstance(page.data, hubspot.GetContactData)
    assert "@" in page.data.results[0].properties.email


async def test_none_is_left_out_and_null_is_sent(hubspot: Any, refold: Refold, sandbox: Sandbox) -> None:
    app = hubspot.Hubspot(refold.account(ACCOUNT))
    made = await app.create_contact(email="ann@example.com", phone=None, company=NULL)
    assert made.data["properties"]["email"] == "ann@example.com"
    assert sandbox.ledger.writes()[-1].params == {"email": "ann@example.com", "company": None}


async def test_calls_run_in_a_batch(hubspot: Any, refold: Refold) -> None:
    calls = [
        hubspot.Hubspot.calls.get_contact(ACCOUNT, "first", limit="1"),
        hubspot.Hubspot.calls.get_contact(ACCOUNT),
    ]
    assert calls[0] == Call(ACCOUNT, "hubspot", "get_contact", {"limit": "1"}, key="first", effect="read")
    assert calls[1].params == {}
    report = await refold.run(calls)
    first = report.outcomes[0]
    assert isinstance(first, Done)
    assert len(TypedResult(first.result, hubspot.GetContactData).data.results) == 1


async def test_walks_read_all_pages(hubspot: Any, refold: Refold) -> None:
    walk = hubspot.Hubspot.walks.get_contact(ACCOUNT, limit="100")
    assert walk == Walk(ACCOUNT, "hubspot", "get_contact", {"limit": "100"}, effect="read")
    async with refold.walks([walk]) as pages:
        records = [record async for page in pages if isinstance(page, WalkPage) for record in page.records]
    alone = [record async for record in refold.account(ACCOUNT).actions.walk("hubspot", "get_contact")]
    assert [each["id"] for each in records] == [each["id"] for each in alone]


def test_threads_define_structs_once(hubspot: Any) -> None:
    start = threading.Barrier(8)

    def first(_: int) -> Any:
        start.wait()
        return hubspot.GetContactData

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(first, range(8)))) == 1


def test_names_that_a_module_uses_itself_work(load: Load, tmp_path: Path) -> None:
    (tmp_path / "shadowing.py").write_text(shadowing())
    module = load(tmp_path / "shadowing.py")
    params = dict.fromkeys(SHADOWING, "a")
    for action_id, method in read_module(shadowing()).actions.items():
        by_name = {each.python_name: "a" for each in method.parameters.values()}
        call = getattr(module.Call_.calls, method.python_name)("b", **by_name)
        assert (call.action_id, call.params) == (action_id, params)
    assert module.ListData().str_.str_ == []


def test_importing_a_module_defines_no_struct(hubspot: Any) -> None:
    assert "GetContactData" not in vars(hubspot)
    assert hubspot.GetContactData.__module__ == hubspot.__name__
    assert hubspot.GetContactData is hubspot.GetContactData
    assert hubspot.Hubspot is vars(hubspot)["Hubspot"]
    assert pickle.loads(pickle.dumps(hubspot.GetContactData())) == hubspot.GetContactData()
    with pytest.raises(AttributeError, match="has no attribute 'Contact'"):
        _ = hubspot.Contact
    with pytest.raises(AttributeError, match="__path__"):
        _ = hubspot.__path__
