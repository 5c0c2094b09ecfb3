"""Jobs: shards that may be run anywhere on a host, at any time, and again."""

import asyncio
import contextlib
import json
import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_type_hints

import pytest

from refold_async import (
    ActionResult,
    Call,
    Done,
    JournalError,
    JournalInUseError,
    Lookup,
    RateLimit,
    SettingsError,
    Settle,
)
from refold_async.batch import BatchOptions, BatchProgress
from refold_async.fleet import Job, JobOptions, JobSummary
from refold_async.fleet.parts import Parts
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Fault, Sandbox

ACCOUNTS = [f"demo-user-{number}" for number in range(1, 21)]


def contacts(accounts: Sequence[str]) -> Iterator[Call]:
    for account in accounts:
        for number in range(3):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", sandbox.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)


MakeJob = Callable[..., Job]


@pytest.fixture(params=["folder", "database"])
def job_in(request: pytest.FixtureRequest) -> MakeJob:
    """Return a function that creates a job with its results in a folder, and its journals there or in a database."""
    database = request.getfixturevalue("database") if request.param == "database" else None

    def make(folder: Path, **options: object) -> Job:
        settings = {
            "name": "contacts",
            "accounts": ACCOUNTS,
            "shards": 4,
            "results": folder / "out",
        } | options
        return Job(calls=contacts, journal=database or folder / "job", **settings)  # type: ignore[arg-type]

    return make


def rows(summary: JobSummary) -> list[tuple[str, str]]:
    names = ("linked_account_id", "key")
    return [
        row
        for part in summary.parts
        for row in read_fields(part.name.partition(".")[2], part, names)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("form", ["jsonl.gz", "csv", "parquet"])
async def test_results_in_other_formats(job_in: MakeJob, tmp_path: Path, form: str) -> None:
    pytest.importorskip("pyarrow")
    job = job_in(tmp_path, results_format=form, shards=2)
    for shard in job.shards():
        await job.run(shard)
    summary = await asyncio.to_thread(job.summary)
    assert [part.name.partition("000001.")[2] for part in summary.parts] == [form, form]
    assert sorted(await asyncio.to_thread(rows, summary)) == expected()


def expected(number: int = 3) -> list[tuple[str, str]]:
    return sorted((account, str(key)) for account in ACCOUNTS for key in range(number))


async def test_every_call_is_run_once_and_has_one_row(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    job = job_in(tmp_path)
    assert sorted(account for shard in job.shards() for account in job.accounts(shard)) == sorted(ACCOUNTS)
    reports = [await job.run(shard) for shard in job.shards()]
    assert sum(report.done for report in reports) == 60
    summary = await asyncio.to_thread(job.summary)
    assert summary.complete
    assert sorted(await asyncio.to_thread(rows, summary)) == expected()
    assert sandbox.ledger.count() == 60


async def test_running_a_shard_again_runs_nothing(sandbox: Sandbox, job_in: MakeJob, tmp_path: Path) -> None:
    job = job_in(tmp_path)
    first = await job.run(1)
    again = await job.run(1)
    assert (again.done, again.done_before, again.complete) == (0, first.done, True)
    assert sandbox.ledger.count() == first.done


async def test_two_runs_of_a_shard_at_once_take_turns(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    job = job_in(tmp_path, shards=1)
    reports = await asyncio.gather(job.run(0), job.run(0))
    assert sorted((report.done, report.done_before) for report in reports) == [(0, 60), (60, 0)]
    assert sandbox.ledger.count() == 60


async def test_unknown_writes_are_named_however_often_it_is_run(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(effect="write", drop="after", times=2))
    job = job_in(tmp_path, shards=2)
    for _ in range(2):
        for shard in job.shards():
            await job.run(shard)
        summary = await asyncio.to_thread(job.summary)
        assert len(summary.unknown) == 2
        assert not summary.complete
        assert sorted([*await asyncio.to_thread(rows, summary), *summary.unknown]) == expected()
    assert not sandbox.ledger.duplicates()


async def test_progress_shows_the_state_of_each_shard(job_in: MakeJob, tmp_path: Path) -> None:
    job = job_in(tmp_path, shards=3)
    assert [shard.state for shard in (await asyncio.to_thread(job.progress)).shards] == ["waiting"] * 3
    await job.run(2)
    progress = await asyncio.to_thread(job.progress)
    assert [shard.state for shard in progress.shards] == ["waiting", "waiting", "ended"]
    assert progress.done == 3 * len(job.accounts(2))


def keyless(accounts: Sequence[str]) -> list[Call]:
    return [Call(account, "hubspot", "get_contact") for account in accounts]


def foreign(_: Sequence[str]) -> list[Call]:
    return [Call(account, "hubspot", "get_contact", key="1") for account in ACCOUNTS]


def nothing(accounts: Sequence[str]) -> list[None]:
    return [None for _ in accounts]


def forgetful(_: Sequence[str]) -> None:
    pass


async def awaited(accounts: Sequence[str]) -> list[Call]:
    return list(contacts(accounts))


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (keyless, "has no key"),
        (foreign, "which is in shard"),
        (nothing, "of one kind, not NoneType"),
        (forgetful, "must return an iterable of Call or Walk, not NoneType"),
        (awaited, "must return an iterable, not a coroutine"),
    ],
)
async def test_calls_that_could_run_twice_or_never_are_refused(
    sandbox: Sandbox, tmp_path: Path, calls: object, message: str
) -> None:
    job = Job("contacts", calls, accounts=ACCOUNTS, journal=tmp_path, shards=4)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=message):
        await job.run(0)


async def test_accounts_that_are_not_strings_are_refused(tmp_path: Path) -> None:
    job = Job("contacts", contacts, accounts=[17], journal=tmp_path, shards=4)  # type: ignore[list-item]
    with pytest.raises(SettingsError, match="accounts must be strings, not int: 17"):
        await job.run(0)


async def test_a_job_is_not_complete_though_its_last_run_had_nothing_to_do(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    """The list of accounts may have been empty by mistake."""
    sandbox.faults.add(Fault(effect="write", status=400, times=2))
    await job_in(tmp_path, shards=1).run(0)
    job = job_in(tmp_path, shards=1, accounts=[])
    assert (await job.run(0)).complete
    summary = await asyncio.to_thread(job.summary)
    assert (summary.progress.failed, summary.complete) == (2, False)
    await job_in(tmp_path, shards=1).run(0)
    assert (await asyncio.to_thread(job.summary)).complete


@pytest.mark.parametrize("other", [{"shards": 5}, {"name": "others"}])
async def test_a_folder_belongs_to_one_job(tmp_path: Path, other: dict[str, object]) -> None:
    settings = {"name": "contacts", "shards": 4}
    await Job(calls=contacts, accounts=ACCOUNTS, journal=tmp_path, **settings).run(0)  # type: ignore[arg-type]
    again = Job(calls=contacts, accounts=ACCOUNTS, journal=tmp_path, **settings | other)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="use another folder"):
        await again.run(0)


async def test_a_database_has_many_jobs_with_one_number_of_shards_each(
    sandbox: Sandbox, tmp_path: Path, database: str
) -> None:
    for name in ("contacts", "others"):
        job = Job(name, contacts, accounts=ACCOUNTS, journal=database, shards=1)
        assert (await job.run(0)).done == 60
    with pytest.raises(SettingsError, match="in 1 shards, not 5"):
        await Job("contacts", contacts, accounts=ACCOUNTS, journal=database, shards=5).run(0)


def lookup(call: Call) -> Lookup:
    email = (call.params or {})["email"]
    params = {"propertyName": "email", "operator": "EQ", "value": email}
    return Lookup("search_contacts", params, found=lambda data: data["results"])


async def test_results_belong_to_one_job(job_in: MakeJob, tmp_path: Path) -> None:
    await job_in(tmp_path, shards=1).run(0)
    with pytest.raises(SettingsError, match="are of job 'contacts'; use another folder"):
        await job_in(tmp_path / "other", name="other", results=tmp_path / "out").run(0)


async def test_results_of_earlier_journals_are_not_taken_for_those_of_new_ones(tmp_path: Path) -> None:
    def job(journal: str) -> Job:
        folder = tmp_path / "out"
        return Job(
            "contacts", contacts, accounts=ACCOUNTS, shards=1, journal=tmp_path / journal, results=folder
        )

    await job("first").run(0)
    with pytest.raises(SettingsError, match="are of earlier journals of this job"):
        await job("second").run(0)


@pytest.mark.parametrize(
    "options",
    [
        {"client": {"api_key": "secret"}},
        {"journal": "postgresql://user:secret@db/refold"},
        {"shards": 0},
        {"name": ""},
        {"calls": []},
        {"concurrency": 0},
        {"results_format": "xlsx"},
        {"settle": Settle(lookup), "retry_unknown": True},
    ],
)
async def test_settings_are_checked_and_show_no_secret(tmp_path: Path, options: dict[str, object]) -> None:
    settings = {"name": "contacts", "calls": contacts, "accounts": ACCOUNTS, "journal": tmp_path} | options
    with pytest.raises(SettingsError) as raised:
        Job(**settings)  # type: ignore[arg-type]
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("shard", [-1, 4, True, "1"])
async def test_a_shard_that_does_not_exist_is_refused(job_in: MakeJob, tmp_path: Path, shard: int) -> None:
    with pytest.raises(SettingsError, match="shard must be from 0 to 3"):
        await job_in(tmp_path).run(shard)


async def test_it_pickles_without_the_key(sandbox: Sandbox, job_in: MakeJob, tmp_path: Path) -> None:
    pickled = pickle.dumps(job_in(tmp_path, client={"rate_limit": RateLimit(500)}))
    assert sandbox.api_key.encode() not in pickled
    job = pickle.loads(pickled)
    assert list(job.shards()) == [0, 1, 2, 3]


async def test_a_journal_without_tables_yet_is_waiting(job_in: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "job" / "shard-0001.sqlite")) as db:
        db.execute("PRAGMA journal_mode = WAL")
    progress = await asyncio.to_thread(job_in(tmp_path).progress)
    assert [shard.state for shard in progress.shards] == ["waiting"] * 4


async def test_all_options_of_a_batch_pass_through() -> None:
    batch, job = get_type_hints(BatchOptions), get_type_hints(JobOptions)
    assert job.pop("retry_unknown") is bool
    assert batch.keys() - job.keys() == {"journal"}
    assert {name: batch[name] for name in job} == job


def refuse_all(_: ActionResult) -> str:
    return "refused by the check"


@pytest.mark.parametrize(
    ("options", "attribute", "value"),
    [
        ({"result_check": refuse_all}, "failed", 60),
        ({"on_failure": "stop", "result_check": refuse_all, "concurrency": 1}, "stopped", "failed_call"),
        (
            {"stop_at_failure_share": 0.5, "result_check": refuse_all, "concurrency": 1},
            "stopped",
            "failure_share",
        ),
        ({"validate": True, "per_account": 2, "window": 5, "timeout": 30.0, "patience": 1.0}, "done", 60),
    ],
)
async def test_options_reach_the_batch(
    job_in: MakeJob, tmp_path: Path, options: dict[str, object], attribute: str, value: object
) -> None:
    report = await job_in(tmp_path, shards=1, **options).run(0)
    assert getattr(report, attribute) == value
    assert report.complete == (report.done == 60)


async def test_other_options_make_another_job(job_in: MakeJob, tmp_path: Path) -> None:
    job = job_in(tmp_path, shards=1, result_check=refuse_all)
    assert (await job.run(0)).failed == 60
    assert (await job.with_options(result_check=None, retry_unknown=True).run(0)).done == 60
    assert (await job.run(0)).done_before == 60
    with pytest.raises(SettingsError, match="concurrency"):
        job.with_options(concurrency=0)


async def test_unknown_writes_are_settled_or_run_again(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(effect="write", drop="after", times=2))
    assert (await job_in(tmp_path, shards=1).run(0)).failed == 2
    progress: list[BatchProgress] = []
    settle = Settle(lookup, after=(0.0,))
    report = await job_in(tmp_path, shards=1, settle=settle, on_progress=progress.append).run(0)
    assert (report.done, report.complete) == (2, True)
    assert progress[-1].settled == 2
    assert not sandbox.ledger.duplicates()
    sandbox.faults.add(Fault(effect="write", drop="before", times=1))
    other = tmp_path / "other"
    assert (await job_in(other, shards=1, name="other").run(0)).failed == 1
    assert (await job_in(other, shards=1, name="other", retry_unknown=True).run(0)).done == 1


async def test_the_report_has_all_runs_and_the_shards(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    job = job_in(tmp_path, shards=3, client={"rate_limit": None})
    with pytest.raises(JournalError, match="no run of the job"):
        await asyncio.to_thread(job.write_report, tmp_path / "report.json")
    sandbox.faults.add(Fault(linked_account_id="demo-user-7", status=400, times=2))
    sandbox.faults.add(Fault(linked_account_id="demo-user-8", effect="write", drop="after", times=1))
    for _ in range(2):
        for shard in job.shards():
            await job.run(shard)
    await asyncio.to_thread(job.write_report, tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_bytes())
    progress = await asyncio.to_thread(job.progress)
    assert report["title"] == "contacts"
    assert report["calls"] == {"done": 59, "failed": 0, "unknown": 1, "begun": 0}
    # Both runs are counted: what failed in the first was done in the second.
    assert (report["summary"]["done"], report["summary"]["skipped"]) == (59, 0)
    assert report["summary"]["attempts"] == len(sandbox.requests)
    assert sum(period["done"] for period in report["periods"]) >= 59
    assert [each["done"] for each in report["shards"]] == [each.done for each in progress.shards]
    assert all(":" in each["worker"] and each["seconds"] > 0 for each in report["shards"])
    await asyncio.to_thread(job.write_report, tmp_path / "report.html")
    assert "<h2>Shards</h2>" in (tmp_path / "report.html").read_text()


async def begun(sandbox: Sandbox, number: int) -> None:
    while sandbox.ledger.count() < number:  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.01)


async def test_a_cancelled_run_is_completed_by_the_next(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(latency=0.02))
    job = job_in(tmp_path, shards=1, concurrency=5)
    running = asyncio.create_task(job.run(0))
    await begun(sandbox, 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await job.run(0)
    summary = await asyncio.to_thread(job.summary)
    assert sorted([*await asyncio.to_thread(rows, summary), *summary.unknown]) == expected()
    assert not sandbox.ledger.duplicates()


async def test_a_cancelled_run_writes_no_file_after_its_end(
    job_in: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run would write one of the same name, and one of them would replace the other."""
    writing, goes_on, ended = threading.Event(), threading.Event(), False

    def add(parts: Parts, outcomes: Sequence[Done]) -> str | None:
        writing.set()
        goes_on.wait()
        assert not ended
        return written(parts, outcomes)

    written = Parts.add
    monkeypatch.setattr(Parts, "add", add)
    running = asyncio.create_task(job_in(tmp_path, shards=1).run(0))
    await asyncio.to_thread(writing.wait)
    running.cancel()
    await asyncio.sleep(0.05)
    assert not running.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    ended = True


async def test_a_call_that_is_twice_in_a_group_has_one_row(sandbox: Sandbox, tmp_path: Path) -> None:
    call = Call("demo-user-1", "hubspot", "get_contact", {"limit": "1"}, key="twice")
    job = Job(
        "twice",
        lambda _: [call, call],
        accounts=["demo-user-1"],
        shards=1,
        journal=tmp_path / "job",
        results=tmp_path / "out",
    )
    report = await job.run(0)
    assert report.done == 2
    assert await asyncio.to_thread(lambda: rows(job.summary())) == [("demo-user-1", "twice")]


async def test_a_stopped_run_ends_its_calls_and_leaves_the_rest(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(latency=0.02))
    job = job_in(tmp_path, shards=1, concurrency=5, window=5)
    running = asyncio.create_task(job.run(0))
    await begun(sandbox, 10)
    waiting = asyncio.create_task(job_in(tmp_path, shards=1).run(0))
    job.stop()
    report = await running
    assert (report.stopped, report.complete, report.failed) == ("stopped", False, 0)
    assert 10 <= report.done < 60
    ended = await waiting
    assert (ended.done, ended.done_before, ended.complete) == (60 - report.done, report.done, True)
    summary = await asyncio.to_thread(job.summary)
    assert sorted(await asyncio.to_thread(rows, summary)) == expected()


async def test_a_run_that_waits_for_another_can_be_stopped(
    sandbox: Sandbox, job_in: MakeJob, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(latency=0.05))
    first, second = job_in(tmp_path, shards=1, concurrency=2), job_in(tmp_path, shards=1)
    running = asyncio.create_task(first.run(0))
    await begun(sandbox, 2)
    waiting = asyncio.create_task(second.run(0))
    while not second._runs:  # noqa: ASYNC110 - it begins in threads
        await asyncio.sleep(0.01)
    second.stop()
    with pytest.raises(JournalInUseError):
        await waiting
    first.stop()
    await running


async def test_accounts_are_counted_in_one_pass(job_in: MakeJob, tmp_path: Path) -> None:
    job = job_in(tmp_path, accounts=[*ACCOUNTS, *ACCOUNTS])
    assert job.plan() == [len(job.accounts(shard)) for shard in job.shards()]
    assert sum(job.plan()) == len(ACCOUNTS)
