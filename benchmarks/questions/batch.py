"""What does a call cost in a real batch, beside a hand-written worker pool?"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain

from benchmarks.clients import bare
from benchmarks.options import RunOptions
from benchmarks.payloads import API_KEY, PARAMS, SLUG, SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave_runs
from benchmarks.server import serving
from refold_async import Call, Done, Refold

_ACTIONS = {"reads": "get_contact", "writes": "create_contact"}
_CALLS, _ACCOUNTS, _AT_ONCE = 4_000, 1_000, 50
_TUNED, _POOL, _BATCH = "pool over tuned aiohttp", "pool over execute", "refold.batch"


def ask(options: RunOptions) -> Table:
    """Run the same calls in several ways against one server; costs are per call."""
    with serving(SMALL) as base_url:
        rounds = {kind: asyncio.run(_compare(options, base_url, kind)) for kind in _ACTIONS}
    return Table(
        "What does a call cost in a batch?",
        tuple(f"{what}, {kind}" for kind in _ACTIONS for what in ("x pool over execute", "µs")),
        tuple(_row(name, rounds) for name in (_TUNED, _POOL, _BATCH)),
        note=(
            f"{_CALLS:,} calls for {_ACCOUNTS:,} accounts, {_AT_ONCE} at once, against a static server; the "
            "data of every result is decoded. The pools are workers over one shared iterator."
        ),
        bounds=tuple(
            Bound(
                f"a batch of {kind}, x pool over execute (target: 1.08)",
                each.ratio(_BATCH, _POOL).median,
                1.2,
            )
            for kind, each in rounds.items()
        ),
    )


def _row(name: str, rounds: dict[str, Rounds]) -> Row:
    figures = ((each.ratio(name, _POOL), each.cost(name)) for each in rounds.values())
    return Row(name, tuple(chain.from_iterable(figures)))


async def _compare(options: RunOptions, base_url: str, kind: str) -> Rounds:
    async with Refold(API_KEY, base_url=base_url) as refold, bare.tuned(base_url, None) as tuned:
        runs: dict[str, Callable[[], Awaitable[object]]] = {
            _TUNED: lambda: _pool(kind, lambda _: tuned()),
            _POOL: lambda: _pool(kind, lambda call: _execute(refold, call)),
            _BATCH: lambda: _batch(refold, kind),
        }
        return await interleave_runs(runs, rounds=options.rounds + 3, calls=_CALLS)


def _calls(kind: str) -> Iterator[Call]:
    accounts = (f"account-{number % _ACCOUNTS}" for number in range(_CALLS))
    return (Call(account, SLUG, _ACTIONS[kind], PARAMS) for account in accounts)


async def _pool(kind: str, execute: Callable[[Call], Awaitable[object]]) -> None:
    source, done = _calls(kind), 0

    async def worker() -> None:
        nonlocal done
        for call in source:
            data = await execute(call)
            done += data is not None

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    assert done == _CALLS


async def _execute(refold: Refold, call: Call) -> object:
    account = refold.account(call.linked_account_id)
    data: object = (await account.actions.execute(call.slug, call.action_id, call.params)).data
    return data


async def _batch(refold: Refold, kind: str) -> None:
    done = 0
    async with refold.batch(_calls(kind), concurrency=_AT_ONCE) as outcomes:
        async for outcome in outcomes:
            assert isinstance(outcome, Done)
            done += outcome.result.data is not None
    assert done == _CALLS
