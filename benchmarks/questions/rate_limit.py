"""How much of a rate limit is used, and how often is it overrun?"""

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable

import backoff
from aiohttp import ClientResponseError, ClientSession

from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, PATH, SLUG, SMALL
from benchmarks.plan import Plan
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import drive
from benchmarks.server import BURST, PER_SECOND, REFUSALS, serving
from refold_async import RateLimit, Refold

_CALLS, _IN_FLIGHT = 200, 20
_LEAST_SECONDS = (_CALLS - BURST) / PER_SECOND

Run = Callable[[str], Awaitable[int]]
"""Makes all the calls against a base URL; gives the number of those that failed for good."""


def ask(_plan: Plan) -> Table:
    """200 calls against a server that enforces 20 a second with a burst of 5."""
    ours, ours_refused, our_row = _measure("refold_async, RateLimit(20, burst=5)", _refold)
    _, _, their_row = _measure("gather, a semaphore, backoff on 429", _gather)
    return Table(
        "How much of a rate limit is used, and how often is it overrun?",
        ("share of the permitted rate", "refused, a hundred calls", "calls lost", "s"),
        (our_row, their_row),
        note=f"{_CALLS} calls, {_IN_FLIGHT} in flight, at least {_LEAST_SECONDS:g} s; one run each.",
        bounds=(
            Bound("share of the permitted rate", ours, 0.99, least=True),
            Bound("refused, a hundred calls", ours_refused, 0.5),
        ),
    )


def _measure(label: str, run: Run) -> tuple[float, float, Row]:
    with serving(SMALL, limited=True) as base_url:
        started = time.perf_counter()
        lost = asyncio.run(_awaited(run, base_url))
        elapsed = time.perf_counter() - started
        with urllib.request.urlopen(base_url + REFUSALS) as answer:
            refused = int(answer.read()) / _CALLS * 100
    share = _LEAST_SECONDS / elapsed * (_CALLS - lost) / _CALLS
    return share, refused, Row(label, (f"{share:.3f}", f"{refused:.1f}", str(lost), f"{elapsed:.1f}"))


async def _awaited(run: Run, base_url: str) -> int:
    return await run(base_url)


async def _refold(base_url: str) -> int:
    async with Refold(API_KEY, base_url=base_url, rate_limit=RateLimit(PER_SECOND, burst=BURST)) as refold:
        account = refold.account(ACCOUNT)
        await drive(lambda: account.actions.execute(SLUG, ACTION, PARAMS), _CALLS, _IN_FLIGHT)
    return 0


async def _gather(base_url: str) -> int:
    semaphore = asyncio.Semaphore(_IN_FLIGHT)
    async with ClientSession(base_url, raise_for_status=True) as session:

        @backoff.on_exception(backoff.expo, ClientResponseError, max_tries=8, logger=None)
        async def attempt() -> None:
            async with session.post(PATH, json=PARAMS) as response:
                await response.json()

        async def call() -> None:
            async with semaphore:
                await attempt()

        outcomes = await asyncio.gather(*(call() for _ in range(_CALLS)), return_exceptions=True)
    return sum(isinstance(outcome, BaseException) for outcome in outcomes)
