"""Any mixture of lost, late and doubled writes and of look-ups, in virtual time: what a verdict is worth."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import Absent, Done, Failed, Outcome, Settle, Unresolved
from tests.batch.stubs import make_batch
from tests.batch.virtual_time import VirtualLoop

from .virtual_app import LAG, LATENESS, LOOKS, WRITES, Script, VirtualApp

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
