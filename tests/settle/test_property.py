"""Any mixture of lost, late and doubled writes and of look-ups, in virtual time: what a verdict is worth."""

import asyncio
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import (
    Absent,
    ActionResult,
    Call,
    Done,
    Failed,
    Lookup,
    Outcome,
    ServerError,
    Settle,
    Unresolved,
)
from refold_async.batch.scheduler import QueuedCall
from tests.batch.stubs import RESULT, make_batch, throttled_by_app
from tests.batch.virtual_time import VirtualLoop

from .virtual_app import LAG, LATENESS, LOOKS, SEARCH, WRITE, WRITES, Script, VirtualApp

scripts = st.builds(
    Script,
    writes=st.lists(st.sampled_from(WRITES), max_size=4),
    looks=st.lists(st.sampled_from(LOOKS), max_size=4),
)

LONG = (LATENESS + LAG + 1, LATENESS + LAG + 10)
SHORT = (0.5, 2.0)


def settled(
    app: VirtualApp, after: tuple[float, ...], absent: Literal["report", "run"], concurrency: int
) -> list[Outcome]:
    loop = VirtualLoop()

    async def run() -> list[Outcome]:
        settle = Settle(app.lookup, after=after, absent=absent)
        inputs = map(app.call, range(len(app.scripts)))
        async with make_batch(
            inputs, app.attempt, settle=settle, concurrency=concurrency, per_account=2
        ) as batch:
            outcomes = [outcome async for outcome in batch]
        assert app.under_way == 0
        return sorted(outcomes, key=lambda outcome: outcome.index)

    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def rerun_most(app: VirtualApp, place: int) -> int:
    """Return how often a script makes its write run twice by itself."""
    return app.scripts[place].writes.count("twice")


@settings(max_examples=50)
@given(st.lists(scripts, max_size=12), st.sampled_from(["report", "run"]), st.sampled_from([1, 3]))
def test_waits_past_the_lateness_and_the_lag(
    planned: list[Script], absent: Literal["report", "run"], concurrency: int
) -> None:
    app = VirtualApp(planned)
    outcomes = settled(app, LONG, absent, concurrency)
    assert [outcome.index for outcome in outcomes] == list(range(len(planned)))
    for place, outcome in enumerate(outcomes):
        ran = app.records[place]
        # Nothing is doubled that the app does not double itself.
        assert ran <= 1 + rerun_most(app, place)
        match outcome:
            case Done():
                assert ran >= 1
            case Failed(verdict=Absent()):
                assert ran == 0
            case Failed(verdict=Unresolved(reason)):
                assert ran == 2 if reason == "2 records match" else reason.startswith(("more", "the look-up"))
            case Failed():
                assert outcome.error.fate == "rejected"
                assert ran == 0
            case _:
                raise AssertionError(outcome)


@settings(max_examples=40)
@given(st.lists(scripts, max_size=12))
def test_waits_that_are_too_short_double_nothing_if_absent_is_reported(planned: list[Script]) -> None:
    app = VirtualApp(planned)
    for place, outcome in enumerate(settled(app, SHORT, "report", 3)):
        writes = app.scripts[place].writes
        sent = writes[: app.sent[place]]
        assert len([what for what in sent if what != "again"]) <= 1, "a lost write ran again"
        if isinstance(outcome, Done):
            assert app.records[place] >= 1
        looks = app.scripts[place].looks[: app.looked[place]].count("again")
        assert app.looked[place] <= len(SHORT) + looks


def test_a_search_that_lags_makes_absent_wrong_and_reported() -> None:
    app = VirtualApp([Script(["after"], [])])
    (outcome,) = settled(app, (0.0,), "report", 1)
    assert isinstance(outcome, Failed)  # the search lags: a judgement, and reported as one
    assert outcome.verdict == Absent()


@pytest.mark.parametrize("of_the_look_up", [False, True])
def test_an_app_that_throttles_pauses_its_account(*, of_the_look_up: bool) -> None:
    loop, starts = VirtualLoop(), list[float]()

    async def attempt(queued: QueuedCall) -> ActionResult:
        queued.attempts += 1
        if queued.call.action_id == SEARCH:
            if of_the_look_up:
                raise throttled_by_app("unknown")
            return RESULT
        starts.append(loop.time())
        if queued.index == 0:
            raise ServerError("lost", fate="unknown") if of_the_look_up else throttled_by_app("unknown")
        await asyncio.sleep(0.5)
        return RESULT

    async def run() -> None:
        settle = Settle(
            lambda _: Lookup(SEARCH, found=lambda _: [{}]), after=(0.1 if of_the_look_up else 30,)
        )
        inputs = [Call("a", "hubspot", WRITE) for _ in range(4)]
        async with make_batch(inputs, attempt, settle=settle, concurrency=1) as batch:
            assert len([outcome async for outcome in batch]) == 4

    loop.run_until_complete(run())
    loop.close()
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert max(gaps) >= 1.0
