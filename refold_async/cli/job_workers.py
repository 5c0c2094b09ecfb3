"""The processes of `refold job run --workers`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Final, NamedTuple

import msgspec

from refold_async.cli.exits import Exit
from refold_async.fleet import ShardReport

# When its terminal is closed, too: the workers are in groups of their own, and would go on.
_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Worker(NamedTuple):
    """A process that runs some shards."""

    shards: Sequence[int]
    process: subprocess.Popen[bytes]
    output: IO[bytes]


class WorkersRun(NamedTuple):
    """What the processes of a job came to.

    Attributes:
        reports: Those of the shards that came to an end.
        killed: The processes that a signal ended: it, and their shards.
        code: The worst exit code.
    """

    reports: list[ShardReport]
    killed: list[tuple[int, Sequence[int]]]
    code: Exit


def run_workers(path: str, shards: Sequence[int], workers: int, words: Sequence[str] = ()) -> WorkersRun:
    """Divide the shards of a job's file between processes, and wait for all.

    A SIGINT, SIGTERM or SIGHUP is passed on to them: the first lets running calls finish, the second
    cancels them.

    Args:
        path: The file.
        shards: The shards.
        workers: The number of processes.
        words: Other words of their command lines.
    """
    groups = [shards[first::workers] for first in range(min(workers, len(shards)))]
    with contextlib.ExitStack() as stack:
        started = [_start(stack, path, group, words) for group in groups]
        with _passing_signals_on([worker.process for worker in started]) as received:
            for worker in started:
                worker.process.wait()
        reports = [report for worker in started for report in _reports(worker)]
    codes = [worker.process.returncode for worker in started]
    killed = [(-code, worker.shards) for code, worker in zip(codes, started, strict=True) if code < 0]
    code = Exit.INTERRUPTED if received else Exit(max(Exit.REFUSED if each < 0 else each for each in codes))
    return WorkersRun(sorted(reports, key=lambda each: each.shard), killed, code)


def _start(stack: contextlib.ExitStack, path: str, shards: Sequence[int], words: Sequence[str]) -> _Worker:
    chosen = [argument for shard in shards for argument in ("--shard", str(shard))]
    command = [sys.executable, "-m", "refold_async.cli", "job", "run", path, *chosen, *words]
    output = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    # In a group of its own: Ctrl-C reaches this process alone, which passes it on once.
    group = 0 if os.name == "posix" else None
    process = subprocess.Popen(  # noqa: S603 - this program
        [*command, "--json", "--progress", "none"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        process_group=group,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return _Worker(shards, process, output)


def _reports(worker: _Worker) -> list[ShardReport]:
    worker.output.seek(0)
    text = worker.output.read()
    try:
        return msgspec.json.decode(text, type=list[ShardReport])
    except msgspec.MsgspecError:  # it was killed, or failed: it has said why on stderr
        return []


@contextlib.contextmanager
def _passing_signals_on(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Pass signals on to processes; yields those that came."""
    received: list[int] = []

    def handle(number: int, _: object) -> None:
        received.append(number)
        for process in processes:
            process.terminate()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
