# pyright: reportPossiblyUnboundVariable=false
"""Many walks: every row once, fair turns, what resumes and what begins again."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from refold_async import (
    IncompleteWalkError,
    InvalidCallError,
    JournalError,
    Refold,
    Retry,
    SettingsError,
    Walk,
)
from refold_async.sandbox import Fault, Sandbox
from refold_async.walks import WalkFailed, WalkItem, WalkPage, WalkProgress, WalkSkipped

RECORDS = 25


@pytest.fixture
async def sandbox(guard: None) -> AsyncIterator[Sandbox]:
    async with Sandbox(accounts=40, records=RECORDS) as running:
        yield running


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as client:
        yield client


def walks_of(sandbox: Sandbox, number: int = 40, limit: str = "10", **fields: Any) -> list[Walk]:
    return [
        Walk(f"demo-user-{each}", "catalog", "list_products", {"limit": limit}, **fields)
        for each in range(1, number + 1)
    ]


def rows_of(items: list[WalkItem]) -> Counter[tuple[str, str]]:
    return Counter(
        (page.walk.linked_account_id, record["id"])
        for page in items
        if isinstance(page, WalkPage)
        for record in page.records
    )


async def test_every_row_of_every_customer_comes_once_and_in_order(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(operation="actions.execute", status=503, probability=0.1))
    async with refold.walks(walks_of(sandbox), concurrency=10, per_account=1) as pages:
        items = [item async for item in pages]
    assert len(rows_of(items)) == 40 * RECORDS == rows_of(items).total()
    numbers: dict[str, int] = {}
    for page in items:
        assert isinstance(page, WalkPage)
        assert page.number == numbers.get(page.walk.linked_account_id, 0) + 1
        numbers[page.walk.linked_account_id] = page.number
    summary = pages.summary
    assert (summary.complete, summary.pages, summary.records, summary.is_complete) == (40, 120, 1000, True)
    assert "40 complete" in str(summary)


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_walks_are_read_as_they_are_needed(
    refold: Refold, sandbox: Sandbox, asynchronous: bool
) -> None:
    read = 0

    def some() -> Iterator[Walk]:
        nonlocal read
        for walk in walks_of(sandbox):
            read += 1
            yield walk

    async def later() -> AsyncIterator[Walk]:
        for walk in some():
            await asyncio.sleep(0)
            yield walk

    source = later() if asynchronous else some()
    async with refold.walks(source, concurrency=2) as pages:
        await anext(pages)
        assert read <= 20
        assert len([item async for item in pages]) == 119
    assert read == 40


async def test_a_slow_input_does_not_hold_up_pages_that_can_be_read(refold: Refold, sandbox: Sandbox) -> None:
    released = asyncio.Event()

    async def slow() -> AsyncIterator[Walk]:
        first, second = walks_of(sandbox, 2)
        yield first
        await released.wait()
        yield second

    async with refold.walks(slow(), concurrency=2) as pages:
        assert [(await anext(pages)).walk.linked_account_id for _ in range(3)] == ["demo-user-1"] * 3
        released.set()
        assert len([item async for item in pages]) == 3


async def test_failures_are_items_and_delay_no_other_walk(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.expire("demo-user-2", "catalog")
    dead = Fault(operation="actions.execute", linked_account_id="demo-user-3", paging="dead_cursor")
    sandbox.faults.add(dead)
    search = Walk(
        "demo-user-4",
        "hubspot",
        "search_contacts",
        {"propertyName": "email", "operator": "HAS_PROPERTY", "value": "x"},
    )
    walks = [
        *walks_of(sandbox, 3),
        search,
        Walk("demo-user-5", "catalog", "create_product"),
        Walk("", "catalog", "list_products"),
    ]
    async with refold.walks(walks, concurrency=4) as pages:
        items = [item async for item in pages]
    failed = {item.walk.linked_account_id: item for item in items if isinstance(item, WalkFailed)}
    assert {who: type(item.error).__name__ for who, item in failed.items()} == {
        "demo-user-2": "ReconnectRequiredError",
        "demo-user-3": "IncompleteWalkError",
        "demo-user-4": "IncompleteWalkError",
        "demo-user-5": "InvalidCallError",
        "": "InvalidCallError",
    }
    assert (failed["demo-user-3"].record_count, failed["demo-user-4"].record_count) == (10, 10)
    assert (pages.summary.complete, pages.summary.incomplete, pages.summary.failed) == (1, 2, 3)
    assert not pages.summary.is_complete


async def test_a_customer_who_must_reconnect_is_asked_once(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.expire("demo-user-1", "catalog")
    walks = [
        Walk("demo-user-1", "catalog", f"list_products{each}") for each in ("", "_by_offset", "_by_page")
    ]
    async with refold.walks(walks, per_account=1) as pages:
        items = [item async for item in pages]
    assert [type(item) for item in items] == [WalkFailed, WalkSkipped, WalkSkipped]
    assert pages.summary.skipped == 2


async def test_delivered_pages_are_not_repeated(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    state, items = tmp_path / "state.sqlite", list[WalkItem]()
    summaries = []
    for _ in range(1000):
        async with refold.walks(walks_of(sandbox, 10), concurrency=3, state=state) as pages:
            async for item in pages:
                if not isinstance(item, WalkSkipped):
                    items.append(item)
                    if len(items) % 7 == 0:
                        break
            else:
                summaries.append(pages.summary)
                break
    assert rows_of(items).total() == len(rows_of(items)) == 10 * RECORDS
    assert summaries[0].complete == 10
    assert summaries[0].done_before > 0


async def test_undelivered_pages_are_repeated(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with refold.walks(walks_of(sandbox, 1), state=state) as pages:
            assert [getattr(await anext(pages), "number", None) for _ in range(2)] == [1, 2]
            raise ZeroDivisionError
    async with refold.walks(walks_of(sandbox, 1), state=state) as pages:
        again = [item async for item in pages]
    assert [page.number for page in again if isinstance(page, WalkPage)] == [2, 3]


async def test_a_finished_run_starts_again_only_if_once_is_off(
    refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state.sqlite"
    for once, expected in ((False, 75), (True, 0), (False, 75)):
        async with refold.walks(walks_of(sandbox, 3), state=state, once=once) as pages:
            items = [item async for item in pages]
        assert rows_of(items).total() == expected
        assert pages.summary.complete == 3
        assert pages.summary.is_complete


async def test_once_finishes_what_a_run_left(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    broken = Fault(operation="actions.execute", linked_account_id="demo-user-2", status=400)
    sandbox.faults.add(broken)
    async with refold.walks(walks_of(sandbox, 3), state=state) as pages:
        assert rows_of([item async for item in pages]).total() == 50
    sandbox.faults.remove(broken)
    async with refold.walks(walks_of(sandbox, 3), state=state, once=True) as pages:
        assert rows_of([item async for item in pages]).total() == RECORDS
    assert pages.summary.is_complete


async def test_an_expired_cursor_begins_the_walk_again_once(
    refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    state = tmp_path / "state.sqlite"
    async with refold.walks(walks_of(sandbox, 1), state=state) as pages:
        await anext(pages)
    sandbox.faults.add(Fault(operation="actions.execute", paging="dead_cursor", times=1))
    async with refold.walks(walks_of(sandbox, 1), state=state) as pages:
        items = [item async for item in pages]
    assert [item.restarted for item in items if isinstance(item, WalkPage)] == [True, False, False]
    assert rows_of(items).total() == RECORDS
    assert pages.summary.restarted == 1
    assert "began again" in str(pages.summary)


async def test_since_reads_what_changed(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    def walk() -> list[Walk]:
        return walks_of(sandbox, 2, since=lambda mark: {"updatedAfter": mark.isoformat()})

    state, counts = tmp_path / "state.sqlite", []
    for _ in range(3):
        async with refold.walks(walk(), state=state, overlap=0.5) as pages:
            counts.append(rows_of([item async for item in pages]).total())
        await refold.account("demo-user-1").actions.execute("catalog", "create_product", {"name": "new"})
    assert counts == [2 * RECORDS, 1, 2]  # ties and the overlap are read again


async def test_since_needs_a_state(refold: Refold, sandbox: Sandbox) -> None:
    async with refold.walks(walks_of(sandbox, 1, since=lambda _: {})) as pages:
        (item,) = [item async for item in pages]
    assert isinstance(item, WalkFailed)
    assert isinstance(item.error, InvalidCallError)


async def test_a_state_refuses_others(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with refold.walks(walks_of(sandbox, 1), state=state):
        with pytest.raises(JournalError, match="in use"):
            async with refold.walks([], state=state):
                pass
    assert state.stat().st_mode & 0o777 == 0o600
    async with Sandbox(accounts=1) as other, Refold(other.api_key, base_url=other.base_url) as elsewhere:
        with pytest.raises(JournalError, match="of walks against"):
            async with elsewhere.walks([], state=state):
                pass
    (tmp_path / "text").write_text("no database, but long enough to be taken for one" * 40)
    with pytest.raises(JournalError, match="cannot be used"):
        async with refold.walks([], state=tmp_path / "text"):
            pass


async def test_two_walks_of_one_customer_and_action_are_distinguished(
    refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    walks = [*walks_of(sandbox, 1), *walks_of(sandbox, 1), *walks_of(sandbox, 1, limit="25")]
    async with refold.walks(walks, state=tmp_path / "state.sqlite") as pages:
        items = [item async for item in pages]
    skipped = [item.reason for item in items if isinstance(item, WalkSkipped)]
    assert skipped in (["duplicate_key"], ["done_before"])
    assert rows_of(items).total() == 2 * RECORDS


async def test_a_stopped_fan_out_says_which_walks_it_left(refold: Refold, sandbox: Sandbox) -> None:
    async with refold.walks(walks_of(sandbox), concurrency=2) as pages:
        await anext(pages)
        pages.stop()
        rest = [item async for item in pages]
    assert {item.reason for item in rest if isinstance(item, WalkSkipped)} == {"stopped"}
    assert not pages.summary.is_complete
    assert pages.summary.calls.stopped == "stopped"


async def test_progress_names_the_slowest(refold: Refold, sandbox: Sandbox) -> None:
    reports: list[WalkProgress] = []
    async with refold.walks(walks_of(sandbox, 5), concurrency=2, on_progress=reports.append) as pages:
        await anext(pages)
        assert pages.progress.slowest[0][0] == "demo-user-1"
        assert pages.progress.total == 5
        assert len([item async for item in pages]) == 14
    assert (reports[-1].complete, reports[-1].records, reports[-1].open) == (5, 125, 0)


@pytest.mark.parametrize(
    "options", [{"state": 5}, {"overlap": -1}, {"on_progress": 5}, {"concurrency": 0}, {"window": 0}]
)
async def test_a_setting_that_cannot_work_is_refused(refold: Refold, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        refold.walks([], **options)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"journal": "walks.sqlite"}, "walks have no setting journal: pass state=PATH"),
        ({"settle": None}, "no setting settle: walks only read"),
        ({"per_acount": 2}, "no setting per_acount: they have concurrency, per_account"),
    ],
)
async def test_a_setting_of_batches_alone_is_refused(
    refold: Refold, option: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        refold.walks([], **option)
    with pytest.raises(SettingsError, match=said):
        await refold.pull("hubspot", "get_contact", [], tmp_path, **option)


async def test_a_timeout_of_one_walk_is_refused(refold: Refold) -> None:
    async with refold.walks([Walk("demo-user-1", "hubspot", "get_contact", timeout=5)]) as pages:
        (item,) = [item async for item in pages]
    assert isinstance(item, WalkFailed)
    assert "pass timeout= to refold.walks" in item.error.message


async def test_input_that_fails_ends_the_walks(refold: Refold, sandbox: Sandbox) -> None:
    def broken() -> Iterator[Walk]:
        yield from walks_of(sandbox, 1)
        raise LookupError("no more")

    items = []
    with pytest.raises(LookupError):  # noqa: PT012
        async with refold.walks(broken()) as pages:
            async for item in pages:
                items.append(item)  # noqa: PERF401 - what came before the error counts
    assert items
    assert not any(isinstance(getattr(item, "error", None), IncompleteWalkError) for item in items)


async def test_walks_that_are_not_entered_say_how_to_enter_them(refold: Refold) -> None:
    walks: Any = refold.walks([])
    with pytest.raises(SettingsError, match=r"enter the walks first: `async with refold\.walks"):
        await anext(walks)
    with pytest.raises(TypeError, match="walks are not awaitable"):
        await walks


@pytest.mark.parametrize(
    "walk",
    [
        Walk("a\ud800b", "hubspot", "get_contact"),
        Walk("demo-user-1", "hubspot", "get_contact", {"x": "\ud800"}),
    ],
)
async def test_a_text_that_cannot_be_encoded_fails_its_walk_alone(
    walk: Walk, refold: Refold, tmp_path: Path
) -> None:
    walks = [walk, Walk("demo-user-2", "hubspot", "get_contact", {"limit": "100"})]
    async with refold.walks(walks, state=tmp_path / "s.sqlite") as pages:
        assert {type(item) for item in [item async for item in pages]} == {WalkFailed, WalkPage}


async def test_since_must_return_parameters(refold: Refold, tmp_path: Path) -> None:
    nothing: Any = lambda _: None  # noqa: E731
    walk = Walk("demo-user-1", "catalog", "list_products", {"limit": "100"}, since=nothing)
    for kind in (WalkPage, WalkFailed):
        async with refold.walks([walk], state=tmp_path / "s.sqlite") as pages:
            (item,) = [item async for item in pages]
        assert isinstance(item, kind)
    assert isinstance(item, WalkFailed)
    assert "since" in str(item.error)


async def test_a_state_that_fails_leaves_no_task(refold: Refold, tmp_path: Path) -> None:
    async def run() -> None:
        walks = [Walk("demo-user-1", "catalog", "list_products", {"limit": "1"})]
        async with refold.walks(walks, state=tmp_path / "s.sqlite") as pages:
            assert pages.state is not None
            await anext(pages)
            await pages.state.run(pages.state.file.close)
            await anext(pages)
            while pages.state.error is None:  # noqa: ASYNC110 - what sets it tells nobody
                await asyncio.sleep(0.001)

    with pytest.raises(JournalError, match="cannot be used"):
        await run()
    assert not [task for task in asyncio.all_tasks() if "WorkerPool" in repr(task)]


async def test_a_mark_of_a_clock_that_was_ahead_is_not_used(
    refold: Refold, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(mark: datetime) -> dict[str, str]:
        return {"updatedAfter": mark.isoformat()}

    now = time.time()
    for clock in (now + 86_400, now):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        walks = walks_of(sandbox, 1, since=changed)
        async with refold.walks(walks, state=tmp_path / "s.sqlite") as pages:
            assert rows_of([item async for item in pages]).total() == RECORDS
