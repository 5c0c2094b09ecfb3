"""Docstrings: every public method names its endpoint, its parameters and its errors."""

import inspect
import re

import pytest

from refold_async.api.operations import OPERATIONS
from refold_async.api.resource import Lazy

from .recorder import shape
from .surface import SCOPES, Method, methods, resources

METHODS = [pytest.param(each, id=f"{each.scope}:{each.key}") for each in methods()]
PLACES = {f"{each.method} {shape(each.path)}" for each in OPERATIONS}


@pytest.mark.parametrize("method", METHODS)
def test_a_docstring_names_the_endpoint_of_each_sample(method: Method) -> None:
    told = {
        shape(place) for place in re.findall(r"`([A-Z]+ /api/\S+)`", inspect.getdoc(method.function) or "")
    }
    assert told
    assert told <= PLACES
    for sample in method.samples.values():
        called = f"{sample.method} {sample.path}"
        assert any(re.fullmatch(place.replace("{}", "[^/]+"), called) for place in told), called


@pytest.mark.parametrize("method", METHODS)
def test_a_docstring_describes_each_parameter_and_errors(method: Method) -> None:
    doc = inspect.getdoc(method.function) or ""
    arguments, _, raised = doc.partition("\nArgs:\n")[2].partition("\nRaises:\n")
    told = re.findall(r"^    (\w+): \S", arguments.partition("\nReturns:")[0], re.MULTILINE)
    parameters = list(inspect.signature(method.function).parameters)[1:]
    assert told == parameters
    assert "RefoldError: If " in raised


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_describes_each_resource(scope: str) -> None:
    told = set()
    for kind in SCOPES[scope].__mro__:
        told |= set(re.findall(r"^    (\w+): \S", inspect.getdoc(kind) or "", re.MULTILINE))
    assert set(resources(scope)) <= told


@pytest.mark.parametrize("scope", SCOPES)
def test_the_declared_type_of_a_resource_is_loaded(scope: str) -> None:
    for name in resources(scope):
        attribute = inspect.getattr_static(SCOPES[scope], name, None)
        if isinstance(attribute, Lazy):
            (declared,) = attribute.__orig_class__.__args__  # type: ignore[attr-defined]
            assert declared.__forward_arg__ == attribute.name
