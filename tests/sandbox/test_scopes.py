"""Who may call each operation, compared with the specification."""

import re

import pytest

from refold_async.api.operations import OPERATIONS, WORKFLOWS_EXECUTE_AND_WAIT
from refold_async.sandbox.api import ROUTES
from refold_async.sandbox.routing import Route
from tests.reference import needs_reference

from .reference import specification

KEY, TOKEN = "Org API Key", "Linked Account Token"
CALLERS = {
    "organisation": {KEY},
    "account_key": {KEY},
    "account": {KEY, TOKEN},
    "either": {KEY, TOKEN},
    "token": {TOKEN},
    "public": set[str](),
}
TOKEN_TOO = ("actions.", "applications.")
"""Operations that the older reference also allows with a token."""


@needs_reference
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_the_scope_is_the_specified_one(route: Route) -> None:
    described = specification()["paths"].get(route.path, {}).get(route.method.lower())
    if described is None:  # the table may be ahead of the specification at hand
        return
    security = described["security"]
    specified = {name for choice in security for name in choice}
    extra = {TOKEN} if route.operation.startswith(TOKEN_TOO) else set[str]()
    assert CALLERS[route.scope] == specified | extra


def test_every_operation_is_served_once() -> None:
    """Under the client's name, so that a fault for one operation, an error and a log line all use the same."""
    served = sorted((route.operation, route.method, unnamed(route.path)) for route in ROUTES)
    assert served == sorted(
        (each.name, each.method, unnamed(each.path))
        for each in OPERATIONS
        if each is not WORKFLOWS_EXECUTE_AND_WAIT  # served as `workflows.execute`, with a header
    )


def unnamed(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)
