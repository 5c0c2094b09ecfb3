import io

import pytest
from rich.console import Console

from refold_async.batch import BatchProgress
from refold_async.cli.commands import sandbox
from refold_async.cli.commands.sandbox import Claim, check
from refold_async.cli.program import run
from refold_async.cli.progress import ProgressDisplay
from refold_async.sandbox import Ledger


def test_the_demo_shows_the_main_job_and_its_proof(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY", raising=False)
    code = run(["demo", "--accounts", "20", "--concurrency", "20"])
    out, err = capsys.readouterr()
    assert code == 0
    for words in ("20 actions of hubspot", "parameters of create_contact", "create_contact: Success"):
        assert words in out
    assert "17 of 20 done, 3 failed, 0 skipped" in err
    claims = [line.split() for line in out.splitlines() if line.endswith("matches ")]
    assert [claim[-3:] for claim in claims] == [
        ["1", "1", "matches"],
        ["17", "17", "matches"],
        ["3", "3", "matches"],
        ["0", "0", "matches"],
    ]


def test_a_demo_whose_ledger_differs_ends_in_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "check", lambda *_: [Claim("contacts created", 1, 2)])
    assert run(["demo", "--accounts", "10"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_a_demo_that_cannot_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--accounts", "10", "--concurrency", "0"]) == 2
    assert "concurrency must be an integer of at least 1" in capsys.readouterr().err


def ledger_of(*runs: tuple[str, str]) -> Ledger:
    ledger = Ledger()
    for account, action in runs:
        ledger.record(
            linked_account_id=account,
            slug="hubspot",
            action_id=action,
            params={},
            effect="write" if action == "create_contact" else "read",
            ok=True,
        )
    return ledger


def test_the_check_would_find_what_ran_and_was_not_reported() -> None:
    ledger = ledger_of(
        ("a", "create_contact"), ("a", "create_contact"), ("a", "get_contact"), ("b", "get_contact")
    )
    assert check(ledger, 2, done={"a", "c"}, accounts=4) == (
        Claim("contacts created", 1, 2),
        Claim("accounts read", 2, 1),
        Claim("accounts failed and not read", 2, 1),
        Claim("writes executed twice", 0, 1),
    )


def progress(done: int, elapsed: float, *, ended: bool = False) -> BatchProgress:
    return BatchProgress(
        done=done, failed=1, skipped=2, under_way=3, held=0, read=1000, total=2000,
        elapsed=elapsed, rate=200.0, left=9.0, ended=ended,
    )  # fmt: skip


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("color", ["FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "NOTHING"])
def test_a_log_gets_a_line_every_five_seconds_and_one_at_the_end(
    monkeypatch: pytest.MonkeyPatch, color: str
) -> None:
    monkeypatch.setenv(color, "1")
    log = io.StringIO()
    with ProgressDisplay(Console(file=log, width=120, highlight=False)) as display:
        for tenth in range(121):
            display(progress(tenth, tenth / 10))
        display(progress(1997, 12.1, ended=True))
    assert log.getvalue().splitlines() == [
        "50 of 2,000 done, 1 failed, 2 skipped, 200 a second",
        "100 of 2,000 done, 1 failed, 2 skipped, 200 a second",
        "1,997 of 2,000 done, 1 failed, 2 skipped, 200 a second",
    ]


def test_a_terminal_gets_a_bar() -> None:
    screen = Screen()
    with ProgressDisplay(Console(file=screen, width=120, force_terminal=True)) as display:
        display(progress(997, 1.0))
    assert "50%" in screen.getvalue()
    assert "997 of 2,000 done" in screen.getvalue()


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    with ProgressDisplay(Console(file=screen, width=120, highlight=False)) as display:
        display(progress(1997, 1.0, ended=True))
    assert screen.getvalue() == "1,997 of 2,000 done, 1 failed, 2 skipped, 200 a second\n"
