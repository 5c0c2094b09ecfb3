"""The API reference's signatures, derived without running the code, match the code."""

import inspect
from pathlib import Path

import griffe
import pytest

import refold_async

from .signatures import Signatures

PACKAGE = Path(refold_async.__file__).parent
STRUCTS = ["Cache", "Call", "File", "Journal", "PerAccount", "RateLimit", "Retry"]


@pytest.fixture(scope="module")
def package() -> griffe.Module:
    extensions = griffe.load_extensions(Signatures())
    loaded = griffe.load("refold_async", search_paths=[PACKAGE.parent], extensions=extensions)
    assert isinstance(loaded, griffe.Module)
    return loaded


@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_shows_what_it_takes(name: str, package: griffe.Module) -> None:
    shown = package[name].parameters
    taken = inspect.signature(getattr(refold_async, name)).parameters
    assert [each.name for each in shown][1:] == list(taken)
    for parameter in taken.values():
        assert shown[parameter.name].kind.value == parameter.kind.description
        assert (shown[parameter.name].default is None) == (parameter.default is parameter.empty)


def test_a_scope_shows_its_resources_by_their_classes(package: griffe.Module) -> None:
    actions = package["client.Account.actions"]
    assert actions.annotation.canonical_path == "refold_async.api.actions.Actions"


def test_classes_that_users_do_not_construct_hide_their_constructor(package: griffe.Module) -> None:
    assert "__init__" in package["client.Refold"].members
    assert "__init__" not in package["api.actions.Actions"].members
