"""Generates the fault matrix page of the docs from the catalogue."""

from pathlib import Path

from .catalogue import FAULTS, SECTIONS
from .fault import Expected, Fault

PATH = Path(__file__).parents[2] / "docs" / "faults.md"
COMMAND = "python -m tests.faults"

HEAD = f"""# Fault matrix

What happens to a call when the network or the service misbehaves: {len(FAULTS)} faults, each reproduced by a
scripted server against lists, schemas, executes that read, executes that write, and batches. The test suite
checks every row over plain TCP and over TLS, and that the deadline is kept, the next call on the same client
works, and no task, socket or permit leaks.

- **read**: a list, a schema, or an execute of an action that only reads.
- **write**: any other execute, unless the caller passes `effect=`.
- **retried**: if the fault occurs once, a retry succeeds and the caller doesn't notice. If every attempt fails,
  the call raises the named error, with the earlier ones in `error.earlier`.
- **fate**: `error.fate`, one of `not_sent`, `rejected` and `unknown`.
- **requests**: the number of requests that the server reads, for a read and for a write, when the fault occurs
  once.

The calls of a batch behave the same, except that a batch waits longer for a 429 to pass.

This page is generated from the tests by `{COMMAND}`.
"""

COLUMNS = ("fault", "read", "write", "fate", "requests")


def page() -> str:
    """Return the page as Markdown."""
    sections = (f"## {title}\n\n{_table(faults)}" for title, faults in SECTIONS.items())
    return "\n".join((HEAD, *sections))


def _table(faults: tuple[Fault, ...]) -> str:
    rows = (COLUMNS, ("---",) * len(COLUMNS), *map(_row, faults))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(fault: Fault) -> tuple[str, ...]:
    fate = f"`{fault.read.fate}`" if fault.read.fate else ""
    requests = (fault.read.seen, fault.write.seen)
    shown = str(requests[0]) if len(set(requests)) == 1 else f"{requests[0]} and {requests[1]}"
    return _words(fault), _outcome(fault.read), _outcome(fault.write), fate, shown


def _outcome(expected: Expected) -> str:
    if expected.error is None:
        return "result"
    return f"retried, else `{expected.error}`" if expected.retried else f"`{expected.error}`"


def _words(fault: Fault) -> str:
    notes = [
        f"{fault.wires[0].upper()} only" if len(fault.wires) == 1 else "",
        f"`retry_after` is {fault.wait:g}" if fault.wait is not None else "",
        "an execute returns; reading its `data` raises, with the fate `done`" if fault.late else "",
        "`UnreadableReplyError` in Python's debug modes" if fault.lenient else "",
        "the next call waits too" if fault.following == "DeadlineExceededError" else "",
    ]
    text = "; ".join(note for note in notes if note)
    return f"{fault.words} ({text})" if text else fault.words
