"""Batches with a journal against the sandbox, and a look into the journal."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from refold_async import (
    Call,
    Journal,
    Outcome,
    Refold,
    Skipped,
)
from refold_async.sandbox import Fault, Sandbox


def client(sandbox: Sandbox) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url)


def writes(number: int, *, keyed: bool = False) -> list[Call]:
    return [
        Call(f"demo-user-{place}", "hubspot", "create_contact", {"email": f"{place}@example.org"},
             key=f"contact-{place}" if keyed else None)
        for place in range(1, number + 1)
    ]  # fmt: skip


async def run(sandbox: Sandbox, calls: Sequence[Call], journal: object, **options: object) -> list[Outcome]:
    async with client(sandbox) as refold:
        return (await refold.run(calls, journal=journal, **options)).outcomes  # type: ignore[arg-type]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def reasons(outcomes: Sequence[Outcome]) -> set[str]:
    return {
        outcome.reason if isinstance(outcome, Skipped) else type(outcome).__name__ for outcome in outcomes
    }


async def leave_under_way(sandbox: Sandbox, calls: Sequence[Call], journal: Path | Journal) -> None:
    """Leave a batch while its writes hang."""
    hanging = Fault(effect="write", hang=True, when="after")
    sandbox.faults.add(hanging)
    async with client(sandbox) as refold, refold.batch(calls, journal=journal):
        while sandbox.ledger.count() < len(calls):  # noqa: ASYNC110 - the ledger has no event
            await asyncio.sleep(0.002)
    sandbox.faults.remove(hanging)
