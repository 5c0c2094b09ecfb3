"""Kills a program that writes with a journal, runs it again, and holds both to the sandbox's ledger."""

import asyncio
import random
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from refold_async.batch.journal.sqlite import State
from refold_async.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Trial:
    """What one kill and one resume came to."""

    done_at_kill: int
    under_way_at_kill: int
    under_way_that_ran: int


async def kill_and_resume(sandbox: Sandbox, journal: Path, writes: int, seed: int) -> Trial:
    """Kill the program once some number of writes ran, run it to its end, and check what happened."""
    chance = random.Random(seed)
    sandbox.reset()
    first = await _killed(sandbox, journal, writes, chance)
    begun, known = _states(journal)
    ran_at_kill = _places(sandbox)
    second = await _run_to_the_end(sandbox, journal, writes)
    third = await _run_to_the_end(sandbox, journal, writes)

    reported = {int(line.split()[0]): line.split(" ", 1)[1] for line in second}
    unknown = {place for place, what in reported.items() if what == "failed unknown InterruptedRunError"}
    assert not sandbox.ledger.duplicates(), "a write ran twice"
    assert len(second) == len(reported) == writes, "a call has not exactly one outcome"
    assert unknown == begun, "what was under way is not what is reported as unknown"
    assert _places(sandbox) | unknown == set(range(writes)), "a write is missing"
    for line in first:
        place, what = line.split(" ", 1)
        assert (what, reported[int(place)]) == ("done", "skipped done_before"), (
            "an outcome handed over is not kept"
        )
    again = [line.split(" ", 1)[1] for line in third]
    assert again.count("skipped unknown_before") == len(unknown), "unknown writes are reported once"
    assert again.count("skipped done_before") == writes - len(unknown)
    return Trial(len(known), len(begun), len(begun & ran_at_kill))


def _command(sandbox: Sandbox, journal: Path, writes: int) -> list[str]:
    return [
        sys.executable, "-m", f"{__package__}.resumable",
        sandbox.base_url, sandbox.api_key, str(journal), str(writes),
    ]  # fmt: skip


async def _killed(sandbox: Sandbox, journal: Path, writes: int, chance: random.Random) -> list[str]:
    program = await asyncio.create_subprocess_exec(*_command(sandbox, journal, writes), cwd=ROOT, stdout=PIPE)
    reading = asyncio.create_task(program.communicate())
    enough = chance.randrange(writes)
    while sandbox.ledger.count() < enough and program.returncode is None:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.001)
    await asyncio.sleep(chance.uniform(0, 0.02))
    if program.returncode is None:
        program.kill()
    said, _ = await reading
    return said.decode().splitlines()


async def _run_to_the_end(sandbox: Sandbox, journal: Path, writes: int) -> list[str]:
    program = await asyncio.create_subprocess_exec(*_command(sandbox, journal, writes), cwd=ROOT, stdout=PIPE)
    said, _ = await program.communicate()
    assert program.returncode == 0
    return said.decode().splitlines()


def _states(journal: Path) -> tuple[set[int], set[int]]:
    """Read which calls are begun, and which are done, from a copy: the journal itself stays untouched."""
    copy = journal.with_name("copy.sqlite")
    for suffix in ("", "-wal"):
        source = Path(f"{journal}{suffix}")
        if source.exists():
            Path(f"{copy}{suffix}").write_bytes(source.read_bytes())
    if not copy.exists():
        return set(), set()
    db = sqlite3.connect(copy)
    try:
        rows = list(db.execute("SELECT key, state FROM calls")) if _has_tables(db) else []
    finally:
        db.close()
    return _in_state(rows, State.BEGUN), _in_state(rows, State.DONE)


def _has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'calls'").fetchone()[0])


def _in_state(rows: Iterable[tuple[str, int]], wanted: State) -> set[int]:
    return {int(key[1:]) for key, state in rows if state == wanted}


def _places(sandbox: Sandbox) -> set[int]:
    return {int(str(run.params["email"]).split("@")[0]) for run in sandbox.ledger.writes()}
