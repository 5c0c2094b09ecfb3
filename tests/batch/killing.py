"""Kills a program that writes with a journal, runs it again, and holds all runs to the sandbox's ledger."""

import asyncio
import json
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Literal

from refold_async import Journal, JournalError
from refold_async.row_files import FileFormat
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


Command = Literal["file"] | FileFormat | None


@dataclass(frozen=True)
class Trial:
    """What some kills and the runs to the end came to.

    Attributes:
        done_at_kill: Calls done at the last kill.
        under_way_at_kill: Calls under way then, so unknown ever since.
        under_way_that_ran: Those of them that had run.
        delivered_again: Outcomes that were delivered more than once.
    """

    done_at_kill: int
    under_way_at_kill: int
    under_way_that_ran: int
    delivered_again: int


async def kill_and_resume(
    sandbox: Sandbox, folder: Path, writes: int, seed: int, *, kills: int = 1, command: Command = None
) -> Trial:
    """Kill the program once some number of writes ran, run it to its end twice, and check what happened.

    Args:
        sandbox: Where it writes.
        folder: An empty folder.
        writes: The number of its writes.
        seed: Decides when it is killed.
        kills: How often it is killed.
        command: Run `refold batch --journal --out` instead of a program that uses the SDK, with a file of
            JSON lines or a folder in a format.
    """
    chance = random.Random(seed)
    sandbox.reset()
    program = await asyncio.to_thread(_program, sandbox, folder, writes, command)
    lines: list[tuple[int, str]] = []
    for _ in range(kills):
        lines += await _killed(sandbox, program, writes, chance)
    under_way, done = await asyncio.to_thread(_states, program.journal)
    ran_at_kill = _places(sandbox)
    second = await _run_to_the_end(program)
    third = await _run_to_the_end(program)

    assert not sandbox.ledger.duplicates(), "a write ran twice"
    for run in (second, third):
        assert sorted(place for place, _ in run) == list(range(writes)), "a call has not exactly one outcome"
        unknown = {place for place, what in run if what == "failed unknown"}
        assert unknown == under_way, "what was under way is not what is reported as unknown in each run"
    assert _places(sandbox) | under_way == set(range(writes)), "a write is missing"
    results = [place for place, what in [*lines, *second] if what == "done"]
    assert set(results) == set(range(writes)) - under_way, "a result was not delivered"
    assert command is not None or {what for _, what in third} <= {"skipped done_before", "failed unknown"}
    again = 0 if command is not None else len(results) - len(set(results))  # the file has one line of each
    return Trial(len(done), len(under_way), len(under_way & ran_at_kill), again)


class _Resumable:
    """The program of `resumable`, which prints a line for each outcome."""

    def __init__(self, sandbox: Sandbox, folder: Path, writes: int) -> None:
        self.journal = folder / "job.sqlite"
        self.environment = os.environ | {
            "REFOLD_API_KEY": sandbox.api_key,
            "REFOLD_BASE_URL": sandbox.base_url,
        }
        self.arguments = ["-m", f"{__package__}.resumable", str(self.journal), str(writes)]
        self.ends = {0}

    def lines(self, printed: bytes) -> list[tuple[int, str]]:
        # A killed program may have printed half of its last line.
        whole = [
            line.split(" ", 1) for line in printed.decode().splitlines(keepends=True) if line.endswith("\n")
        ]
        return [(int(place), what.strip()) for place, what in whole]


class _BatchCommand(_Resumable):
    """`refold batch` with `--out`, whose lines are the outcomes."""

    def __init__(self, sandbox: Sandbox, folder: Path, writes: int) -> None:
        super().__init__(sandbox, folder, writes)
        accounts, self.out = folder / "accounts.csv", folder / "results.jsonl"
        rows = (f"demo-user-{place % 100 + 1},{place}@example.org\n" for place in range(writes))
        accounts.write_text("linked_account_id,email\n" + "".join(rows))
        self.arguments = [
            "-m", "refold_async.cli", "batch", "hubspot", "create_contact", "--accounts", str(accounts), "--yes",
            "--rate", "100000", "--journal", str(self.journal), "--out", str(self.out),
        ]  # fmt: skip
        self.ends = {0, 6}

    def lines(self, printed: bytes) -> list[tuple[int, str]]:
        found = []
        for line in self.out.read_bytes().split(b"\n")[:-1] if self.out.exists() else []:
            fields = json.loads(line)
            what = f"failed {fields['error']['fate']}" if fields["outcome"] == "failed" else fields["outcome"]
            found.append((fields["index"], what))
        return found


_SMALL_PARTS = """
import sys
from refold_async.cli import main
from refold_async.cli.commands import batch
batch._PART_ROWS = 20
sys.exit(main())
"""


class _FolderCommand(_BatchCommand):
    """`refold batch` with `--out-format`, whose rows are the outcomes; its parts are small."""

    def __init__(self, sandbox: Sandbox, folder: Path, writes: int, form: FileFormat) -> None:
        super().__init__(sandbox, folder, writes)
        self.form: FileFormat = form
        self.out = folder / "results"
        self.arguments = ["-c", _SMALL_PARTS, *self.arguments[2:-1], str(self.out), "--out-format", form]

    def lines(self, printed: bytes) -> list[tuple[int, str]]:
        manifest = self.out / "manifest.json"
        files = json.loads(manifest.read_bytes())["files"] if manifest.exists() else []
        found = []
        for file in files:
            rows = list(read_fields(self.form, self.out / file["name"], ("index", "outcome", "error")))
            assert len(rows) == file["rows"]
            for index, outcome, error in rows:
                read = json.loads(error) if error and isinstance(error, str) else error
                found.append((int(index), f"failed {read['fate']}" if outcome == "failed" else outcome))
        return found


def _program(sandbox: Sandbox, folder: Path, writes: int, command: Command) -> _Resumable:
    if command is None:
        return _Resumable(sandbox, folder, writes)
    if command == "file":
        return _BatchCommand(sandbox, folder, writes)
    return _FolderCommand(sandbox, folder, writes, command)


async def _started(program: _Resumable) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *program.arguments, cwd=ROOT, env=program.environment, stdout=PIPE, stderr=DEVNULL
    )


async def _killed(
    sandbox: Sandbox, program: _Resumable, writes: int, chance: random.Random
) -> list[tuple[int, str]]:
    process = await _started(program)
    reading = asyncio.create_task(process.communicate())
    enough = chance.randrange(sandbox.ledger.count(), writes + 1)
    while sandbox.ledger.count() < enough and process.returncode is None:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.001)
    await asyncio.sleep(chance.uniform(0, 0.1 if enough == writes else 0.02))
    if process.returncode is None:
        process.kill()
    printed, _ = await reading
    return await asyncio.to_thread(program.lines, printed)


async def _run_to_the_end(program: _Resumable) -> list[tuple[int, str]]:
    process = await _started(program)
    printed, _ = await process.communicate()
    assert process.returncode in program.ends
    return await asyncio.to_thread(program.lines, printed)


def _states(journal: Path) -> tuple[set[int], set[int]]:
    """Return which calls are under way or unknown, and which are done."""
    try:
        records = list(Journal.read(journal))
    except JournalError:
        return set(), set()  # killed before its tables were there
    under_way = {record.index for record in records if record.state in {"begun", "unknown"}}
    done = {record.index for record in records if record.state == "done"}
    return {index for index in under_way if index is not None}, {index for index in done if index is not None}


def _places(sandbox: Sandbox) -> set[int]:
    return {int(str(run.params["email"]).split("@")[0]) for run in sandbox.ledger.writes()}
