"""Uses that people try first and that cannot work: each is answered with the way that does."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from refold_async import Refold
from refold_async.results import restored
from refold_async.sandbox import Sandbox

REFOLD: Any = Refold("tk_1", base_url="http://127.0.0.1:9")
RESULT: Any = restored("Success", 200, b'{"id": 1}')


def entered(thing: Any) -> None:
    with thing:
        pass


async def awaited(thing: Any) -> None:
    await thing


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: RESULT["id"], r"use result\.data\['id'\]"),
        (lambda: RESULT[0], r"use result\.data\[0\]"),
        (lambda: list(RESULT), r"use result\.data"),
        (lambda: dict(RESULT), r"use result\.data"),
        (lambda: entered(REFOLD), "Refold is asynchronous; use `async with`"),
        (lambda: entered(REFOLD.account("a")), "KeyAccount is asynchronous; use `async with`"),
        (lambda: entered(REFOLD.batch([])), r"use `async with refold\.batch\(\.\.\.\) as outcomes`"),
        (lambda: awaited(REFOLD.batch([])).send(None), r"or `await refold\.run\(\.\.\.\)`"),
    ],
)
def test_misuse_is_answered_with_the_right_use(use: Callable[[], object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        use()


async def used(sandbox: Sandbox) -> Refold:
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    await refold.account("demo-user-1").actions.list("hubspot")
    return refold


async def test_a_client_that_is_dropped_unclosed_is_warned_of(sandbox: Sandbox) -> None:
    refold = await used(sandbox)
    with pytest.warns(
        ResourceWarning, match=r"was not closed; use `async with`, or `await client\.aclose\(\)`"
    ):
        del refold
    with warnings.catch_warnings():
        # aiohttp's connector warns too if it keeps connections, which only the public transport lets it do.
        warnings.filterwarnings("ignore", "Unclosed connector", ResourceWarning)
        gc.collect()


async def test_a_client_that_is_closed_or_unused_is_not_warned_of(sandbox: Sandbox) -> None:
    refold = await used(sandbox)
    await refold.aclose()
    unused = Refold("tk_1", base_url=sandbox.base_url)
    del refold, unused
    gc.collect()
