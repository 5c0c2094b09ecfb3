"""A batch that settles: the verdict of each unknown write, on the sandbox."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from refold_async import (
    Absent,
    ActionFailed,
    ActionResult,
    BatchReport,
    Call,
    Done,
    Failed,
    Journal,
    Lookup,
    RateLimit,
    Refold,
    SettingsError,
    Settle,
    Unresolved,
)
from refold_async.sandbox import Fault, Sandbox

from .looking import SEARCH, WRITE, by_email, write

SOON = (0.02, 0.05)


def emails(number: int) -> list[Call]:
    return [
        write(f"p{place}@example.com", f"demo-user-{place % 7 + 1}", f"p{place}") for place in range(number)
    ]


async def run(
    refold: Refold, calls: Sequence[Call], settle: Settle | None = None, **options: Any
) -> BatchReport:
    return await refold.run(calls, settle=settle or Settle(by_email, after=SOON), concurrency=10, **options)


@pytest.mark.parametrize(
    ("fault", "verdict", "ran"),
    [
        (Fault(drop="after", effect="write", times=1), "found", 1),
        (Fault(status=503, when="after", effect="write", times=1), "found", 1),
        (Fault(drop="before", late=0.001, effect="write", times=1), "found", 1),
        (Fault(drop="before", effect="write", times=1), Absent(), 0),
        (Fault(status=503, effect="write", times=1), Absent(), 0),
        (Fault(drop="after", twice=True, effect="write", times=1), Unresolved("2 records match"), 2),
    ],
)
async def test_a_verdict(refold: Refold, sandbox: Sandbox, fault: Fault, verdict: object, ran: int) -> None:
    sandbox.faults.add(fault)
    report = await run(refold, emails(1))
    (outcome,), summary = report.outcomes, report.summary
    assert len(sandbox.ledger.writes()) == ran
    if verdict == "found":
        assert isinstance(outcome, Done)
        assert outcome.settled
        assert outcome.result.data["properties"]["email"] == "p0@example.com"
    else:
        assert isinstance(outcome, Failed)
        assert (outcome.error.fate, outcome.verdict) == ("unknown", verdict)
        assert outcome.error.call == outcome.call
    counted = (summary.done, summary.settled, summary.failed, summary.absent, summary.unresolved)
    found, absent = verdict == "found", verdict == Absent()
    assert counted == (found, found, not found, absent, not found and not absent)
    assert "unknown writes looked up" in str(summary)
    assert outcome.attempts == 1


async def test_an_absent_call_runs_again(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="before", effect="write", times=2))
    report = await run(refold, emails(1), Settle(by_email, after=(0.01,), absent="run"))
    (outcome,) = report.outcomes
    assert isinstance(outcome, Done)
    assert (outcome.settled, outcome.attempts) == (False, 3)
    assert (len(sandbox.ledger.writes()), len(sandbox.ledger.reads())) == (1, 2)


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_a_call_runs_max_runs_times_at_most(refold: Refold, sandbox: Sandbox, most: int) -> None:
    lost = Fault(drop="before", effect="write")
    sandbox.faults.add(lost)
    report = await run(refold, emails(1), Settle(by_email, after=(0.01,), absent="run", max_runs=most))
    assert isinstance(failed := report.outcomes[0], Failed)
    assert (failed.verdict, failed.attempts, sandbox.faults.fired(lost)) == (Absent(), most, most)


async def test_only_unknown_writes_are_looked_up(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=400, action_id=WRITE, times=1))
    reads = [Call("demo-user-1", "hubspot", "get_contact_by_id", {"contact_id": "51"})]
    sandbox.faults.add(Fault(drop="after", action_id="get_contact_by_id"))
    report = await run(refold, [*emails(2), *reads])
    assert [type(outcome) for outcome in report.outcomes] == [Failed, Done, Failed]
    assert all(outcome.verdict is None for outcome in report.outcomes if isinstance(outcome, Failed))
    assert sandbox.ledger.count(action_id=SEARCH) == 0


async def test_a_call_without_a_look_up_stays_unknown(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write"))
    report = await run(refold, emails(1), Settle(lambda _: None, after=(3600,)))
    assert isinstance(failed := report.outcomes[0], Failed)
    assert (failed.error.fate, failed.verdict) == ("unknown", None)


async def test_an_action_that_writes_is_not_sent_as_a_look_up(refold: Refold, sandbox: Sandbox) -> None:
    lost = Fault(drop="after", effect="write")
    sandbox.faults.add(lost)
    settle = Settle(lambda call: Lookup(WRITE, call.params, found=list), after=(3600,))
    report = await run(refold, emails(1), settle)
    assert isinstance(failed := report.outcomes[0], Failed)
    assert isinstance(failed.verdict, Unresolved)
    assert "writes" in failed.verdict.reason
    assert sandbox.faults.fired(lost) == 1


class Raising:
    """A look-up function that raises at first."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, call: Call) -> Lookup:
        self.left -= 1
        if self.left >= 0:
            raise ValueError("not yet")
        return by_email(call)


@pytest.mark.parametrize(
    ("times", "verdict"), [(2, "found"), (3, "the look-up function raised ValueError: not yet")]
)
async def test_a_function_that_raises_is_called_again_at_the_next_wait(
    refold: Refold, sandbox: Sandbox, times: int, verdict: str
) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    report = await run(refold, emails(1), Settle(Raising(times), after=SOON))
    outcome = report.outcomes[0]
    assert verdict == "found" if isinstance(outcome, Done) else outcome.verdict == Unresolved(verdict)  # type: ignore[union-attr]


@pytest.mark.parametrize(("times", "found"), [(1, True), (2, False)])
async def test_a_look_up_that_fails_is_tried_at_the_next_wait(
    refold: Refold, sandbox: Sandbox, times: int, *, found: bool
) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    sandbox.faults.add(Fault(status=404, action_id=SEARCH, times=times))
    outcome = (await run(refold, emails(1))).outcomes[0]
    if found:
        assert isinstance(outcome, Done)
    else:
        assert isinstance(outcome, Failed)
        assert outcome.verdict == Unresolved("the look-up failed: NotFoundError 404: Injected 404")


async def test_a_look_up_cannot_be_sent(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    settle = Settle(lambda _: Lookup(SEARCH, {"value": object()}, found=list), after=SOON)
    outcome = (await run(refold, emails(1), settle)).outcomes[0]
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.verdict, Unresolved)
    assert outcome.verdict.reason.startswith("the look-up failed: InvalidCallError")


async def test_a_throttled_look_up_waits(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    throttled = Fault(status=429, headers={"Retry-After": "0"}, action_id=SEARCH, times=5)
    sandbox.faults.add(throttled)
    outcome = (await run(refold, emails(1), Settle(by_email, after=(0.01,)))).outcomes[0]
    assert isinstance(outcome, Done)
    assert sandbox.faults.fired(throttled) == 5


async def test_a_call_that_waits_holds_no_permit(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    calls = [write(f"p{place}@example.com") for place in range(20)]
    settle = Settle(by_email, after=(0.2,))
    async with refold.batch(calls, settle=settle, concurrency=1, per_account=1) as batch:
        order = [outcome.index async for outcome in batch]
    assert order[-1] == 0
    assert batch.summary.settled == 1
    assert batch.progress.settled == 1


async def test_look_ups_keep_to_the_rate_of_an_account(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write"))
    calls = [write(f"p{place}@example.com") for place in range(3)]
    report = await run(refold, calls, Settle(by_email, after=(0.0,)), per_account=RateLimit(20, burst=1))
    assert report.summary.settled == 3
    # Six starts, 50 ms apart: time is asserted from below only.
    runs = sandbox.ledger.runs
    assert runs[-1].at - runs[0].at >= 0.2


async def test_a_search_that_lags_finds_at_a_later_wait() -> None:
    async with Sandbox(search_lag=0.3, faults=[Fault(drop="after", effect="write")]) as sandbox:
        async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
            report = await run(refold, emails(3), Settle(by_email, after=(0.0, 0.6), absent="run"))
        assert report.summary.settled == 3
        assert 3 <= len(sandbox.ledger.reads()) <= 6


async def test_a_batch_that_stops_does_not_wait_for_look_ups(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    async with refold.batch(emails(1), settle=Settle(by_email, after=(3600,))) as batch:
        while not sandbox.ledger.writes():  # noqa: ASYNC110 - the sandbox has no event to give
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        batch.stop()
        (outcome,) = [outcome async for outcome in batch]
    assert isinstance(outcome, Failed)
    assert (outcome.error.fate, outcome.verdict) == ("unknown", None)
    assert "not settled: the batch stopped (stopped)" in outcome.error.__notes__


async def test_leaving_early_leaves_nothing_behind(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write"))
    async with refold.batch(emails(20), settle=Settle(by_email, after=(3600,))) as batch:
        while len(sandbox.ledger.writes()) < 10:  # noqa: ASYNC110 - the sandbox has no event to give
            await asyncio.sleep(0.001)
    assert batch.summary.done == 0


async def test_many_writes_end_as_the_ledger_says(refold: Refold, sandbox: Sandbox) -> None:
    for fault in (
        Fault(drop="before", effect="write", probability=0.1),
        Fault(drop="after", effect="write", probability=0.1),
        Fault(status=503, when="after", effect="write", probability=0.1),
        Fault(drop="before", late=0.1, effect="write", probability=0.1),
    ):
        sandbox.faults.add(fault)
    report = await run(refold, emails(300), Settle(by_email, after=(0.5,), absent="run", max_runs=9))
    assert [type(outcome) for outcome in report.outcomes] == [Done] * 300
    assert not sandbox.ledger.duplicates()
    assert len(sandbox.ledger.writes()) == 300
    assert report.summary.settled > 30


@pytest.mark.parametrize(
    ("settle", "journal", "said"),
    [
        (Settle(by_email), Journal("j", retry_unknown=True), "retry_unknown"),
        (by_email, None, "settle must be"),
    ],
)
def test_settings_that_contradict(settle: Any, journal: Journal | None, said: str) -> None:
    refold = Refold("tk_test", base_url="http://127.0.0.1:9")
    with pytest.raises(SettingsError, match=said):
        refold.batch([], settle=settle, journal=journal)


def has_errors(result: ActionResult) -> str | None:
    errors = result.data.get("errors") if result.http_status == 207 else None
    return f"{len(errors)} of its records failed" if errors else None


PARTIAL = Fault(
    node_status="Success",
    http_status=207,
    data={"results": [{}], "errors": [{"category": "VALIDATION_ERROR"}]},
    when="after",
    times=1,
)


async def test_a_partial_success_is_counted(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(PARTIAL)
    report = await refold.run(emails(2))
    assert (report.summary.done, report.summary.partial) == (2, 1)
    assert "answered 207" in str(report.summary)


async def test_a_result_check_fails_a_partial_success(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(PARTIAL)
    report = await refold.run(emails(2), result_check=has_errors, concurrency=1)
    failed, done = report.outcomes
    assert isinstance(failed, Failed)
    assert isinstance(done, Done)
    assert isinstance(failed.error, ActionFailed)
    assert (failed.error.fate, failed.error.message) == ("unknown", "1 of its records failed")
    assert failed.error.result.http_status == 207
    assert (failed.error.action_id, failed.error.attempts, failed.error.effect) == (WRITE, 1, "write")


def raising(_: ActionResult) -> str | None:
    raise ValueError("odd")


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (raising, "result_check raised ValueError: odd"),
        (lambda _: True, "result_check returned bool, not a reason or None"),
    ],
)
async def test_a_failing_result_check_fails_the_call(refold: Refold, check: Any, reason: str) -> None:
    report = await refold.run(emails(1), result_check=check)
    assert isinstance(failed := report.outcomes[0], Failed)
    assert failed.error.message == reason


async def test_a_result_that_fails_its_check_is_looked_up_too(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(PARTIAL)
    report = await run(refold, emails(1), result_check=has_errors)
    assert isinstance(done := report.outcomes[0], Done)
    assert done.settled


async def later(_: ActionResult) -> str | None:
    return None


@pytest.mark.parametrize("check", [later, "207"])
def test_a_result_check_is_a_plain_function(check: Any) -> None:
    refold = Refold("tk_test", base_url="http://127.0.0.1:9")
    with pytest.raises(SettingsError, match="result_check must be"):
        refold.batch([], result_check=check)
