"""What a generated module costs: its import, its memory, and each call through it.

python -m tests.heavy.codegen
"""

import asyncio
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from refold_async import Action, ActionParameter, ActionResult, ActionSchema
from refold_async.codegen.fetching import merge
from refold_async.codegen.model import AppModel, Shape
from refold_async.codegen.rendering import render

from .reporter import emit

ACTIONS = 200
ROUNDS = 9
CALLS = 20_000
MOST_SHARE, MOST_BYTES, MOST_MICROSECONDS = 0.25, 5_000_000, 3.0

PAGE = {
    "paging": {"next": {"after": "1", "link": "?after=1"}},
    "results": [{"id": "1", "createdAt": "", "archived": False, "properties": {f"field_{n}": "" for n in range(10)}}],
}  # fmt: skip
IMPORT = """
import time, tracemalloc
start = time.perf_counter(); import refold_async.client; client = time.perf_counter() - start
from refold_async import Account, ActionResult, Call, TypedResult
import refold_async.typed
start = time.perf_counter(); import big; module = time.perf_counter() - start
start = time.perf_counter(); big.GetThing0Data; structs = time.perf_counter() - start
print(client, module, structs)
"""
MEMORY = """
import tracemalloc
from refold_async import Account, ActionResult, Call, TypedResult
import refold_async.typed
tracemalloc.start(); import big; print(tracemalloc.get_traced_memory()[0])
"""


def module() -> str:
    """Return a module of many actions, each with four parameters and five structs."""
    schema = ActionSchema(
        [
            ActionParameter(name=f"parameter_{n}", label=f"Enter {n}", required=n == 0, type="text")
            for n in range(4)
        ]
    )
    ids = [f"get_thing_{n}" for n in range(ACTIONS)]
    shapes = {each: Shape() for each in ids}
    for shape in shapes.values():
        shape.add(PAGE)
    actions = tuple(merge(each, [(Action(action_id=each, name=each), schema)], {}) for each in ids)
    return render(AppModel(slug="big", actions=actions, shapes=shapes, names={}))


def ran(code: str, folder: str) -> list[float]:
    """Run code in a process of its own, and return the numbers that it prints."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/cache", "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


class Instant:
    """An account whose actions end at once."""

    def __init__(self) -> None:
        self.actions = self
        self._result = ActionResult("Success", 200, msgspec.Raw(b"{}"))

    async def execute(self, *_: object, **__: object) -> ActionResult:
        return self._result


async def microseconds(call: Callable[[], Awaitable[Any]]) -> float:
    """Return what one call takes: the median of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            await call()
        rounds.append((time.perf_counter() - start) / CALLS * 1e6)
    return statistics.median(rounds)


async def overhead(folder: str) -> float:
    """Return how much longer a call through a module takes than `execute`."""
    sys.path.insert(0, folder)
    big = importlib.import_module("big")

    account: Any = Instant()
    app = big.Big(account)
    params = {"parameter_0": "1", "parameter_1": "2"}
    plain = await microseconds(
        lambda: account.actions.execute("big", "get_thing_0", params, effect="read", timeout=None)
    )
    return await microseconds(lambda: app.get_thing_0(parameter_0="1", parameter_1="2")) - plain


def main() -> int:
    """Measure, print the figures, and return 1 if one is over its bound."""
    with tempfile.TemporaryDirectory() as folder:
        text = module()
        (Path(folder) / "big.py").write_text(text)
        ran(IMPORT, folder)  # compiles it, and the package
        pairs = [ran(IMPORT, folder) for _ in range(ROUNDS)]
        share = statistics.median(pair[1] / pair[0] for pair in pairs)
        held = ran(MEMORY, folder)[0]
        added = asyncio.run(overhead(folder))
    emit(f"{ACTIONS} actions, {text.count('(msgspec.Struct')} structs, {text.count(chr(10)):,} lines")
    imported, defined = (statistics.median(pair[n] for pair in pairs) * 1000 for n in (1, 2))
    emit(f"structs: {defined:.1f} ms, when the first of them is used")
    emit(f"import: {imported:.1f} ms, {share:.2f} x that of refold_async.client (at most {MOST_SHARE})")
    emit(f"memory: {held / 1e6:.1f} MB (at most {MOST_BYTES / 1e6:.0f})")
    emit(f"a call: {added:.2f} us over execute (at most {MOST_MICROSECONDS:.0f})")
    return int(share > MOST_SHARE or held > MOST_BYTES or added > MOST_MICROSECONDS)


if __name__ == "__main__":
    sys.exit(main())
