"""What each operation of the table is read into, found at the calls of the resources."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getsource
from pkgutil import iter_modules
from typing import Any

from refold_async import api
from refold_async._core.operation import Operation
from refold_async.api import action_schema
from refold_async.api.operations import OPERATIONS


@cache
def answers() -> dict[Operation, Any]:
    """Return the type of each operation's answer. It imports every resource."""
    by_constant = {each.name.replace(".", "_").upper(): each for each in OPERATIONS}
    found: dict[Operation, Any] = {}
    imported_late = vars(action_schema)  # within the methods that need it
    for module in [import_module(f"{api.__name__}.{each.name}") for each in iter_modules(api.__path__)]:
        for node in ast.walk(ast.parse(getsource(module))):
            for constant, answer in _pairs(node):
                found[by_constant[constant]] = eval(ast.unparse(answer), {**imported_late, **vars(module)})
    return found


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the operations that a request is made of, each with the type that follows it."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {
        "call",
        "prepare",
        "prepare_json",
        "paginate",
    }:
        for chosen, answer in zip(node.args, node.args[1:], strict=False):
            for each in ast.walk(chosen):
                if isinstance(each, ast.Attribute) and ast.unparse(each.value) == "operations":
                    yield each.attr, answer
