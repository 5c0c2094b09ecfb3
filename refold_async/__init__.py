"""The asyncio-first Python SDK for Refold.

```python
from refold_async import Refold

async with Refold() as refold:  # REFOLD_API_KEY, REFOLD_BASE_URL
    account = refold.account("demo-user-1")
    result = await account.actions.execute("hubspot", "get_contact", {"limit": "1"})
    print(result.data)
```
"""

from functools import cache

__version__ = "0.1.0"


@cache
def _modules() -> dict[str, str]:
    """Return the module of each public name, as `__init__.pyi` lists them."""
    import ast  # noqa: PLC0415 - needed on first use only

    # By the loader, not `open`: the package may be in a zip file.
    stub = ast.parse(__loader__.get_data(f"{__path__[0]}/__init__.pyi"))
    imports = (node for node in stub.body if isinstance(node, ast.ImportFrom))
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that importing the package costs next to nothing."""
    value: object
    if name == "__all__":
        value = sorted(_modules())
    elif name in _modules():
        from importlib import import_module  # noqa: PLC0415 - needed on first use only

        value = getattr(import_module(_modules()[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_modules()})
