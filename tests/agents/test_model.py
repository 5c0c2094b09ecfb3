"""No write twice, nothing outside the allow-list: short versions of `python -m tests.heavy.tools`."""

from refold_async import KeyAccount
from refold_async.sandbox import Sandbox

from .model_runs import MATRIX, run_fuzz, run_matrix

LATE = tuple(name for name in MATRIX if name.startswith("late"))
LATE_HERE = ("late drop", "late errored", "late 503")
SLOW = tuple(name for name in MATRIX if ("hang" in name or "stall" in name) and name not in LATE)


async def test_a_model_that_repeats_every_error_doubles_no_write(
    sandbox: Sandbox, account: KeyAccount
) -> None:
    made = await run_matrix(sandbox, account, 8, tuple(name for name in MATRIX if name not in SLOW + LATE))
    assert made["doubled"] == 0
    assert made["written"] > 50


async def test_a_model_doubles_no_write_without_an_answer(sandbox: Sandbox, account: KeyAccount) -> None:
    made = await run_matrix(sandbox, account, 1, SLOW)
    assert (made["doubled"], made["written"] > 0) == (0, True)


async def test_a_model_doubles_no_late_write(sandbox: Sandbox, account: KeyAccount) -> None:
    made = await run_matrix(sandbox, account, 1, LATE_HERE)
    assert made["doubled"] == 0
    assert made["written"] >= 3 * len(LATE_HERE)


async def test_made_up_arguments_reach_nothing_that_is_not_allowed(
    sandbox: Sandbox, account: KeyAccount
) -> None:
    made = await run_fuzz(sandbox, account, 600)
    assert (made["outside"], made["crossed"]) == (0, 0)
    assert made["ran"] > 50
