"""Jobs over walks: pulls in shards."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from refold_async import Call, SettingsError, Walk
from refold_async.fleet import Job, JobSummary
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Fault, Sandbox, SandboxThread

ACCOUNTS = [f"demo-user-{number}" for number in range(1, 13)]
RECORDS = 25


@pytest.fixture
async def pages(guard: None) -> AsyncIterator[Sandbox]:
    async with Sandbox(accounts=20, records=RECORDS) as running:
        running.add_api_key("tk_other")
        yield running


@pytest.fixture(autouse=True)
def environment(pages: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", pages.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", pages.base_url)


def walks(accounts: Sequence[str]) -> Iterator[Walk]:
    for account in accounts:
        yield Walk(account, "hubspot", "get_contact", {"limit": "10"})


async def late_walks(accounts: Sequence[str]) -> AsyncIterator[Walk]:
    for walk in walks(accounts):
        await asyncio.sleep(0)
        yield walk


def job_in(folder: Path, **options: object) -> Job:
    settings = {"calls": walks, "accounts": ACCOUNTS, "shards": 3, "results": folder / "out"} | options
    return Job("contacts", journal=folder / "job", **settings)  # type: ignore[arg-type]


def rows(summary: JobSummary) -> Counter[str]:
    return Counter(
        account
        for part in summary.parts
        for (account,) in read_fields(part.name.partition(".")[2], part, ("linked_account_id",))  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("calls", [walks, late_walks])
async def test_every_record_has_one_row(pages: Sandbox, tmp_path: Path, calls: object, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    job = job_in(tmp_path, calls=calls, results_format=form)
    reports = [await job.run(shard) for shard in job.shards()]
    assert sum(report.done for report in reports) == len(ACCOUNTS)
    summary = await asyncio.to_thread(job.summary)
    assert summary.complete
    assert summary.progress.done == len(ACCOUNTS)
    assert await asyncio.to_thread(rows, summary) == dict.fromkeys(ACCOUNTS, RECORDS)
    assert all((part.parent / "manifest.json").exists() for part in summary.parts)
    sent = len(pages.requests)
    again = [await job.run(shard) for shard in job.shards()]
    assert [(report.done, report.done_before) for report in again] == [(0, each.done) for each in reports]
    assert len(pages.requests) == sent


async def test_the_report_counts_pages_as_calls(pages: Sandbox, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    for shard in job.shards():
        await job.run(shard)
    await asyncio.to_thread(job.write_report, tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["summary"]["done"] == len(ACCOUNTS) * -(-RECORDS // 10)
    assert report["calls"]["done"] == sum(each["done"] for each in report["shards"]) == len(ACCOUNTS)


async def test_walks_need_a_folder(tmp_path: Path, database: str) -> None:
    job = Job("pull", walks, accounts=ACCOUNTS, journal=database, results=tmp_path, shards=1)
    with pytest.raises(SettingsError, match="journal must be a folder, not a database"):
        await job.run(0)


async def test_a_failed_walk_continues_in_the_next_run(pages: Sandbox, tmp_path: Path) -> None:
    pages.faults.add(Fault(linked_account_id="demo-user-3", status=400, after=1))
    job = job_in(tmp_path, shards=1)
    report = await job.run(0)
    assert (report.done, report.failed, report.complete) == (len(ACCOUNTS) - 1, 1, False)
    progress = (await asyncio.to_thread(job.progress)).shards[0]
    assert (progress.state, progress.done, progress.failed) == ("incomplete", len(ACCOUNTS) - 1, 1)
    pages.faults.clear()
    report = await job.run(0)
    assert (report.done, report.complete) == (1, True)
    summary = await asyncio.to_thread(job.summary)
    assert await asyncio.to_thread(rows, summary) == dict.fromkeys(ACCOUNTS, RECORDS)


def client(account: str) -> Mapping[str, object]:
    return {"api_key": "tk_other" if int(account[-1]) % 2 else os.environ["REFOLD_API_KEY"]}


async def test_walks_of_several_keys_share_the_files(pages: Sandbox, tmp_path: Path) -> None:
    job = job_in(tmp_path, client=client, shards=1)
    assert (await job.run(0)).done == len(ACCOUNTS)
    sent = {(each.headers["linked_account_id"], each.headers["x-api-key"]) for each in pages.requests}
    assert sent == {(account, client(account)["api_key"]) for account in ACCOUNTS}
    summary = await asyncio.to_thread(job.summary)
    assert await asyncio.to_thread(rows, summary) == dict.fromkeys(ACCOUNTS, RECORDS)
    manifest = json.loads((tmp_path / "out" / "shard-0000" / "manifest.json").read_bytes())
    assert (manifest["is_complete"], manifest["walks"]["complete"]) == (True, len(ACCOUNTS))


async def test_two_runs_of_a_shard_take_turns_and_progress_is_read_meanwhile(
    pages: Sandbox, tmp_path: Path
) -> None:
    pages.faults.add(Fault(latency=0.05))
    job = job_in(tmp_path, shards=1, concurrency=2)
    both = asyncio.gather(job.run(0), job.run(0))
    states = set()
    while not both.done():
        states.add((await asyncio.to_thread(job.progress)).shards[0].state)
        await asyncio.to_thread(job.summary)
        await asyncio.sleep(0.02)
    assert "running" in states
    assert sorted((each.done, each.done_before) for each in await both) == [(0, 12), (12, 0)]


def mixed(accounts: Sequence[str]) -> list[object]:
    return [*walks(accounts), Call(accounts[0], "hubspot", "get_contact", key="1")]


def mixed_calls(accounts: Sequence[str]) -> list[object]:
    return [Call(accounts[0], "hubspot", "get_contact", key="1"), *walks(accounts)]


def twice(accounts: Sequence[str]) -> list[Walk]:
    return [*walks(accounts), Walk(accounts[0], "hubspot", "get_contact", {"limit": "5"})]


def two_actions(accounts: Sequence[str]) -> list[Walk]:
    return [*walks(accounts[1:]), Walk(accounts[0], "hubspot", "get_company")]


def changed(accounts: Sequence[str]) -> list[Walk]:
    return [Walk(account, "hubspot", "get_contact", since=lambda _: {}) for account in accounts]


def strangers(_: Sequence[str]) -> list[Walk]:
    return list(walks(ACCOUNTS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calls": mixed}, "of one kind, not Call"),
        ({"calls": mixed_calls}, "of one kind, not Walk"),
        ({"calls": twice}, "two walks"),
        ({"calls": two_actions}, "several actions"),
        ({"calls": strangers}, "which is in shard"),
        ({"calls": changed}, "no since"),
        ({"results": None}, "walks need results"),
        ({"validate": True}, "validate is for calls"),
    ],
)
async def test_walks_that_cannot_be_kept_apart_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        await job_in(tmp_path, **options).run(0)


PROGRAM = """
from refold_async import Walk
from refold_async.fleet import Job

def walks(accounts):
    for account in accounts:
        yield Walk(account, "hubspot", "get_contact", {"limit": "10"})

job = Job("contacts", walks, accounts=[f"demo-user-{n}" for n in range(1, 13)], journal="job", results="out",
          shards=2, concurrency=3)
"""


async def test_a_killed_worker_loses_and_doubles_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with SandboxThread(Sandbox(accounts=20, records=RECORDS, latency=0.02)) as sandbox:
        monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)
        await asyncio.to_thread(_run_and_kill, tmp_path, sandbox)
        job = job_in(tmp_path, shards=2)
        reports = [await job.run(shard) for shard in job.shards()]
    assert all(report.complete for report in reports)
    summary = await asyncio.to_thread(job.summary)
    assert await asyncio.to_thread(rows, summary) == dict.fromkeys(ACCOUNTS, RECORDS)


def _run_and_kill(folder: Path, sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "refold_async.cli", "job", "run", "program.py"]
    worker = subprocess.Popen(command, cwd=folder)
    while len(sandbox.requests) < 40 and worker.poll() is None:
        time.sleep(0.002)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
