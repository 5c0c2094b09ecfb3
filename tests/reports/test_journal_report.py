"""The figures that a journal keeps of each run, and the report that is made of them."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import (
    BatchSummary,
    Call,
    Done,
    Failed,
    Journal,
    JournalError,
    NotFoundError,
    Outcome,
    RateLimitedError,
    Refold,
)
from refold_async.batch.figures import RunFigures, decode_figures, encode_figures, figures
from refold_async.batch.history import RunHistory
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.journal.reporting import read_figures
from refold_async.batch.journal.sqlite import JournalFile
from refold_async.batch.merged_figures import merged
from refold_async.batch.summary import Connection, Counters
from refold_async.cli.program import run
from refold_async.results import ActionResult
from refold_async.sandbox import Fault, Sandbox, SandboxThread

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
RESULT = ActionResult("success", 200, msgspec.Raw(b"{}"))


def writes(number: int) -> list[Call]:
    return [
        Call(
            f"demo-user-{place}",
            "hubspot",
            "create_contact",
            {"email": f"{place}@example.org"},
            key=f"{place}",
        )
        for place in range(1, number + 1)
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=100, latency=0.01)) as sandbox:
        yield sandbox


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs `refold journal report`, and returns its exit code and all that it printed."""

    def told(*arguments: object) -> tuple[int, str]:
        code = run(["journal", "report", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out + err

    return told


def ran(sandbox: Sandbox, number: int, journal: Journal) -> BatchSummary:
    async def writing() -> BatchSummary:
        async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
            return (await refold.run(writes(number), journal=journal)).summary

    sandbox.ledger.clear()
    return asyncio.run(writing())


def test_each_run_has_the_figures_of_its_own_summary(server: Sandbox, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job.sqlite", job="nightly")
    server.faults.add(Fault(status=400, linked_account_id="demo-user-2", times=1))
    server.faults.add(Fault(drop="after", linked_account_id="demo-user-3", times=1))
    first = ran(server, 5, journal)
    executed = server.ledger.count()
    second = ran(server, 6, journal)
    one, two = read_figures(journal.path, run=1), read_figures(journal.path)
    assert (one.summary, two.summary) == (first, second)
    assert (one.title, one.run, two.run, one.ended, two.killed) == ("nightly", 1, 2, True, False)
    totals = [(each.number, each.done, each.failed, each.skipped, each.attempts) for each in two.runs]
    assert totals == [(1, 3, 2, 0, 5), (2, 2, 1, 0, 2)]
    assert (executed, server.ledger.count()) == (4, 2)  # the 400 ran nothing, the lost answer's write ran
    assert two.calls == {"done": 5, "unknown": 1}
    with pytest.raises(JournalError, match="run 3 has not recorded figures"):
        read_figures(journal.path, run=3)


def test_a_killed_run_has_a_report_of_what_it_did_until_then(
    server: Sandbox, tmp_path: Path, command: Callable[..., tuple[int, str]]
) -> None:
    path, page = tmp_path / "job.sqlite", tmp_path / "report.html"
    server.ledger.clear()
    environment = os.environ | {"REFOLD_API_KEY": server.api_key, "REFOLD_BASE_URL": server.base_url}
    program = [sys.executable, "-m", "tests.batch.resumable", str(path), "100000"]
    with Popen(program, cwd=Path(__file__).parents[2], env=environment, stdout=DEVNULL) as process:
        try:
            while not recorded(path) and process.poll() is None:
                time.sleep(0.02)
            running = read_figures(path)
        finally:
            process.kill()
    killed = read_figures(path)
    assert (running.killed, running.ended, running.runs[-1].end) == (False, False, "running")
    assert (killed.killed, killed.ended, killed.runs[-1].end) == (True, False, "killed")
    assert 0 < killed.summary.done <= server.ledger.count()
    assert sum(period.done for period in killed.periods) == killed.summary.done
    code, said = command(path, "--report", page)
    assert (code, f"report: {page}\n" in said) == (0, True)
    assert "; killed; figures as of " in page.read_text(encoding="utf-8")


def recorded(path: Path) -> bool:
    try:
        return read_figures(path).summary.done > 0
    except JournalError:
        return False


def test_the_command_prints_totals_or_figures_and_refuses_nonsense(
    server: Sandbox, tmp_path: Path, command: Callable[..., tuple[int, str]]
) -> None:
    path, report = tmp_path / "job.sqlite", tmp_path / "report.json"
    ran(server, 3, Journal(path))
    code, said = command(path)
    assert (code, said[:16]) == (0, "3 done, 0 failed")
    fields = json.loads(command(path, "--json")[1])
    assert (fields["summary"]["done"], fields["run"]) == (3, 1)
    assert command(path, "--report", report)[0] == 0
    assert json.loads(report.read_bytes()) == fields
    assert command(path, "--report", "x.pdf")[0] == 2
    assert "run 7 has not recorded figures" in command(path, "--run", "7")[1]


def test_the_batches_of_one_run_are_one_report(server: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "job.sqlite"
    server.faults.add(Fault(status=400, linked_account_id="demo-user-2", times=1))

    async def two_batches() -> int:
        attempts = 0
        async with Refold(server.api_key, base_url=server.base_url) as refold:
            opened = await OpenJournal.open(Journal(path), server.base_url)
            for half in (writes(4)[:2], writes(4)[2:]):
                options: Any = {"journal": opened}
                attempts += (await refold.run(half, **options)).summary.attempts
            await opened.aclose()
        return attempts

    attempts = asyncio.run(two_batches())
    both = read_figures(path)
    assert (both.summary.done, both.summary.failed, both.summary.attempts) == (3, 1, attempts)
    assert len(both.runs) == 1


def test_a_journal_of_a_run_without_figures_says_so(tmp_path: Path) -> None:
    JournalFile(tmp_path / "job.sqlite", job=None, base_url="http://h").close()
    with pytest.raises(JournalError, match="no run recorded figures"):
        read_figures(tmp_path / "job.sqlite")


def counted(outcomes: list[tuple[float, Outcome]]) -> RunFigures:
    history, counters = RunHistory(), Counters()
    for at, outcome in outcomes:
        history.add_attempts(at, outcome.attempts)
        history.add(at, outcome)
        counters.add(outcome)
        if isinstance(outcome, Failed):
            history.add_error(at, outcome.error)
            counters.reconnect[Connection(outcome.call.linked_account_id, outcome.call.slug)] = None
    seconds = max((at for at, _ in outcomes), default=0.0)
    summary = counters.summary(seconds=seconds, under_way=0, stopped=None)
    steps = counters.latencies.steps()
    return figures("Batch", summary, history, steps, began=BEGAN, ended=True, rate_limit=None)


def test_the_figures_of_a_run_are_bounded() -> None:
    def outcome(number: int) -> Outcome:
        call = Call(f"customer-{number}-{'x' * 40}", f"app-{number}", "get_contact")
        error = RateLimitedError("m" * 5000, fate="rejected")
        error.slug, error.by_app = f"app-{number}", True
        return Failed(call, error, attempts=number % 30 + 1, elapsed=1.02**number % 1e5)

    few, many = (
        encode_figures(counted([(number * 7.0, outcome(number)) for number in range(total)]))
        for total in (1_000, 5_000)
    )
    assert len(many) <= 150_000
    assert len(many) <= 1.1 * len(few)
    assert encode_figures(decode_figures(many)) == many


outcomes = st.tuples(
    st.floats(0, 5e4),
    st.builds(
        lambda account, slug, elapsed, attempts, good: (
            Done(Call(account, slug, "x"), RESULT, attempts=attempts, elapsed=elapsed)
            if good
            else Failed(
                Call(account, slug, "x"), NotFoundError("no", fate="rejected"), attempts=attempts, elapsed=elapsed
            )
        ),
        st.sampled_from("abcdef"), st.sampled_from(["p", "q"]), st.floats(0.001, 100), st.integers(1, 12), st.booleans(),
    ),
)  # fmt: skip


@given(st.lists(st.lists(outcomes, max_size=40), min_size=1, max_size=4))
def test_merged_figures_are_those_of_all_outcomes(parts: list[list[tuple[float, Outcome]]]) -> None:
    whole = counted([each for part in parts for each in part])
    together = merged("Batch", [counted(part) for part in parts])
    assert len(together.periods) <= 120
    for name in ("done", "failed", "skipped", "attempts", "throttled"):
        assert sum(getattr(each, name) for each in together.periods) == sum(
            getattr(each, name) for each in whole.periods
        )
    assert together.attempts == whole.attempts
    assert list(together.attempts) == list(whole.attempts)
    assert together.latencies == whole.latencies
    assert {(each.error, each.slug): each.count for each in together.failures} == {
        (each.error, each.slug): each.count for each in whole.failures
    }
    assert [each.seconds for each in together.slowest] == [each.seconds for each in whole.slowest]
    same: list[Any] = [
        (each.summary.done, each.summary.failed, each.summary.attempts, each.summary.longest,
         Counter(each.summary.errors), Counter(each.summary.fates), set(each.summary.reconnect))
        for each in (together, whole)
    ]  # fmt: skip
    assert same[0] == same[1]
    for name in ("p50", "p90", "p99"):
        exact, near = getattr(whole.summary, name), getattr(together.summary, name)
        assert near == (None if exact is None else pytest.approx(exact, rel=0.12))
