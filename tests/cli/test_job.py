"""`refold job`: running shards in processes, and showing them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from refold_async.cli.job_progress import JobProgressDisplay
from refold_async.fleet import JobProgress, ShardProgress
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

PROGRAM = """
from pathlib import Path
from refold_async import Call, RateLimit
from refold_async.fleet import Job

def calls(accounts):
    for account in accounts:
        for number in range(5):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))

here = Path(__file__).parent
job = Job("contacts", calls, accounts=[f"demo-user-{n}" for n in range(1, 21)], journal=here / "job",
          results=here / "out", shards=4, client={"rate_limit": RateLimit(RATE, burst=1)})
"""


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The module's sandbox, without the contacts of earlier tests."""
    server.reset()
    return server


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "contacts.py"
    file.write_text(PROGRAM.replace("RATE", "500"))
    return file


def test_the_shards_are_planned_run_and_shown(refold: Command, program: Path, sandbox: Sandbox) -> None:
    planned = json.loads(refold("job", "plan", str(program), "--json").out)
    assert sum(each["accounts"] for each in planned) == 20
    ended = refold("job", "run", str(program), "--shard", "1", "--shard", "2")
    assert ended.code == 0
    assert [line.partition(":")[0] for line in ended.out.splitlines()] == ["shard 1", "shard 2"]
    assert "2 of 4 shards ended" in ended.err
    ended = refold("job", "run", str(program), "--json", "--progress", "json")
    assert [each["shard"] for each in json.loads(ended.out)] == [0, 1, 2, 3]
    shown = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    assert len(shown[-1]["progress"]["shards"]) == 4
    ended = refold("job", "progress", str(program), "--watch", "--progress", "none")
    assert ended.err == ""
    assert "4 of 4 shards ended; 100 done, 0 failed, 0 unknown" in ended.out
    assert json.loads(refold("job", "summary", str(program), "--json").out)["complete"]
    assert sandbox.ledger.count() == 100


def test_a_failed_call_ends_in_1_and_runs_again(refold: Command, program: Path, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(linked_account_id="demo-user-7", status=400, times=5))
    assert refold("job", "run", str(program), "--progress", "none").code == 1
    report = program.with_name("report.html")
    ended = refold("job", "run", str(program), "--progress", "none", "--report", str(report))
    assert (ended.code, sandbox.ledger.count()) == (0, 100)
    assert "<h2>Shards</h2>" in report.read_text()
    ended = refold("job", "summary", str(program), "--report", "report.txt")
    assert (ended.code, "ends in .html or .json" in ended.err) == (2, True)


def test_an_unknown_write_is_named(refold: Command, program: Path, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(linked_account_id="demo-user-7", effect="write", drop="after", times=1))
    refold("job", "run", str(program), "--progress", "none")
    ended = refold("job", "summary", str(program), "--json")
    assert ended.code == 6
    assert [each["linked_account_id"] for each in json.loads(ended.out)["unknown"]] == ["demo-user-7"]


SETTLE = (
    "--settle", "search_contacts", "--lookup", "propertyName=email", "--lookup", "operator=EQ",
    "--lookup", "value={email}", "--match", "results[].properties.email={email}", "--after", "0",
)  # fmt: skip


@pytest.mark.parametrize("workers", ["1", "2"])
def test_unknown_writes_of_an_earlier_run_are_settled(
    refold: Command, program: Path, sandbox: Sandbox, workers: str
) -> None:
    sandbox.faults.add(Fault(effect="write", drop="after", times=2))
    assert refold("job", "run", str(program), "--progress", "none").code == 1
    ended = refold("job", "run", str(program), "--progress", "none", "--workers", workers, *SETTLE)
    assert ended.code == 0, ended.err
    assert json.loads(refold("job", "summary", str(program), "--json").out)["unknown"] == []
    assert sum(run.effect == "write" for run in sandbox.ledger.runs) == 100
    assert not sandbox.ledger.duplicates()


def test_options_that_do_not_settle_are_refused(refold: Command, program: Path) -> None:
    ended = refold("job", "run", str(program), "--settle", "search_contacts")
    assert (ended.code, "--settle needs --match" in ended.err) == (2, True)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_signal_lets_running_calls_of_all_workers_finish(
    refold: Command, program: Path, sandbox: Sandbox
) -> None:
    program.write_text(PROGRAM.replace("RATE", "20"))
    command = [
        sys.executable,
        "-m",
        "refold_async.cli",
        "job",
        "run",
        str(program),
        "--workers",
        "2",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        while sandbox.ledger.count() < 10:
            time.sleep(0.01)
        parent.send_signal(signal.SIGTERM)
        out, err = parent.communicate()
    assert parent.returncode == 130, err
    assert "run the same command again to resume" in err
    assert "stopped" in {each["stopped"] for each in json.loads(out)}
    done = sandbox.ledger.count()
    assert 10 <= done < 100
    program.write_text(PROGRAM.replace("RATE", "500"))
    ended = refold("job", "run", str(program), "--json")
    assert ended.code == 0, ended.err
    # Nothing was cut off: each call of the first run was recorded as done.
    assert sum(each["done_before"] for each in json.loads(ended.out)) == done
    assert sandbox.ledger.count() == 100
    assert not sandbox.ledger.duplicates()


@pytest.mark.usefixtures("refold")
def test_a_killed_worker_is_named(program: Path) -> None:
    # Workers show no progress, which tells them from their parent.
    killed = "import os, sys\nif 'none' in sys.argv: os.kill(os.getpid(), 9)\n"
    program.write_text(killed + program.read_text())
    command = [sys.executable, "-m", "refold_async.cli", "job", "run", str(program), "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("a worker was killed by signal 9") == 2
    assert "its shards: 0, 2" in ended.stderr


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(ended: int, shards: int = 64) -> JobProgress:
    states = ["ended"] * ended + ["running"] * 2 + ["waiting"] * (shards - ended - 2)
    return JobProgress(
        [
            ShardProgress(shard=shard, state=state, done=10 * (state == "ended"), worker="host:7")
            for shard, state in enumerate(states)
        ]
    )


def test_a_terminal_gets_a_table_of_the_shards_that_run_first() -> None:
    screen = Screen()
    shown = Console(file=screen, width=100, height=20, force_terminal=True)
    with JobProgressDisplay(lambda: progress(30), screen=shown):
        pass
    text = screen.getvalue()
    assert "30 of 64 shards ended, 2 running; 300 done, 0 failed, 0 unknown" in text
    assert "and 50 more shards" in text
    assert Counter(word for word in text.split() if word in {"running", "ended", "waiting"})["ended"] == 0


def test_a_log_gets_lines() -> None:
    log = io.StringIO()
    with JobProgressDisplay(lambda: progress(30), screen=Console(file=log, width=100, highlight=False)):
        pass
    assert log.getvalue() == "30 of 64 shards ended, 2 running; 300 done, 0 failed, 0 unknown\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x =", "SyntaxError"),
        ("def f():\n    raise LookupError('no such table')\nf()", "LookupError: no such table"),
        ("import a_module_that_is_missing", "ModuleNotFoundError"),
    ],
)
def test_a_file_that_raises_is_a_usage_error_with_its_own_traceback(
    refold: Command, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(text)
    ended = refold("job", "plan", str(file))
    assert ended.code == 2
    assert said in ended.err
    assert "refold_async/cli" not in ended.err
    assert f"{file} raised {said.partition(':')[0]}" in ended.err


def test_a_shard_that_is_named_twice_runs_once(refold: Command, program: Path) -> None:
    ended = refold("job", "run", str(program), "--shard", "1", "--shard", "1", "--json")
    assert [each["shard"] for each in json.loads(ended.out)] == [1]


@pytest.mark.usefixtures("refold")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_a_job_prints_does_not_mix_with_its_json(program: Path, workers: str) -> None:
    talks = program.read_text().replace("def calls(accounts):", "def calls(accounts):\n    print('in calls')")
    program.write_text(talks + "print('at import', flush=True)\n")
    command = [sys.executable, "-m", "refold_async.cli", "job", "run", str(program), "--workers", workers]
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert [each["shard"] for each in json.loads(ended.stdout)] == [0, 1, 2, 3]
    assert "at import" in ended.stderr
    assert "in calls" in ended.stderr
