"""The command as a process: signals, pipes, and what other processes can see of it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from refold_async.sandbox import Fault, Sandbox

from .conftest import KEY


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    # A suite that a shell runs in the background ignores SIGINT, and its processes would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "refold_async.cli", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_run(sandbox: Sandbox) -> None:
    ends = time.monotonic() + 20
    while not sandbox.ledger.runs and time.monotonic() < ends:
        time.sleep(0.02)


@pytest.fixture
def windows(tmp_path: Path) -> dict[str, str]:
    """The environment of a process whose event loop handles no signals, as on Windows."""
    (tmp_path / "sitecustomize.py").write_text(
        "from asyncio import unix_events as u\n"
        "def no(self, *a, **k): raise NotImplementedError\n"
        "u._UnixSelectorEventLoop.add_signal_handler = u._UnixSelectorEventLoop.remove_signal_handler = no\n"
    )
    return {"PYTHONPATH": str(tmp_path)}


def test_the_sandbox_runs_without_signal_handlers_of_the_loop(windows: dict[str, str]) -> None:
    with started("sandbox", "--accounts", "3", **windows) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, f"console: {url}/_console\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_prints_its_url_serves_and_ends_quietly(number: signal.Signals) -> None:
    with started("sandbox", "--api-key", "tk_mine", "--accounts", "3") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(3)]
        assert lines[1:] == [f"export REFOLD_BASE_URL={lines[0]}", "export REFOLD_API_KEY=tk_mine"]
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(f"{lines[0]}/api/v2/integration-schema/hubspot/actions", timeout=10)
        assert answer.value.code == 401
        answer.value.close()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", f"console: {lines[0]}/_console\n")


def test_a_wrong_setting_of_the_sandbox_ends_in_2() -> None:
    with started("sandbox", "--limit", "many") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert err.startswith("usage: refold sandbox")


def test_an_interrupted_write_says_that_it_may_have_run(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(hang=True, when="after"))
    line = (
        "execute",
        "hubspot",
        "create_contact",
        "--account",
        "demo-user-1",
        "--param",
        "email=a@b.example",
    )
    with started(*line, REFOLD_API_KEY=KEY, REFOLD_BASE_URL=sandbox.base_url) as process:
        wait_for_run(sandbox)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err == (
        "interrupted during actions.execute hubspot/create_contact for account demo-user-1; "
        "fate unknown: it may have been done\n"
    )
    assert sandbox.ledger.count(effect="write") == 1


def test_the_key_cannot_be_an_argument() -> None:
    with started("actions", "hubspot", "--account", "a", "--api-key", "tk_seen_by_ps") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "No such option" in err


def piped(sandbox: Sandbox, line: str, reader: str) -> subprocess.CompletedProcess[str]:
    """Pipe a command into a reader; return what the reader wrote and how the command ended."""
    return subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m refold_async.cli {line} | {reader}; exit ${{PIPESTATUS[0]}}"],
        env={**os.environ, "REFOLD_API_KEY": KEY, "REFOLD_BASE_URL": sandbox.base_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "line",
    [
        "actions hubspot --account demo-user-1",
        "api GET /api/v2/public/workflow --json",
        "batch --help",
        "--help",
    ],
)
def test_a_reader_that_has_left_ends_the_command_quietly(sandbox: Sandbox, line: str) -> None:
    ended = piped(sandbox, line, "true")
    assert (ended.returncode, ended.stdout, ended.stderr) == (141, "", "")


def test_a_reader_that_reads_everything_ends_the_command_well(sandbox: Sandbox) -> None:
    ended = piped(sandbox, "actions hubspot --account demo-user-1", "cat")
    assert ended.returncode == 0
    assert "actions of hubspot" in ended.stdout


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    """A file of two hundred rows."""
    path = tmp_path / "accounts.csv"
    path.write_text("linked_account_id,limit\n" + "demo-user-1,1\n" * 200)
    return str(path)


def started_batch(
    sandbox: Sandbox, accounts: str, *options: str, **environment: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    line = ("batch", "hubspot", "get_contact", "--accounts", accounts, "--concurrency", "2", "--json")
    return started(*line, *options, REFOLD_API_KEY=KEY, REFOLD_BASE_URL=sandbox.base_url, **environment)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("on_windows", [False, True])
def test_an_interrupt_lets_the_calls_under_way_of_a_batch_end(  # noqa: PLR0917
    sandbox: Sandbox,
    accounts: str,
    tmp_path: Path,
    windows: dict[str, str],
    number: signal.Signals,
    on_windows: bool,
) -> None:
    sandbox.faults.add(Fault(latency=0.05, when="after"))
    options, environment = ("--journal", str(tmp_path / "job.sqlite")), windows if on_windows else {}
    with started_batch(sandbox, accounts, *options, **environment) as process:
        wait_for_run(sandbox)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    told = json.loads(out)
    assert process.returncode == 130
    assert "running calls; interrupt again to cancel them" in err
    assert "run the same command again to resume" in err
    assert (told["stopped"], told["failed"], told["under_way"]) == ("stopped", 0, 0)
    assert 1 <= told["done"] == len(sandbox.ledger.runs) < 200


def test_sigterm_keeps_what_a_pull_has_read(sandbox: Sandbox, accounts: str, tmp_path: Path) -> None:
    sandbox.faults.add(Fault(latency=0.05, when="after"))
    line = ("pull", "catalog", "list_products", "--accounts", accounts, "--out", str(tmp_path / "out"))
    environment = {"REFOLD_API_KEY": KEY, "REFOLD_BASE_URL": sandbox.base_url}
    with started(*line, "--param", "limit=1", "--concurrency", "2", **environment) as process:
        while len(sandbox.ledger.runs) < 8:  # some of their pages are delivered
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    told = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert told["rows"] > 0


def test_a_second_interrupt_cancels_the_calls_in_flight(sandbox: Sandbox, accounts: str) -> None:
    sandbox.faults.add(Fault(hang=True, when="after"))
    with started_batch(sandbox, accounts) as process:
        wait_for_run(sandbox)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    told = json.loads(out)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "to resume" not in err, "there is no journal"
    assert (told["done"], told["failed"], told["under_way"]) == (0, 0, 2)


def test_a_batch_whose_reader_leaves_lets_the_calls_under_way_end(sandbox: Sandbox, accounts: str) -> None:
    sandbox.faults.add(Fault(latency=0.02, when="after"))
    line = f"batch hubspot get_contact --accounts {accounts} --concurrency 2 --out -"
    ended = piped(sandbox, line, "head -1")
    assert ended.returncode == 141
    assert json.loads(ended.stdout)["outcome"] == "done"
    assert "Traceback" not in ended.stderr
    assert " 0 failed" in ended.stderr
    assert 1 <= len(sandbox.ledger.runs) < 200
    assert f"{len(sandbox.ledger.runs)} attempts" in ended.stderr


on_a_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@on_a_full_disk
@pytest.mark.parametrize(
    "line", ["actions hubspot --account demo-user-1", "api GET /api/v2/public/workflow --json"]
)
def test_an_output_that_cannot_be_written_is_an_error_message(sandbox: Sandbox, line: str) -> None:
    ended = piped(sandbox, f"{line} >/dev/full", "true")
    assert ended.returncode == 2
    assert ended.stderr == "Error: cannot write the output: No space left on device\n"


@on_a_full_disk
@pytest.mark.parametrize("to_stdout", [False, True])
def test_a_batch_that_cannot_write_its_outcomes_lets_the_calls_under_way_end(
    sandbox: Sandbox, accounts: str, to_stdout: bool
) -> None:
    sandbox.faults.add(Fault(latency=0.02, when="after"))
    out = "- >/dev/full" if to_stdout else "/dev/full"
    ended = piped(
        sandbox, f"batch hubspot get_contact --accounts {accounts} --concurrency 2 --out {out}", "cat"
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    name = "stdout" if to_stdout else "/dev/full"
    assert f"Error: {name}: No space left on device; outcomes are missing from it" in ended.stderr
    assert 1 <= len(sandbox.ledger.runs) < 200
    assert f"{len(sandbox.ledger.runs)} attempts" in ended.stderr + ended.stdout


@pytest.mark.parametrize("journaled", [False, True])
def test_a_second_interrupt_leaves_every_outcome_in_the_folder(
    sandbox: Sandbox, tmp_path: Path, *, journaled: bool
) -> None:
    path, out = tmp_path / "accounts.csv", tmp_path / "results"
    path.write_text("linked_account_id,limit\n" + "demo-user-1,1\n" * 20 + "demo-user-2,1\n" * 2)
    sandbox.faults.add(Fault(hang=True, when="after", linked_account_id="demo-user-2"))
    options = ("--out", str(out), "--out-format", "jsonl", "--per-account", "1")
    journal = ("--journal", str(tmp_path / "job.sqlite")) if journaled else ()
    with started_batch(sandbox, str(path), *options, *journal) as process:
        ends = time.monotonic() + 20
        while len(sandbox.ledger.runs) < 21 and time.monotonic() < ends:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    files = json.loads((out / "manifest.json").read_bytes())["files"]
    lines = [line for file in files for line in (out / file["name"]).read_text().splitlines()]
    rows = sorted((row["index"], row["outcome"]) for row in map(json.loads, lines))
    last = rows.pop(19)  # the ledger may have it before the process has its response
    assert last in {(19, "done"), (19, "cut_off")}
    assert rows == [*((index, "done") for index in range(19)), (20, "cut_off"), (21, "skipped")]


@pytest.mark.parametrize(
    ("closed", "line", "ends"),
    [
        ("0<&-", "accounts delete demo-user-1", (2, "pass --yes to confirm")),
        ("0<&-", "batch hubspot get_contact --accounts -", (2, "stdin: empty")),
        ("0<&-", "execute hubspot get_contact --account demo-user-1 --params -", (2, "not a JSON object")),
        ("1>&-", "batch hubspot get_contact --accounts FILE --out -", (2, "stdout: Bad file descriptor")),
        ("1>&-", "execute hubspot get_contact --account demo-user-1", (2, "cannot write the output")),
        ("1>&-", "--help", (2, "cannot write the output: Bad file descriptor")),
        ("2>&-", "batch hubspot get_contact --accounts FILE", (0, "")),
        ("0<&- 1>&- 2>&-", "batch hubspot get_contact --accounts FILE --out OUT --json", (2, "")),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="closes descriptors with a shell")
def test_a_stream_that_is_closed_from_the_start_is_no_crash(
    sandbox: Sandbox, tmp_path: Path, closed: str, line: str, ends: tuple[int, str]
) -> None:
    (tmp_path / "accounts.csv").write_text("linked_account_id\ndemo-user-1\n")
    out = tmp_path / "out.jsonl"
    line = line.replace("FILE", f"{tmp_path}/accounts.csv").replace("OUT", str(out))
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m refold_async.cli {line} {closed}', sys.executable],
        env={**os.environ, "REFOLD_API_KEY": KEY, "REFOLD_BASE_URL": sandbox.base_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert ends[1] in ended.stderr
    assert ended.returncode == ends[0]
    if str(out) in line:
        assert json.loads(out.read_text())["outcome"] == "done"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=repr)
def test_a_result_that_stdout_cannot_encode_is_a_success(sandbox: Sandbox, options: tuple[str, ...]) -> None:
    line = (
        "execute",
        "hubspot",
        "create_contact",
        "--account",
        "demo-user-1",
        "--param",
        "email=a@b.example",
    )
    with started(
        *line, "--param", "firstname=Zoë 漢", *options,
        REFOLD_API_KEY=KEY, REFOLD_BASE_URL=sandbox.base_url, PYTHONIOENCODING="ascii",
    ) as process:  # fmt: skip
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    data = json.loads(out)
    assert (data.get("data") or data)["properties"]["firstname"] == "Zoë 漢"
    with started(
        "accounts", "create", f"ann-{len(options)}", "--name", "Zoë 漢",
        REFOLD_API_KEY=KEY, REFOLD_BASE_URL=sandbox.base_url, PYTHONIOENCODING="ascii",
    ) as process:  # fmt: skip
        out, _ = process.communicate(timeout=30)
    assert "Zo\\xeb \\u6f22" in out


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("line", "prompts"),
    [
        (("accounts", "delete", "demo-user-7"), True),
        (("batch", "hubspot", "create_contact", "--accounts", "ACCOUNTS", "--param", "email=a@b.ex"), True),
        (("batch", "hubspot", "get_contact", "--accounts", "-"), False),
        (("execute", "hubspot", "get_contact", "--account", "demo-user-1", "--params", "-"), False),
    ],
    ids=repr,
)
def test_ctrl_c_ends_what_waits_for_stdin(
    sandbox: Sandbox, tmp_path: Path, line: tuple[str, ...], *, prompts: bool
) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("linked_account_id\ndemo-user-1\ndemo-user-2\n")
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "refold_async.cli", *(str(accounts) if x == "ACCOUNTS" else x for x in line)],
        env={**os.environ, "REFOLD_API_KEY": KEY, "REFOLD_BASE_URL": sandbox.base_url},
        stdin=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        try:
            said = b""
            while prompts and b"[y/N]" not in said:
                said += process.stderr.read(1)
            time.sleep(0.5 if prompts else 2)  # a signal just before a read is noticed after it
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
    os.close(ours)
    os.close(theirs)
    assert not sandbox.ledger.runs
