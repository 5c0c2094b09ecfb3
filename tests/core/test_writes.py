"""Never a write twice, and never one called not sent that ran: held against the sandbox's ledger."""

import asyncio
from typing import Any

import pytest

from refold_async import (
    ActionFailed,
    Call,
    ConnectionFailedError,
    DeadlineExceededError,
    Failed,
    InvalidCallError,
    RateLimitedError,
    Refold,
    RefoldError,
    Retry,
    ServerError,
    deadline,
)
from refold_async.errors import Fate
from refold_async.sandbox import Fault, Sandbox

from . import ledger_run

NOTE = ("playground", "create_note", {"title": "t"})


async def test_writes_under_faults_agree_with_the_ledger(transport: str) -> None:
    report = await ledger_run.run(400, seed=7)
    assert len(report.reported) == 400
    assert (report.twice, report.denied, report.imagined) == ([], [], [])
    fates = set(report.reported.values())
    # Four 429s in a row reject a call.
    assert {"done", "unknown"} <= fates <= {"done", "unknown", "rejected"}, report
    assert report.requests > 400, "no 429 led to another try"


ONE_TRY: list[tuple[Fault, type[RefoldError], Fate, int]] = [
    (Fault(drop="before"), ConnectionFailedError, "unknown", 0),
    (Fault(drop="during"), ConnectionFailedError, "unknown", 1),
    (Fault(drop="after"), ConnectionFailedError, "unknown", 1),
    (Fault(status=500), ServerError, "unknown", 0),
    (Fault(status=503, when="after"), ServerError, "unknown", 1),
    (Fault(status=429, code="EXTERNAL_API_ERROR"), RateLimitedError, "unknown", 0),
    (Fault(node_status="Errored", http_status=503), ActionFailed, "unknown", 0),
    (Fault(node_status="Errored", http_status=422), ActionFailed, "rejected", 0),
    (Fault(hang=True, when="after"), DeadlineExceededError, "unknown", 1),
]


@pytest.mark.parametrize(("fault", "error", "fate", "ran"), ONE_TRY, ids=lambda case: repr(case)[:60])
async def test_a_write_that_may_have_run_is_sent_once(
    sandbox: Sandbox, fault: Fault, error: type[RefoldError], fate: Fate, ran: int
) -> None:
    sandbox.faults.add(fault)
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, timeout=0.5 if fault.hang else 5) as refold:
        with pytest.raises(error) as caught:
            await refold.account("demo-user-1").actions.execute(*NOTE)
    assert type(caught.value) is error
    assert (caught.value.fate, caught.value.attempts, len(sandbox.requests)) == (fate, 1, 1)
    assert len(sandbox.ledger.writes()) == ran


async def test_a_write_is_retried_after_refolds_own_429(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=429, times=2))
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as refold:
        await refold.account("demo-user-1").actions.execute(*NOTE)
    assert len(sandbox.requests) == 3
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize(("when", "ran"), [("before", 0), ("after", 1)])
async def test_an_untrusted_429_leaves_the_fate_of_a_write_unknown(
    sandbox: Sandbox, when: Any, ran: int
) -> None:
    sandbox.faults.add(Fault(status=429, when=when))
    doubtful = Retry(base=0.001, throttled_writes=False)
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=doubtful) as refold:
        with pytest.raises(RateLimitedError) as caught:
            await refold.account("demo-user-1").actions.execute(*NOTE)
        report = await refold.run([Call("demo-user-2", *NOTE)])
    assert (caught.value.fate, caught.value.attempts) == ("unknown", 1)
    [outcome] = report.outcomes
    assert isinstance(outcome, Failed)
    assert outcome.error.fate == "unknown"
    assert [call.linked_account_id for call in sandbox.ledger.writes()] == ["demo-user-1", "demo-user-2"][
        : 2 * ran
    ]


@pytest.mark.parametrize("effect", ["read", "idempotent"])
async def test_an_untrusted_429_of_a_read_is_still_rejected(sandbox: Sandbox, effect: Any) -> None:
    sandbox.faults.add(Fault(status=429))
    doubtful = Retry(base=0.001, attempts=2, throttled_writes=False)
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=doubtful) as refold:
        with pytest.raises(RateLimitedError) as caught:
            await refold.account("demo-user-1").actions.execute(*NOTE, effect=effect)
    assert (caught.value.fate, caught.value.attempts) == ("rejected", 2)


async def test_a_write_that_was_not_sent_is_tried_again(sandbox: Sandbox) -> None:
    await sandbox.stop()
    async with Refold(
        sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001, attempts=2)
    ) as refold:
        with pytest.raises(ConnectionFailedError) as caught:
            await refold.account("demo-user-1").actions.execute(*NOTE)
        assert (caught.value.fate, caught.value.attempts) == ("not_sent", 2)
        assert [error.attempts for error in caught.value.earlier] == [1]
        await sandbox.start()
        await refold.account("demo-user-1").actions.execute(*NOTE)
    assert len(sandbox.ledger.writes()) == 1


async def test_an_idempotent_write_has_the_worst_fate_of_its_attempts(sandbox: Sandbox) -> None:
    """The first attempt ran and lost its answer; the second was refused. The fate must not be `rejected`."""
    sandbox.faults.add(Fault(drop="after", times=1), Fault(status=404, times=1))
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as refold:
        with pytest.raises(RefoldError) as caught:
            await refold.account("demo-user-1").actions.execute(*NOTE, effect="idempotent")
    assert caught.value.status == 404
    assert caught.value.fate == "unknown"
    assert [error.fate for error in caught.value.earlier] == ["unknown"]
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize("effect", ["Read", "writes", "", 5, ["read"]])
async def test_an_invalid_effect_is_refused(sandbox: Sandbox, refold: Refold, effect: Any) -> None:
    with pytest.raises(InvalidCallError, match="effect must be 'read', 'idempotent' or 'write', not"):
        await refold.account("demo-user-1").actions.execute(*NOTE, effect=effect)
    assert sandbox.requests == []


@pytest.mark.parametrize("action_id", [5, None, ["get_contact"], "", "..", "a\nb"])
async def test_an_invalid_action_id_is_refused(sandbox: Sandbox, refold: Refold, action_id: Any) -> None:
    with pytest.raises(InvalidCallError, match="action_id"):
        await refold.account("demo-user-1").actions.execute("hubspot", action_id)
    assert sandbox.requests == []


async def test_nothing_is_sent_once_the_deadline_has_passed(
    sandbox: Sandbox, refold: Refold, transport: str
) -> None:
    account = refold.account("demo-user-1")
    await account.actions.list("playground")
    with deadline(0.001):
        await asyncio.sleep(0.005)
        with pytest.raises(
            DeadlineExceededError, match="deadline exceeded before the request was sent"
        ) as caught:
            await account.actions.execute(*NOTE)
    assert caught.value.fate == "not_sent"
    assert sandbox.ledger.writes() == []
