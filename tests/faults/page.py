"""The page of the docs that tells users what every fault comes to, made of the catalogue."""

from pathlib import Path

from .catalogue import FAULTS, SECTIONS
from .fault import Expected, Fault

PATH = Path(__file__).parents[2] / "docs" / "faults.md"
COMMAND = "python -m tests.faults"

HEAD = f"""# What a fault comes to

What becomes of a call when the network or the service misbehaves: {len(FAULTS)} faults, each played by a
scripted server against lists, schemas, executes that read, executes that write, and batches. Over plain TCP
and over TLS, tests hold the client to every line, and to this: the deadline is kept, the next call on the same
client works, and no task, socket or permit is left behind.

*A read* is a list, a schema, or an execute of an action that only reads; *a write* is any other execute, unless
its caller says `effect=`. *Another try* means that a fault which comes once is not noticed by the caller; where
it meets every try, the call raises the error that is named, with the earlier ones in `error.earlier`. *Fate* is
`error.fate`: `not_sent`, `rejected` or `unknown`. *Requests* is how many requests the server reads, for a read
and for a write, when the fault comes once. A batch comes to the same, call by call; only a 429 it waits out
for longer.

This page is made of the tests' own table: `{COMMAND}` writes it.
"""

COLUMNS = ("what happens", "a read", "a write", "fate", "requests")


def page() -> str:
    """Give the text of the page."""
    sections = (f"## {title}\n\n{_table(faults)}" for title, faults in SECTIONS.items())
    return "\n".join((HEAD, *sections))


def _table(faults: tuple[Fault, ...]) -> str:
    rows = (COLUMNS, ("---",) * len(COLUMNS), *map(_row, faults))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(fault: Fault) -> tuple[str, ...]:
    fate = f"`{fault.read.fate}`" if fault.read.fate else ""
    requests = (fault.read.seen, fault.write.seen)
    shown = str(requests[0]) if len(set(requests)) == 1 else f"{requests[0]} and {requests[1]}"
    return _words(fault), _gets(fault.read), _gets(fault.write), fate, shown


def _gets(expected: Expected) -> str:
    if expected.error is None:
        return "its result"
    return f"another try, else `{expected.error}`" if expected.retried else f"`{expected.error}`"


def _words(fault: Fault) -> str:
    notes = [
        f"over {fault.wires[0].upper()} only" if len(fault.wires) == 1 else "",
        f"`retry_after` is {fault.wait:g}" if fault.wait is not None else "",
        "an execute returns, and its `data` raises" if fault.late else "",
        "`UnreadableReplyError` in Python's debug modes" if fault.lenient else "",
        "the next call waits too" if fault.following == "DeadlineExceededError" else "",
    ]
    said = "; ".join(note for note in notes if note)
    return f"{fault.words} ({said})" if said else fault.words
