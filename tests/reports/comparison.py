"""A batch and a pull of many customers with faults, whose reports are compared with all that knows better."""

import asyncio
import json
import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest

from refold_async import (
    Absent,
    Batch,
    Call,
    Done,
    Failed,
    Lookup,
    Outcome,
    RateLimit,
    Refold,
    Retry,
    Settle,
    Unresolved,
)
from refold_async.batch.journal.records import read_records
from refold_async.batch.journal.reporting import read_figures
from refold_async.reports import as_json
from refold_async.sandbox import Fault, Sandbox
from tests.walks.folders import manifest

FAST: dict[str, Any] = {
    "retry": Retry(attempts=3, base=0.002, budget=10**9),
    "rate_limit": RateLimit(100_000, burst=1000),
}


def faults(customers: int) -> list[Fault]:
    """Faults of every kind that a report has a figure for; `Retry-After` is short."""
    wait = {"Retry-After": "0.02"}
    some = customers // 10
    return [
        Fault(action_id="list_channels", status=503, probability=0.1),
        Fault(slug="slack", status=429, headers=wait, times=3, after=some),
        Fault(slug="slack", node_status="Errored", http_status=429, times=3, after=some * 2),
        Fault(action_id="create_contact", drop="after", times=some, probability=0.2),
        Fault(action_id="create_contact", drop="before", times=some, probability=0.1),
        Fault(action_id="create_contact", status=422, message="no such <field>", times=some, probability=0.1),
    ]  # fmt: skip


def by_email(call: Call) -> Lookup:
    email = (call.params or {})["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"]["email"] == email]

    return Lookup("search_contacts", {"propertyName": "email", "operator": "EQ", "value": email}, found=found)


def expired(customers: int) -> list[str]:
    return [f"demo-user-{number}" for number in range(1, customers + 1, 50)]


def log(customers: int) -> int:
    """Requests that a sandbox must keep."""
    return customers * 40


async def check_batch(customers: int, folder: Path) -> None:
    """Run a batch, a read and a write for each customer, and compare its report with everything."""
    journal = folder / "job.sqlite"
    calls = [
        call
        for number in range(1, customers + 1)
        for call in (
            Call(f"demo-user-{number}", "slack", "list_channels", key="read"),
            Call(
                f"demo-user-{number}",
                "hubspot",
                "create_contact",
                {"email": f"{number}@example.org"},
                key="write",
            ),
        )
    ]
    calls += [Call(account, "catalog", "list_products", key="gone") for account in expired(customers)]
    async with Sandbox(accounts=customers, seed=5, request_log=log(customers)) as sandbox:
        sandbox.faults.add(*faults(customers))
        for account in expired(customers):
            sandbox.expire(account, "catalog")
        async with Refold(sandbox.api_key, base_url=sandbox.base_url, **FAST) as refold:
            settle = Settle(by_email, after=[0.02])
            batch = refold.batch(calls, concurrency=100, journal=journal, settle=settle)
            async with batch:
                outcomes = await batch.collect()
        report = await written(batch, folder)
        compare_with_summary(report, msgspec.to_builtins(batch.summary))
        compare_with_outcomes(report, outcomes)
        compare_with_requests(report, sandbox, ("list_channels", "create_contact", "list_products"))
        compare_with_ledger(report, sandbox, customers)
    assert report["rate_limit"] == 100_000
    await asyncio.to_thread(compare_with_page, report, folder / "report.html")
    await asyncio.to_thread(compare_with_journal, report, journal)


async def check_pull(customers: int, folder: Path) -> None:
    """Pull the records of each customer, and compare the report with the summary, requests and files."""
    ids = [f"demo-user-{number}" for number in range(1, customers + 1)]
    paths = [folder / "pull.json", folder / "pull.html"]
    async with Sandbox(accounts=customers, seed=5, request_log=log(customers)) as sandbox:
        sandbox.faults.add(Fault(operation="actions.execute", status=503, probability=0.1))
        for account in expired(customers):
            sandbox.expire(account, "catalog")
        async with Refold(sandbox.api_key, base_url=sandbox.base_url, **FAST) as refold:
            summary = await refold.pull(
                "catalog", "list_products", ids, folder / "out", params={"limit": "20"}, concurrency=100,
                reports=paths,
            )  # fmt: skip
        report = await asyncio.to_thread(lambda: json.loads(paths[0].read_bytes()))
        compare_with_summary(report, msgspec.to_builtins(summary.calls))
        compare_with_requests(report, sandbox, ("list_products",))
        pages = [run for run in sandbox.ledger.runs if run.action_id == "list_products" and run.ok]
    assert report["summary"]["done"] == summary.pages == len(pages)
    assert report["summary"]["failed"] == summary.failed + summary.incomplete
    files = await asyncio.to_thread(manifest, folder / "out")
    assert sum(file["rows"] for file in files["files"]) == summary.records
    gone = {(each["linked_account_id"], each["slug"]) for each in report["summary"]["reconnect"]}
    assert gone == {(account, "catalog") for account in expired(customers)}
    await asyncio.to_thread(compare_with_page, report, paths[1])


async def written(batch: Batch, folder: Path) -> dict[str, Any]:
    for name in ("report.json", "report.html"):
        await batch.write_report(folder / name)
    report: dict[str, Any] = await asyncio.to_thread(
        lambda: json.loads((folder / "report.json").read_bytes())
    )
    return report


def compare_with_summary(report: dict[str, Any], summary: dict[str, Any]) -> None:
    """Every figure of the totals is that of the summary, and every other one adds up to one of them."""
    totals, periods = report["summary"], report["periods"]
    reconnect = [list(each.values()) for each in totals["reconnect"]]
    assert msgspec.json.encode({**totals, "reconnect": reconnect}) == msgspec.json.encode(summary)
    assert report["reconnect_count"] == len(reconnect)
    for name in ("done", "failed", "skipped", "attempts"):
        assert sum(period[name] for period in periods) == totals[name]
    ran = totals["done"] + totals["failed"]
    assert sum(report["attempts"].values()) == sum(step["count"] for step in report["latencies"]) == ran
    assert sum(int(times) * count for times, count in report["attempts"].items()) == totals["attempts"]
    assert sum(report["failed_attempts"].values()) == totals["attempts"] - ran
    assert sum(period["throttled"] for period in periods) == sum(
        each["count"] for each in report["throttlings"]
    )
    assert sum(totals["fates"].values()) == totals["failed"]
    assert (len(periods) - 1) * report["period_seconds"] <= totals["seconds"]
    assert report["ended"]


def compare_with_outcomes(report: dict[str, Any], outcomes: list[Outcome]) -> None:
    """What a caller counts by hand is what the report says."""
    done = [each for each in outcomes if isinstance(each, Done)]
    failed = [each for each in outcomes if isinstance(each, Failed)]
    totals = report["summary"]
    assert (totals["done"], totals["failed"], totals["skipped"]) == (len(done), len(failed), 0)
    assert totals["settled"] == sum(each.settled for each in done)
    assert totals["absent"] == sum(isinstance(each.verdict, Absent) for each in failed)
    assert totals["unresolved"] == sum(isinstance(each.verdict, Unresolved) for each in failed)
    assert totals["errors"] == Counter(type(each.error).__name__ for each in failed)
    assert totals["fates"] == Counter(each.error.fate for each in failed)
    groups = {(each["error"], each["slug"]): each["count"] for each in report["failures"]}
    assert groups == Counter((type(each.error).__name__, each.call.slug) for each in failed)
    messages = {each.error.message for each in failed}
    assert all(each["message"] in messages for each in report["failures"])
    assert report["attempts"] == {str(n): k for n, k in sorted(Counter(o.attempts for o in outcomes).items())}
    times = sorted(each.elapsed for each in outcomes)
    assert totals["longest"] == times[-1]
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        exact = times[max(0, -int(-share * len(times) // 1) - 1)]
        assert totals[name] == pytest.approx(exact, rel=0.03)
    edges = [0.0, *(step["up_to"] for step in report["latencies"])]
    for low, step in zip(edges, report["latencies"], strict=False):
        assert step["count"] == sum(step["up_to"] / 2**0.25 <= time < step["up_to"] for time in times), low
    longest: dict[str, float] = {}
    for each in outcomes:
        account = each.call.linked_account_id
        longest[account] = max(longest.get(account, 0.0), each.elapsed)
    assert [each["seconds"] for each in report["slowest"]] == sorted(longest.values(), reverse=True)[:20]
    assert all(longest[each["linked_account_id"]] == each["seconds"] for each in report["slowest"])


def compare_with_requests(report: dict[str, Any], sandbox: Sandbox, actions: tuple[str, ...]) -> None:
    """Each attempt is a request, and each 429 an answer."""
    requests = [each for each in sandbox.requests if any(f"/{name}/" in each.path for name in actions)]
    assert report["summary"]["attempts"] == len(requests)
    assert sum(each["count"] for each in report["throttlings"]) == sum(
        each.status == 429 for each in requests
    )
    assert report["failed_attempts"].get("ServerError", 0) <= sum(each.status == 503 for each in requests)


def compare_with_ledger(report: dict[str, Any], sandbox: Sandbox, customers: int) -> None:
    """What the apps did is what the report calls done, and nothing that it calls undone."""
    totals, ledger = report["summary"], sandbox.ledger
    assert not ledger.duplicates()
    reads, ran = ledger.count(action_id="list_channels"), ledger.count(action_id="create_contact")
    assert totals["done"] == reads + ran, "each answer that was lost was looked up and found"
    assert totals["settled"] == sandbox.faults.fired(faults(customers)[3])
    assert totals["absent"] == sandbox.faults.fired(faults(customers)[4])
    assert totals["fates"].get("unknown", 0) == totals["absent"] + totals["errors"].get("ServerError", 0)
    refused = sandbox.faults.fired(faults(customers)[5])
    assert totals["errors"].get("UnprocessableError", 0) == refused
    gone = {(each["linked_account_id"], each["slug"]) for each in totals["reconnect"]}
    assert gone == {(account, "catalog") for account in expired(customers)}


def compare_with_journal(report: dict[str, Any], path: Path) -> None:
    """The journal has each call in the state that the report counts, and the figures of the report itself."""
    records, totals = list(read_records(path)), report["summary"]
    states = Counter(record.state for record in records)
    assert states["done"] + states["found"] == totals["done"]
    assert (states["found"], states["absent"]) == (totals["settled"], totals["absent"])
    assert states["failed"] + states["absent"] == totals["failed"]
    assert sum(record.attempts for record in records) == totals["attempts"]
    kept = json.loads(as_json(read_figures(path)))
    assert kept["calls"] == states
    (run,) = kept["runs"]
    names = ("done", "failed", "skipped", "attempts")
    assert [run[name] for name in names] == [totals[name] for name in names]
    report["failures"] = [{**group, "message": ""} for group in report["failures"]]
    own = {"title", "written", "runs", "calls"}
    same = [{name: value for name, value in each.items() if name not in own} for each in (kept, report)]
    assert same[0] == same[1]


def compare_with_page(report: dict[str, Any], page: Path) -> None:
    """Each table of the page has the figures, exactly."""
    text, totals = page.read_text(encoding="utf-8"), report["summary"]
    assert table(text, "over time") == [
        [near(at * report["period_seconds"]), *(float(number) for number in period.values())]
        for at, period in enumerate(report["periods"])
    ]
    assert [row[-1] for row in table(text, "latencies")] == [step["count"] for step in report["latencies"]]
    assert [row[-1] for row in table(text, "attempts")] == list(report["attempts"].values())
    assert [row[-1] for row in table(text, "retried")] == list(report["failed_attempts"].values())
    for name, rows in (("failures", report["failures"]), ("429s", report["throttlings"])):
        shown = [[value for value in row if value != "none"] for row in table(text, name)]
        assert shown == [[near(value) for value in row.values() if value is not None] for row in rows]
    assert table(text, "slowest") == [[near(value) for value in row.values()] for row in report["slowest"]]
    assert table(text, "to reconnect") == [list(each.values()) for each in totals["reconnect"]]
    tiles = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    for name in ("done", "failed", "skipped", "attempts"):
        assert tiles[name] == f"{totals[name]:,}"
    fates = {row[0]: row[1] for row in table(text, "fates")}
    assert fates.get("looked up and found", 0) == totals["settled"]
    assert fates.get("looked up and absent", 0) == totals["absent"]
    assert fates.get("fate unknown at the end", 0) == totals["fates"].get("unknown", 0)


def near(value: object) -> object:
    return round(value, 6) if isinstance(value, int | float) else value


def table(page: str, name: str) -> list[list[object]]:
    """Return the rows of a table: numbers as they sort, other cells as their text."""
    found = re.search(rf'data-name="{re.escape(name)}".*?<tbody>(.*?)</tbody>', page)
    if found is None:
        return []
    cells = re.compile(r'<td(?: class="?\w+"?)?(?: data-value="([^"]*)")?>(.*?)</td>')
    return [
        [float(number) if number else unescape(text) for number, text in cells.findall(row)]
        for row in re.findall(r"<tr>(.*?)</tr>", found[1])
    ]
