"""Runs the programs of a document: each page is one, from its first block to its last."""

import ast
import asyncio
import inspect
import sys
from collections.abc import Coroutine
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar

from refold_async import Refold
from refold_async.sandbox import Sandbox

from .pages import Block, name_of

T = TypeVar("T")


class Program:
    """One page's names, and the event loop that its blocks share.

    `refold` and `account` are defined from the start, as the first page says. A block may await at its
    top level, as in `python -m asyncio`; one that has an event loop of its own runs outside.
    """

    def __init__(self, sandbox: Sandbox, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
        self._module = ModuleType("documented")
        self._module.__dict__.update(refold=self._refold, account=self._refold.account("demo-user-1"))
        sys.modules[self._module.__name__] = self._module

    @property
    def names(self) -> dict[str, Any]:
        """What the blocks have defined so far."""
        return self._module.__dict__

    def run(self, block: Block) -> None:
        """Run a block; what it raises names the document and the line."""
        code: CodeType = compile(
            "\n" * (block.line - 1) + block.code,
            name_of(block.page),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            dont_inherit=True,
        )
        body = FunctionType(code, self.names)
        if code.co_flags & inspect.CO_COROUTINE:
            self._runner.run(body())
        else:
            body()

    def answer(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the page's event loop."""
        return self._runner.run(coroutine)

    def close(self) -> None:
        """Close the client."""
        self._runner.run(self._refold.aclose())
        del sys.modules[self._module.__name__]
