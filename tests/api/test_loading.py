"""What an import costs: of the resources nothing, until one is used."""

import subprocess
import sys

import pytest

import refold_async

QUIET = """
import sys
import refold_async
refold = refold_async.Refold("tk_x")
account = refold.account("a")
own = ("refold_async.api.resource", "refold_async.api.scopes")
held = [name for name in sys.modules if name.startswith(("refold_async.api.", "refold_async.batch"))]
print(sorted({*held} - {*own}))
account.workflows
print("refold_async.api.workflows" in sys.modules, "refold_async.api.tables" in sys.modules)
"""


def test_no_resource_is_loaded_before_it_is_used() -> None:
    told = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["[]", "True False"]


def test_a_resource_is_made_once() -> None:
    account = refold_async.Refold("tk_x").account("a")
    assert account.workflows is account.workflows
    assert account.workflows is not refold_async.Refold("tk_x").account("b").workflows


@pytest.mark.parametrize("name", refold_async.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(refold_async, name) is not None
    assert name in dir(refold_async)


def test_an_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = refold_async.Nothing  # type: ignore[attr-defined]
