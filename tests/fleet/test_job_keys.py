"""Jobs over customers of several keys."""

import asyncio
import json
import pickle
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from refold_async import Call, RateLimit, SettingsError
from refold_async.fleet import Job
from refold_async.sandbox import Fault, Sandbox, SandboxLimit

ACCOUNTS = [f"demo-user-{number}" for number in range(1, 21)]
KEYS = ("tk_even_7f3a", "tk_odd_91cc")


def key_of(account: str) -> str:
    return KEYS[int(account.rpartition("-")[2]) % 2]


def client(account: str) -> Mapping[str, object]:
    return {"api_key": key_of(account), "rate_limit": RateLimit(90, burst=5)}


def contacts(accounts: Sequence[str]) -> Iterator[Call]:
    for account in accounts:
        for number in range(3):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))


@pytest.fixture
async def limited(guard: None) -> AsyncIterator[Sandbox]:
    limit = SandboxLimit(per_second=100, burst=10)
    async with Sandbox(api_key=KEYS[0], limit=limit) as running:
        running.add_api_key(KEYS[1])
        yield running


@pytest.fixture(autouse=True)
def environment(limited: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFOLD_API_KEY", raising=False)
    monkeypatch.setenv("REFOLD_BASE_URL", limited.base_url)


def job_in(folder: Path, **options: object) -> Job:
    settings = {"accounts": ACCOUNTS, "shards": 2, "results": folder / "out", "client": client} | options
    return Job("contacts", contacts, journal=folder / "job", **settings)  # type: ignore[arg-type]


async def test_each_customer_is_reached_with_its_key(limited: Sandbox, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    reports = [await job.run(shard) for shard in job.shards()]
    assert sum(report.done for report in reports) == 60
    assert limited.ledger.count() == 60
    sent = {(each.headers["linked_account_id"], each.headers["x-api-key"]) for each in limited.requests}
    assert sent == {(account, key_of(account)) for account in ACCOUNTS}
    # Each key kept its own limit: nothing was refused.
    assert {each.status for each in limited.requests} == {200}
    summary = await asyncio.to_thread(job.summary)
    lines = [json.loads(line) for part in summary.parts for line in part.read_bytes().splitlines()]
    assert sorted((line["linked_account_id"], line["key"]) for line in lines) == sorted(
        (account, str(number)) for account in ACCOUNTS for number in range(3)
    )


async def test_a_key_that_is_refused_leaves_the_other_customers_done(
    limited: Sandbox, tmp_path: Path
) -> None:
    limited.remove_api_key(KEYS[1])
    job = job_in(tmp_path, shards=1)
    report = await job.run(0)
    assert (report.done, report.failed + report.skipped) == (30, 30)
    limited.add_api_key(KEYS[1])
    report = await job.run(0)
    assert (report.done, report.done_before, report.complete) == (30, 30, True)
    assert not limited.ledger.duplicates()


async def test_stopping_at_a_failure_stops_all_keys(limited: Sandbox, tmp_path: Path) -> None:
    limited.faults.add(Fault(linked_account_id="demo-user-1", status=400))
    job = job_in(tmp_path, shards=1, on_failure="stop", concurrency=1, client=slow_client)
    report = await job.run(0)
    assert report.skipped > 0
    assert report.failed == 1


def slow_client(account: str) -> Mapping[str, object]:
    return {"api_key": key_of(account), "rate_limit": RateLimit(20, burst=1)}


def stranger(accounts: Sequence[str]) -> list[Call]:
    return [Call(account, "hubspot", "get_contact", key="1") for account in ACCOUNTS]


async def test_a_call_for_a_customer_of_another_key_is_refused(limited: Sandbox, tmp_path: Path) -> None:
    job = Job("contacts", stranger, accounts=ACCOUNTS, journal=tmp_path, shards=1, client=client)
    with pytest.raises(SettingsError, match="another key"):
        await job.run(0)
    sent = {(each.headers["linked_account_id"], each.headers["x-api-key"]) for each in limited.requests}
    assert sent <= {(account, key_of(account)) for account in ACCOUNTS}


async def test_no_key_is_pickled_or_shown(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    await job.run(0)
    shown = repr(job) + repr(vars(job)) + str(pickle.dumps(job))
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert not any(key in shown or key.encode() in written for key in KEYS)


def wrong(account: str) -> str:
    return key_of(account)


async def test_a_function_that_returns_no_settings_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not str") as raised:
        await job_in(tmp_path, client=wrong).run(0)
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert not any(key in shown for key in KEYS)


def uneven(account: str) -> Mapping[str, object]:
    limit = RateLimit(20, burst=1) if key_of(account) == KEYS[0] else RateLimit(90, burst=5)
    return {"api_key": key_of(account), "rate_limit": limit}


async def test_a_slow_key_delays_no_other(limited: Sandbox, tmp_path: Path) -> None:
    job = job_in(tmp_path, shards=1, client=uneven, concurrency=2)
    assert (await job.run(0)).done == 60
    keys = [key_of(run.linked_account_id) for run in limited.ledger.runs]
    # If calls that wait for the slow key held the workers, both would end together.
    assert keys[-5:] == [KEYS[0]] * 5


async def test_a_traceback_shows_no_key(limited: Sandbox, tmp_path: Path) -> None:
    job = Job("contacts", stranger, accounts=ACCOUNTS, journal=tmp_path, shards=1, client=client)
    with pytest.raises(SettingsError, match="another key") as raised:
        await job.run(0)
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "another key" in shown
    assert not any(key in shown for key in KEYS)


def two_services(account: str) -> Mapping[str, object]:
    return {**client(account), "base_url": f"http://127.0.0.1:{int(account[-1]) % 2 + 1}"}


async def test_keys_of_two_services_are_refused(limited: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the journal is of calls to"):
        await job_in(tmp_path, client=two_services, shards=1).run(0)


async def test_a_shard_without_customers_ends(tmp_path: Path) -> None:
    job = job_in(tmp_path, accounts=["demo-user-1"], shards=4)
    reports = [await job.run(shard) for shard in job.shards()]
    assert [report.done for report in reports].count(0) == 3
    assert (await asyncio.to_thread(job.summary)).complete
