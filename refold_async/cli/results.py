"""The results of a batch: a JSON line per outcome, and a report at the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Self

import click
import msgspec

from refold_async._core.json_lines import json_line
from refold_async.batch import BatchSummary, Call, Done, Failed, Outcome, Reason
from refold_async.batch.rows import call_fields, result_fields
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Absent, Unresolved
from refold_async.cli.exits import Exit, discard_stdout, exit_code_of
from refold_async.cli.result_file import ResultFile
from refold_async.cli.result_folder import ResultFolder
from refold_async.cli.terminal import Terminal, error_fields
from refold_async.errors import SettingsError
from refold_async.row_files import FileFormat

_SHOWN: Final = 20


class Results:
    """Writes a batch's outcomes. A group is written before the next one is asked for.

    Args:
        path: The file or folder; `-` for stdout, `None` for none.
        form: The format of a folder of parts; default: a file of JSON lines.

    Attributes:
        codes: The exit codes of the outcomes, and `PIPE` if stdout was closed.
        failure: The error that stopped writing, if any.

    Raises:
        click.UsageError: If the file or folder cannot be written.
    """

    def __init__(self, path: str | None, form: FileFormat | None = None) -> None:
        self.codes: set[Exit] = set()
        self.failure: OSError | None = None
        self._to_stdout = path == "-"
        self._name = "stdout" if self._to_stdout else path
        self._file = None if path is None or self._to_stdout else _open(path, form)
        self._failures: list[Failed] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            (self._file.close if self.failure is None else self._file.abandon)()

    @property
    def accepts_more(self) -> bool:
        """Whether outcomes can still be written: the pipe is open and the disk has room."""
        return self.failure is None and Exit.PIPE not in self.codes

    def begin(self, *, continues: bool) -> None:
        """Begin, once this run is sure to start: empty the file, unless it continues an earlier run's."""
        if self._file is not None:
            with self._failing():
                self._file.begin(continues=continues)

    async def add(self, outcomes: Sequence[Outcome], *, durably: bool) -> None:
        """Write outcomes.

        Args:
            outcomes: The outcomes.
            durably: Whether to wait until they are on disk.
        """
        for outcome in outcomes:
            self.codes.add(exit_code_of_outcome(outcome))
            if isinstance(outcome, Failed) and len(self._failures) < _SHOWN:
                self._failures.append(outcome)
        rows = [outcome_fields(outcome) for outcome in outcomes]
        if durably or isinstance(self._file, ResultFolder):
            # Not left half done if it is cancelled: what is written next follows it.
            await run_shielded(asyncio.to_thread(self._store, rows, durably=durably))
        else:
            self._write(rows)

    def _store(self, rows: Sequence[dict[str, object]], *, durably: bool) -> None:
        """Write rows in a thread: a part of a folder, and waiting for the disk, take a while."""
        self._write(rows)
        if durably and self._file is not None and self.accepts_more:
            with self._failing():
                self._file.sync()

    def add_cancelled(self, calls: Iterable[tuple[int, Call]]) -> None:
        """Write the calls that were cancelled, whose fate is unknown."""
        self._write(
            [
                {**call_fields(call), "index": index, "outcome": "cut_off", "fate": "unknown"}
                for index, call in calls
            ]
        )

    def report(self, terminal: Terminal, summary: BatchSummary) -> None:
        """Print the report: as JSON if the terminal is in JSON mode and no outcome went to stdout."""
        if self.failure is not None:
            words = f"{self.failure.strerror}; outcomes are missing from it, and the batch was stopped"
            click.echo(f"Error: {self._name}: {words}", err=True)
        if terminal.as_json and not self._to_stdout:
            reconnect = [each._asdict() for each in summary.reconnect]
            terminal.put({**msgspec.structs.asdict(summary), "reconnect": reconnect})
            return
        terminal.say(str(summary), err=self._to_stdout)
        rows = [
            (each.call.linked_account_id, type(each.error).__name__, each.error.fate, each.error.message)
            for each in self._failures
        ]
        if rows and not self._to_stdout:
            title = f"{len(rows)} of {summary.failed:,} failures"
            terminal.table(("linked_account_id", "error", "fate", "message"), rows, title=title)

    def _write(self, rows: Iterable[dict[str, object]]) -> None:
        target = _Stdout() if self._to_stdout else self._file
        if target is None or not self.accepts_more:
            return
        with self._failing():
            for row in rows:
                target.write(row)
            target.flush()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Note an error of the block: nothing more is written after it."""
        try:
            yield
        except BrokenPipeError:
            discard_stdout()
            self.codes.add(Exit.PIPE)
        except OSError as error:
            self.failure = error
            self.codes.add(Exit.USAGE)
            if self._to_stdout:
                discard_stdout()


def outcome_fields(outcome: Outcome) -> dict[str, object]:
    """Return an outcome as the fields of its JSON line."""
    facts = {
        **call_fields(outcome.call),
        "index": outcome.index,
        "outcome": type(outcome).__name__.lower(),
        "attempts": outcome.attempts,
        "elapsed": round(outcome.elapsed, 6),
    }
    return {**facts, **_result_fields(outcome)}


def exit_code_of_outcome(outcome: Outcome) -> Exit:
    """Return the exit code of one call of a batch."""
    if isinstance(outcome, Done):
        return Exit.OK
    return (
        exit_code_of(outcome.error)
        if isinstance(outcome, Failed)
        else _SKIPPED.get(outcome.reason, Exit.REFUSED)
    )


_SKIPPED: Final[Mapping[Reason, Exit]] = {
    "done_before": Exit.OK,
    "stopped": Exit.OK,  # the interrupt or the closed pipe that stopped it sets the exit code
    "reconnect": Exit.AUTH,
    "api_key_refused": Exit.AUTH,
    "deadline": Exit.NOT_SENT,
}


def _result_fields(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Failed):
        return {"error": error_fields(outcome.error), **_verdict_fields(outcome)}
    if not isinstance(outcome, Done):
        return {"reason": outcome.reason}
    return result_fields(outcome)


def _verdict_fields(outcome: Failed) -> dict[str, object]:
    match outcome.verdict:
        case None:
            return {}
        case Unresolved(reason):
            return {"verdict": "unresolved", "verdict_reason": reason}
        case Absent():
            return {"verdict": "absent"}


class _Stdout:
    """Writes rows to stdout as JSON lines."""

    def write(self, row: dict[str, object]) -> None:
        sys.stdout.buffer.write(json_line(row))

    def flush(self) -> None:
        sys.stdout.buffer.flush()


def _open(path: str, form: FileFormat | None) -> ResultFile | ResultFolder:
    try:
        return ResultFile(path) if form is None else ResultFolder(path, form)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    except SettingsError as error:
        raise click.UsageError(error.message) from error
