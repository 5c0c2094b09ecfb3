"""Uses that people try first and that cannot work: each is answered with the way that does."""

from collections.abc import Callable
from typing import Any

import pytest

from refold_async import Refold
from refold_async.results import restored

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
def test_it_is_answered_with_what_works(use: Callable[[], object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        use()
