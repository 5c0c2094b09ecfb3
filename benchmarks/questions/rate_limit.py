"""How much of a rate limit is used, and how often is it exceeded?"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import backoff
from aiohttp import ClientResponseError, ClientSession

from benchmarks.options import RunOptions
from benchmarks.payloads import ACTION, PARAMS, PATH, SLUG
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import drive
from refold_async import Call, RateLimit, Refold
from refold_async.sandbox import Sandbox, SandboxLimit

PER_SECOND, BURST = 20, 5
_IN_FLIGHT = 50
_RATES = (20, 100, 400)

DOCUMENTED = SandboxLimit(per_second=PER_SECOND, burst=BURST)
UNNAMED = SandboxLimit(per_second=50, burst=BURST, retry_after=False)

Run = Callable[[Sandbox, int], Awaitable[int]]
"""Makes a number of calls against a sandbox; returns the number that finally failed."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """The results of a run.

    Attributes:
        share: The share of the permitted rate used by successful calls.
        refused: 429s per 100 calls.
        lost: Calls that finally failed.
        seconds: The time from the first call to the last response.
        over: The excess over the minimum possible time, relative to it.
    """

    share: float
    refused: float
    lost: int
    seconds: float
    over: float

    def row(self, label: str) -> Row:
        shares = (f"{self.share:.3f}", f"{self.refused:.1f}", f"{self.over:+.1%}")
        return Row(label, (*shares, str(self.lost), f"{self.seconds:.1f}"))


def ask(_options: RunOptions) -> Table:
    """Run calls against sandboxes that enforce a limit: all at once, then one rate after the other."""
    batch, calls, gather, slowest = asyncio.run(_all())
    learnt, spaced = asyncio.run(_learnt()), {_RATES[0]: slowest, **asyncio.run(_spaced())}
    return Table(
        "How much of a rate limit is used, and how often is it exceeded?",
        ("share of the permitted rate", "429s per 100 calls", "over the minimum time", "calls lost", "s"),
        (
            batch.row("refold.batch, 1,000 calls"),
            calls.row("refold_async, 300 calls"),
            gather.row("gather with semaphore and backoff on 429, 300 calls"),
            learnt.row("refold.batch, 300 calls, 50 per second, learnt from 429s without `Retry-After`"),
            *(
                measured.row(f"refold.batch, {10 * rate:,} calls, `RateLimit({rate})` without a burst")
                for rate, measured in spaced.items()
            ),
        ),
        note=(
            f"{_IN_FLIGHT} in flight, each against a separate sandbox that permits {PER_SECOND} per second "
            f"with a burst of {BURST}; one run each. Clients and sandboxes share an event loop, so that a "
            "busy machine delays both. The last rows: with the limit that they name."
        ),
        bounds=(
            Bound("a batch's share of the permitted rate", batch.share, 0.99, least=True),
            Bound("calls' share of the permitted rate", calls.share, 0.99, least=True),
            Bound("a batch's 429s per 100 calls", batch.refused, 0.5),
            Bound("calls' 429s per 100 calls", calls.refused, 0.5),
            Bound("a batch's time over the minimum", batch.over, 0.03),
            Bound("a learnt rate's time over the minimum", learnt.over, 0.3),
            *(
                Bound(f"share of {rate} a second without a burst", measured.share, least, least=True)
                for (rate, measured), least in zip(spaced.items(), (0.97, 0.97, 0.95), strict=True)
            ),
        ),
    )


async def _all() -> tuple[_Measured, _Measured, _Measured, _Measured]:
    return await asyncio.gather(
        _measure(_batch, 1_000), _measure(_calls, 300), _measure(_gather, 300), _spaced_by(_RATES[0])
    )


async def _learnt() -> _Measured:
    return await _measure(_learning_batch, 300, UNNAMED)


async def _spaced() -> dict[int, _Measured]:
    return {rate: await _spaced_by(rate) for rate in _RATES[1:]}


async def _spaced_by(rate: int) -> _Measured:
    limit = SandboxLimit(per_second=rate, burst=BURST)
    return await _measure(partial(_batch_within, RateLimit(rate)), 10 * rate, limit)


async def _measure(run: Run, number: int, limit: SandboxLimit = DOCUMENTED) -> _Measured:
    per_second = limit.per_second or math.inf
    async with Sandbox(accounts=_IN_FLIGHT, limit=limit, request_log=10 * number) as sandbox:
        started = time.perf_counter()
        lost = await run(sandbox, number)
        seconds = time.perf_counter() - started
        refused = sum(request.status == 429 for request in sandbox.requests)
    least = (number - BURST) / per_second
    share = least / seconds * (number - lost) / number
    return _Measured(share, refused / number * 100, lost, seconds, seconds / least - 1)


def _client(sandbox: Sandbox) -> Refold:
    limit = RateLimit(PER_SECOND, burst=BURST)
    return Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit)


def _account(index: int) -> str:
    return f"demo-user-{index % _IN_FLIGHT + 1}"


async def _batch(sandbox: Sandbox, number: int) -> int:
    return await _batch_of(_client(sandbox), number)


async def _learning_batch(sandbox: Sandbox, number: int) -> int:
    return await _batch_of(Refold(sandbox.api_key, base_url=sandbox.base_url), number)


async def _batch_within(limit: RateLimit, sandbox: Sandbox, number: int) -> int:
    return await _batch_of(Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit), number)


async def _batch_of(client: Refold, number: int) -> int:
    calls = (Call(_account(index), SLUG, ACTION, PARAMS) for index in range(number))
    async with client as refold:
        report = await refold.run(calls, concurrency=_IN_FLIGHT)
    return report.summary.failed + report.summary.skipped


async def _calls(sandbox: Sandbox, number: int) -> int:
    async with _client(sandbox) as refold:
        account = refold.account(_account(0))
        await drive(lambda: account.actions.execute(SLUG, ACTION, PARAMS), number, _IN_FLIGHT)
    return 0


async def _gather(sandbox: Sandbox, number: int) -> int:
    semaphore = asyncio.Semaphore(_IN_FLIGHT)
    headers = {"x-api-key": sandbox.api_key, "linked_account_id": _account(0)}
    async with ClientSession(sandbox.base_url, headers=headers, raise_for_status=True) as session:

        @backoff.on_exception(backoff.expo, ClientResponseError, max_tries=8, logger=None)
        async def attempt() -> None:
            async with session.post(PATH, json=PARAMS) as response:
                await response.json()

        async def call() -> None:
            async with semaphore:
                await attempt()

        outcomes = await asyncio.gather(*(call() for _ in range(number)), return_exceptions=True)
    return sum(isinstance(outcome, BaseException) for outcome in outcomes)
