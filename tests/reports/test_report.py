"""A run's report: its figures against the summary and the sandbox's ledger, and its file."""

import json
import stat
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import (
    Batch,
    BatchSummary,
    Call,
    Done,
    Failed,
    Outcome,
    RateLimit,
    Refold,
    Retry,
    SettingsError,
    Skipped,
    UnprocessableError,
)
from refold_async.batch.history import RunHistory
from refold_async.results import ActionResult
from refold_async.sandbox import Fault, Sandbox

HOSTILE = "<script>alert(1)</script><img src=https://elsewhere.example/x> token=tk_live_1234567 ]]>"


def calls(number: int) -> list[Call]:
    return [
        Call(f"demo-user-{place % 60 + 1}", "hubspot", "get_contact", {"limit": "1"})
        if place % 3
        else Call(
            f"demo-user-{place % 60 + 1}", "slack", "post_message", {"channel": "general", "text": f"{place}"}
        )
        for place in range(number)
    ]


async def ran(sandbox: Sandbox, inputs: list[Call]) -> Batch:
    options: dict[str, Any] = {
        "retry": Retry(attempts=3, base=0.001),
        "rate_limit": RateLimit(5000, burst=50),
    }
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, **options) as refold:
        batch = refold.batch(inputs, concurrency=20)
        async with batch:
            await batch.collect()
    return batch


async def written(batch: Batch, folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    await batch.write_report(path)
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def assert_adds_up(report: dict[str, Any], summary: BatchSummary) -> None:
    """Every figure that says the same is the same."""
    totals, periods = report["summary"], report["periods"]
    for name in ("done", "failed", "skipped", "attempts"):
        assert sum(period[name] for period in periods) == totals[name] == getattr(summary, name)
    ran = totals["done"] + totals["failed"]
    assert sum(report["attempts"].values()) == ran
    assert sum(int(times) * count for times, count in report["attempts"].items()) == totals["attempts"]
    assert sum(step["count"] for step in report["latencies"]) == ran
    assert totals["attempts"] - ran == sum(report["failed_attempts"].values())
    failures: Counter[str] = Counter()
    for group in report["failures"]:
        failures[group["error"]] += group["count"]
    assert failures == totals["errors"] == summary.errors
    assert sum(totals["fates"].values()) == totals["failed"]
    assert sum(totals["reasons"].values()) == totals["skipped"]
    throttled = sum(period["throttled"] for period in periods)
    assert throttled == sum(each["count"] for each in report["throttlings"])
    assert report["slowest"][0]["seconds"] == totals["longest"]


async def test_its_figures_are_those_of_the_summary_and_the_ledger(tmp_path: Path) -> None:
    async with Sandbox(accounts=60, seed=3) as sandbox:
        sandbox.faults.add(Fault(status=503, probability=0.1))
        sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0.05"}, times=9, after=100))
        sandbox.faults.add(Fault(effect="write", drop="after", times=5))
        for number in (2, 3, 5):
            sandbox.expire(f"demo-user-{number}", "hubspot")
        batch = await ran(sandbox, calls(1000))
        report = await written(batch, tmp_path)
        assert_adds_up(report, batch.summary)
        assert report["ended"]
        executed = [request for request in sandbox.requests if "/actions/" in request.path]
        assert report["summary"]["attempts"] == len(executed)
        assert sum(each["count"] for each in report["throttlings"]) == sum(
            request.status == 429 for request in executed
        )
        unknown = report["summary"]["fates"].get("unknown", 0)
        assert report["summary"]["done"] <= len(sandbox.ledger.runs) <= report["summary"]["done"] + unknown
        reconnect = {(each["linked_account_id"], each["slug"]) for each in report["summary"]["reconnect"]}
        assert reconnect == {(f"demo-user-{number}", "hubspot") for number in (2, 3, 5)}
        assert report["reconnect_count"] == 3
        assert report["rate_limit"] == 5000


async def test_the_page_loads_nothing_and_escapes_what_services_write(tmp_path: Path) -> None:
    async with Sandbox(accounts=3) as sandbox:
        sandbox.faults.add(Fault(status=422, message=HOSTILE))
        batch = await ran(sandbox, calls(10))
        path = tmp_path / "report.html"
        await batch.write_report(path, title=HOSTILE)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    parser = Loads()
    parser.feed(page)
    assert parser.loaded == []
    assert parser.tags["script"] == 1
    assert parser.tags["img"] == 0
    assert "tk_live_1234567" not in page.replace(HOSTILE.replace("<", "&lt;").replace(">", "&gt;"), "")
    assert sandbox.api_key not in page
    assert f"{batch.summary.attempts:,}" in page


class Loads(HTMLParser):
    """The tags of a page, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.loaded += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]


async def test_only_its_owner_may_read_it_whatever_was_there(tmp_path: Path, sandbox: Sandbox) -> None:
    path = tmp_path / "report.html"
    path.write_text("open to all")
    path.chmod(0o644)
    await (await ran(sandbox, calls(2))).write_report(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


async def test_another_suffix_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    batch = await ran(sandbox, calls(1))
    with pytest.raises(SettingsError, match=r"ends in \.html or \.json, not"):
        await batch.write_report(tmp_path / "report.pdf")


async def test_text_that_no_encoding_has_stops_neither_a_report_nor_a_journal(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    answer = rb'{"node_status": "Errored", "http_status": 422, "data": {"message": "half a pair: \ud83d"}}'
    sandbox.faults.add(Fault(operation="actions.execute", garbage=answer))
    inputs = [Call("\ud83d", "\udcff", "\ud83d", key=str(place)) for place in range(3)] + calls(3)
    for _ in range(2):  # again: the first run has released the journal
        async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
            batch = refold.batch(inputs, journal=tmp_path / "job.sqlite")
            async with batch:
                await batch.collect()
        report = await written(batch, tmp_path)
        assert sum(each["count"] for each in report["failures"]) == report["summary"]["failed"] == 6


async def test_a_report_of_an_empty_run_is_valid(tmp_path: Path, sandbox: Sandbox) -> None:
    batch = await ran(sandbox, [])
    await batch.write_report(tmp_path / "report.html")
    assert (await written(batch, tmp_path))["summary"]["done"] == 0


async def test_a_report_of_a_run_under_way_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    async with (
        Refold(sandbox.api_key, base_url=sandbox.base_url) as refold,
        refold.batch(calls(200), concurrency=2) as batch,
    ):
        await anext(batch)
        assert not (await written(batch, tmp_path))["ended"]
        batch.stop()
        await batch.collect()
    assert_adds_up(await written(batch, tmp_path), batch.summary)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.sampled_from(["done", "failed", "skipped"])), max_size=300))
def test_periods_lose_nothing_and_stay_few(ended: list[tuple[float, str]]) -> None:
    history = RunHistory()
    call = Call("a", "b", "c")
    made: dict[str, Outcome] = {
        "done": Done(call, ActionResult("success", 200, msgspec.Raw(b"{}"))),
        "failed": Failed(call, UnprocessableError("no", fate="rejected")),
        "skipped": Skipped(call, "stopped"),
    }
    for at, kind in ended:
        history.add(at, made[kind])
        history.add_attempts(at, 2)
    assert len(history.periods) <= 120
    for kind in made:
        counted = sum(getattr(period, kind) for period in history.periods)
        assert counted == sum(each == kind for _, each in ended)
    assert sum(period.attempts for period in history.periods) == 2 * len(ended)
    for at, _ in ended:
        assert history.periods[int(at / history.width)].attempts


async def test_a_pull_refuses_another_suffix_before_it_reads(sandbox: Sandbox, tmp_path: Path) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        with pytest.raises(SettingsError, match=r"ends in \.html"):
            await refold.pull(
                "catalog", "list_products", ["demo-user-1"], tmp_path / "out", reports=["report.pdf"]
            )
    assert sandbox.ledger.runs == []
