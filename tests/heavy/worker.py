"""The workload of a soak round: single calls, cancelled calls, batches with and without a journal, new clients."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path

from refold_async import (
    Account,
    Batch,
    Call,
    Done,
    Failed,
    Outcome,
    RateLimit,
    Refold,
    RefoldError,
    Retry,
    Skipped,
)

from .ledger_check import LedgerCheck, Reported
from .sandbox_process import KEY

WORKERS = 12
CONNECTIONS = 20
BATCH = 150
ACCOUNTS = 200


def client(base_url: str, timeout: float) -> Refold:
    return Refold(
        KEY,
        base_url=base_url,
        timeout=timeout,
        max_connections=CONNECTIONS,
        retry=Retry(base=0.005, cap=0.1, attempt_timeout=0.5),
        rate_limit=RateLimit(5000, burst=100),
    )


class Worker:
    """Generates load in rounds, with one long-lived client and several short-lived ones."""

    def __init__(
        self, base_url: str, timeout: float, check: LedgerCheck, folder: Path, chance: random.Random
    ) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._check = check
        self._folder = folder
        self._chance = chance
        self._titles = (f"w{number}" for number in count())
        self.calls = 0
        self.failed = 0

    async def round(self, refold: Refold, seconds: float) -> None:
        """Work for this many seconds, then wait for everything that was started."""
        end = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._singles(refold, end))
            group.create_task(self._batches(refold, end))
            group.create_task(self._short_lived_clients(end))

    async def _singles(self, refold: Refold, end: float) -> None:
        while asyncio.get_running_loop().time() < end:
            await self._single(self._account(refold))

    async def _short_lived_clients(self, end: float) -> None:
        while asyncio.get_running_loop().time() < end:
            async with client(self._base_url, self._timeout) as refold:
                for _ in range(20):
                    await self._single(self._account(refold))

    async def _single(self, account: Account) -> None:
        kind = self._chance.choice(["list", "schema", "read", "write", "write", "large"])
        self.calls += 1
        if kind == "write":
            await self._write(account)
            return
        operations: dict[str, Callable[[], Coroutine[object, object, object]]] = {
            "list": lambda: account.actions.list("playground"),
            "schema": lambda: account.actions.schema("hubspot", "create_contact"),
            "read": lambda: account.actions.execute("playground", "echo", {"text": "x"}, effect="read"),
            "large": lambda: account.actions.execute("playground", "get_payload", {"bytes": 20_000}),
        }
        await self._run_or_cancel(operations[kind]())

    async def _write(self, account: Account) -> None:
        title = next(self._titles)
        work = account.actions.execute("playground", "create_note", {"title": title})
        self._check.report(title, await self._run_or_cancel(work))

    async def _run_or_cancel(self, work: Coroutine[object, object, object]) -> Reported:
        """Wait for a call, cancelling one in twenty; return its reported outcome."""
        task = asyncio.ensure_future(work)
        if self._chance.random() < 0.05:
            await asyncio.sleep(self._chance.random() * 0.02)
            task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            return "unknown"
        error = task.exception()
        if error is None:
            return "done"
        self.failed += 1
        assert isinstance(error, RefoldError), repr(error)
        return error.fate

    async def _batches(self, refold: Refold, end: float) -> None:
        while asyncio.get_running_loop().time() < end:
            path = self._folder / f"{next(self._titles)}.journal" if self._chance.random() < 0.5 else None
            calls = list(self._inputs())
            leave_after = self._chance.choice([None, None, BATCH // 2])
            async with refold.batch(calls, concurrency=10, per_account=3, journal=path, patience=5) as batch:
                outcomes = await _gather(batch, leave_after)
            self._report(calls, outcomes)
            if path is not None:
                for left in self._folder.glob(f"{path.name}*"):
                    left.unlink()

    def _inputs(self) -> Iterator[Call]:
        for _ in range(BATCH):
            account = f"demo-user-{self._chance.randint(1, ACCOUNTS)}"
            yield Call(account, "playground", "create_note", {"title": next(self._titles)})

    def _report(self, calls: list[Call], outcomes: list[Outcome]) -> None:
        """Report all calls; one without an outcome was interrupted or never started when its batch was left early."""
        by_index = {outcome.index: outcome for outcome in outcomes}
        for index, call in enumerate(calls):
            self.calls += 1
            self._check.report(str((call.params or {})["title"]), _reported(by_index.get(index)))

    def _account(self, refold: Refold) -> Account:
        return refold.account(f"demo-user-{self._chance.randint(1, ACCOUNTS)}")


async def _gather(batch: Batch, leave_after: int | None) -> list[Outcome]:
    outcomes = []
    async for outcome in batch:
        outcomes.append(outcome)
        if len(outcomes) == leave_after:
            break
    return outcomes


def _reported(outcome: Outcome | None) -> Reported:
    match outcome:
        case Done():
            return "done"
        case Failed(error=error):
            return error.fate
        case Skipped():
            return "not_sent"
        case None:
            return "unknown"
