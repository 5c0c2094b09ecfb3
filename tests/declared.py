"""All operations of the API, gathered from the resources that declare them."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from refold_async import api
from refold_async._core.operation import Operation


@cache
def operations() -> tuple[Operation[Any], ...]:
    """Give all operations, by path and method. It imports every resource."""
    modules = [import_module(f"{api.__name__}.{each.name}") for each in iter_modules(api.__path__)]
    found = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Operation)
    }
    return tuple(sorted(found.values(), key=lambda operation: (operation.path, operation.method)))
