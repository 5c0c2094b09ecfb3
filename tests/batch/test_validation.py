"""`validate=True`: parameters are checked against the action's schema before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from refold_async import (
    Cache,
    Call,
    DeadlineExceededError,
    Done,
    Failed,
    InvalidCallError,
    NotFoundError,
    Refold,
    Retry,
    ServerError,
    SettingsError,
)
from refold_async.sandbox import Fault, Sandbox

GOOD, TYPO = {"limit": "1"}, {"limitt": "1"}


def client(sandbox: Sandbox, **options: Any) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001), **options)


def schemas(sandbox: Sandbox) -> int:
    return sum(request.method == "GET" for request in sandbox.requests)


def executes(sandbox: Sandbox) -> int:
    return len(sandbox.requests) - schemas(sandbox)


@pytest.mark.parametrize("cache", [None, Cache()])
async def test_an_execute_is_checked_against_a_schema_that_is_fetched_once(
    sandbox: Sandbox, cache: Cache | None
) -> None:
    async with client(sandbox, cache=cache) as refold:
        actions = refold.account("demo-user-1").actions
        for _ in range(3):
            await actions.execute("hubspot", "get_contact", GOOD, validate=True)
        with pytest.raises(
            InvalidCallError, match="has no parameter 'limitt'; did you mean 'limit'"
        ) as caught:
            await actions.execute("hubspot", "get_contact", TYPO, validate=True)
        await actions.execute("hubspot", "get_contact", TYPO)
    error = caught.value
    assert (error.fate, error.slug, error.action_id, error.linked_account_id, error.effect) == (
        "not_sent", "hubspot", "get_contact", "demo-user-1", "read",
    )  # fmt: skip
    assert (schemas(sandbox), executes(sandbox)) == (1, 4)


async def test_a_schema_that_cannot_be_fetched_leaves_the_call_unsent(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(method="GET", status=500))
    write = Call("demo-user-1", "hubspot", "create_contact", {"email": "a@example.com"}, key="k")
    async with client(sandbox) as refold:
        with pytest.raises(ServerError) as caught:
            await refold.account("demo-user-1").actions.execute(
                "hubspot", "create_contact", {}, validate=True
            )
        assert caught.value.fate == "not_sent"
        [outcome] = (await refold.run([write], validate=True)).outcomes
    assert isinstance(outcome, Failed)
    assert outcome.error.fate == "not_sent"
    assert executes(sandbox) == 0


async def test_the_schema_and_the_call_share_one_deadline(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(latency=0.3))
    async with client(sandbox) as refold:
        with pytest.raises(DeadlineExceededError):
            await refold.account("demo-user-1").actions.execute(
                "hubspot", "get_contact", GOOD, validate=True, timeout=0.5
            )


async def test_a_batch_fetches_one_schema_per_app_and_action(sandbox: Sandbox, tmp_path: Path) -> None:
    calls = [Call(f"demo-user-{number}", "hubspot", "get_contact", GOOD) for number in range(1, 41)]
    calls += [Call(f"demo-user-{number}", "slack", "list_channels") for number in range(1, 11)]
    async with client(sandbox) as refold:
        report = await refold.run(calls, validate=True, journal=tmp_path / "job")
    assert report.summary.done == 50
    assert (schemas(sandbox), executes(sandbox)) == (2, 50)


async def test_a_call_that_does_not_fit_fails_alone_and_can_be_run_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    bad = Call("demo-user-1", "hubspot", "create_contact", {"email": "a@example.com", "emial": "b"}, key="1")
    good = Call("demo-user-2", "hubspot", "create_contact", {"email": "bo@example.com"}, key="2")
    async with client(sandbox) as refold:
        report = await refold.run([bad, good], validate=True, journal=tmp_path / "job")
        failed, done = report.outcomes
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, InvalidCallError)
        assert (failed.error.fate, failed.error.linked_account_id, failed.attempts) == (
            "not_sent",
            "demo-user-1",
            0,
        )
        assert "'emial'" in failed.error.message
        assert isinstance(done, Done)
        again = await refold.run([bad, good], journal=tmp_path / "job")
    assert again.summary.done + again.summary.skipped == 2
    assert len(sandbox.ledger.writes()) == 2


async def test_an_unknown_action_or_setting_is_refused(sandbox: Sandbox) -> None:
    async with client(sandbox) as refold:
        with pytest.raises(NotFoundError):
            await refold.account("demo-user-1").actions.execute("hubspot", "nothing_like_it", validate=True)
        with pytest.raises(SettingsError, match="validate must be a bool"):
            refold.batch([], validate="yes")  # type: ignore[arg-type]
    assert executes(sandbox) == 0
