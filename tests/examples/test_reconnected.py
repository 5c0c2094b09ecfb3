"""The example that resumes a journal's calls when a customer connects again, with the sandbox's own webhooks."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from refold_async import Call, Refold, SettingsError
from refold_async.batch import calls_of
from refold_async.sandbox import Fault, Sandbox
from tests.integrations.serving import serving

from .documents import load

CUSTOMER, LOST = "demo-user-2", "demo-user-3"


@pytest.fixture
def example(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("REFOLD_API_KEY", sandbox.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("JOURNAL", str(tmp_path / "nightly.sqlite"))
    return load("reconnected")


@asynccontextmanager
async def after_a_night(example: Any, sandbox: Sandbox) -> AsyncIterator[Refold]:
    """The nightly run is over; one customer's connection was broken, and one write of another is unknown."""
    sandbox.expire(CUSTOMER, "hubspot")
    sandbox.faults.add(Fault(action_id="create_contact", linked_account_id=LOST, drop="after", times=1))
    async with Refold() as refold, serving(example.app) as url:
        report = await refold.run(example.nightly(), journal=example.JOURNAL, per_account=1)
        assert (report.summary.failed, report.summary.reasons) == (2, {"reconnect": 2})
        assert ran(sandbox)[CUSTOMER] == 0
        await refold.webhooks.create(f"{url}/webhooks", ["Connection Created"])
        yield refold


def ran(sandbox: Sandbox) -> Counter[str]:
    assert not sandbox.ledger.duplicates()
    return Counter(run.linked_account_id for run in sandbox.ledger.writes())


async def test_a_customer_that_connects_again_gets_the_rest_and_nothing_twice(
    example: Any, sandbox: Sandbox
) -> None:
    async with after_a_night(example, sandbox) as refold:
        sandbox.connect(CUSTOMER, "hubspot")
        while ran(sandbox)[CUSTOMER] < 3:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)
        for customer in (CUSTOMER, LOST, CUSTOMER):  # delivered again, and to one whose write is unknown
            sandbox.connect(customer, "hubspot")
        while not all(delivery.delivered for delivery in sandbox.deliveries):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    async with Refold() as refold:
        report = await refold.run(example.nightly(), journal=example.JOURNAL)
    assert set(ran(sandbox).values()) == {3}
    assert report.summary.attempts == 0
    assert report.summary.fates == {"unknown": 1}


async def test_it_waits_for_the_journal_and_runs_once_it_is_free(example: Any, sandbox: Sandbox) -> None:
    async with after_a_night(example, sandbox) as refold:
        other = Call("demo-user-1", "hubspot", "get_contact", key="held")
        async with refold.batch([other], journal=example.JOURNAL) as batch:
            sandbox.connect(CUSTOMER, "hubspot")
            await batch.collect()
            await asyncio.sleep(0.1)
            assert ran(sandbox)[CUSTOMER] == 0
        while ran(sandbox)[CUSTOMER] < 3:  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_only_the_calls_of_one_customer_are_chosen(asynchronous: bool, sandbox: Sandbox) -> None:
    calls = [
        Call(f"demo-user-{number % 3}", slug, "list", key=f"{number}")
        for number in range(5000)
        for slug in ("hubspot", "slack")
    ]

    async def each() -> AsyncIterator[Call]:
        for call in calls:
            yield call

    chosen = [call async for call in calls_of("demo-user-1", each() if asynchronous else calls, slug="slack")]
    assert chosen == [
        call for call in calls if (call.linked_account_id, call.slug) == ("demo-user-1", "slack")
    ]


async def test_calls_without_a_key_are_refused_before_any_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    calls = [Call("demo-user-1", "hubspot", "create_contact", {"email": "a@example.com"})]
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        with pytest.raises(SettingsError, match="has no key"):
            await refold.run(calls_of("demo-user-1", calls), journal=tmp_path / "job.sqlite")
    assert not sandbox.ledger.runs
