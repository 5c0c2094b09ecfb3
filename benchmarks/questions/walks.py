"""What does a page of a walk cost, beside a hand-written loop?"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec

from benchmarks.options import RunOptions
from benchmarks.paged_server import serving_pages
from benchmarks.payloads import API_KEY, PATH
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave
from refold_async import Refold, Walk
from refold_async.walks import WalkPage

_PAGES, _RECORDS, _WALKS = 50, 100, 4
_HAND, _PAGED = "hand-written loop over execute", "account.actions.walk().pages()"
_WALK = "account.actions.walk, record by record"
_HANDS, _FAN_OUT, _DLT = f"{_WALKS} hand-written loops", f"refold.walks, {_WALKS} walks", "dlt RESTClient"

Read = Callable[[], Awaitable[object]]


def ask(options: RunOptions) -> Table:
    """Read the same pages in several ways; costs are per page."""
    with serving_pages(_PAGES, _RECORDS) as base_url:
        rounds = asyncio.run(_compare(options, base_url))
    return Table(
        "What does a page of a walk cost?",
        ("x hand-written loop", "µs per page"),
        tuple(
            Row(name, (rounds.ratio(name, _HANDS if name == _FAN_OUT else _HAND), rounds.cost(name)))
            for name in rounds.costs
        ),
        note=(
            f"{_PAGES} pages of {_RECORDS} contacts by cursor, every record decoded into a dict. "
            "dlt's client is synchronous, on requests; it is measured if dlt is installed."
        ),
        bounds=(
            Bound("page of a walk, x hand-written loop", rounds.ratio(_PAGED, _HAND).median, 1.4),
            Bound("page of a fan-out, x hand-written loops", rounds.ratio(_FAN_OUT, _HANDS).median, 2.0),
        ),
    )


async def _compare(options: RunOptions, base_url: str) -> Rounds:
    async with Refold(API_KEY, base_url=base_url, rate_limit=None) as refold:
        contenders: dict[str, Read] = {
            _HAND: lambda: _by_hand(refold),
            _PAGED: lambda: _paged(refold),
            _WALK: lambda: _walk(refold),
            _HANDS: lambda: _by_hands(refold),
            _FAN_OUT: lambda: _walks(refold),
        }
        if find_spec("dlt") is not None:
            contenders[_DLT] = _dlt(base_url)
        found = await interleave(contenders, rounds=options.rounds, in_flight=1, seconds=options.seconds)
    pages = {name: _PAGES * (_WALKS if name in {_HANDS, _FAN_OUT} else 1) for name in found.costs}
    return Rounds({name: [each / pages[name] for each in costs] for name, costs in found.costs.items()})


async def _by_hand(refold: Refold, account_id: str = "demo-user-1") -> int:
    account = refold.account(account_id)
    params, records = {"limit": "100"}, 0
    while True:
        data = (await account.actions.execute("hubspot", "get_contact", params)).data
        for contact in data["results"]:
            records += contact is not None
        after = data["paging"].get("next", {}).get("after")
        if after is None:
            return records
        params = {**params, "after": after}


async def _walk(refold: Refold) -> int:
    walk = refold.account("demo-user-1").actions.walk("hubspot", "get_contact", {"limit": "100"})
    records = 0
    async for contact in walk:
        records += contact is not None
    return records


async def _paged(refold: Refold) -> int:
    walk = refold.account("demo-user-1").actions.walk("hubspot", "get_contact", {"limit": "100"})
    records = 0
    async for page in walk.pages():
        for contact in page.records:
            records += contact is not None
    return records


async def _by_hands(refold: Refold) -> int:
    return sum(await asyncio.gather(*(_by_hand(refold, f"demo-user-{each}") for each in range(_WALKS))))


async def _walks(refold: Refold) -> int:
    walks = [Walk(f"demo-user-{each}", "hubspot", "get_contact", {"limit": "100"}) for each in range(_WALKS)]
    records = 0
    async with refold.walks(walks, concurrency=_WALKS) as pages:
        async for page in pages:
            assert isinstance(page, WalkPage)
            for contact in page.records:
                records += contact is not None
    return records


def _dlt(base_url: str) -> Read:
    client = import_module("dlt.sources.helpers.rest_client")
    cursor = import_module("dlt.sources.helpers.rest_client.paginators").JSONResponseCursorPaginator

    async def read() -> int:
        rest = client.RESTClient(base_url, headers={"x-api-key": API_KEY, "linked_account_id": "demo-user-1"})
        paginator = cursor(cursor_path="data.paging.next.after", cursor_body_path="after")
        pages = rest.paginate(
            PATH, method="POST", json={"limit": "100"}, paginator=paginator, data_selector="data.results"
        )
        return sum(len(page) for page in pages)

    return read
