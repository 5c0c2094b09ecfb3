"""Pages and walks: all items once, lazily, with an end that no server can put off."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from refold_async import KeyAccount, Page, Refold, ServerError, Walk
from refold_async.api.paging import next_number

from .recorder import Arrived, Recorder

Answers = Callable[[int], dict[str, Any] | list[Any]]


def _paged(total: int, limit: int, **more: Any) -> Answers:
    """Answer as a server with `total` customers does."""

    def answer(page: int) -> dict[str, Any]:
        numbers = range(total)[(page - 1) * limit : page * limit]
        docs = [{"account_id": f"c-{number}"} for number in numbers]
        return {"docs": docs, "totalDocs": total, "limit": limit, "page": page, **more}

    return answer


def serve(recorder: Recorder, answers: Answers) -> None:
    def answer(arrived: Arrived) -> web.Response:
        return web.json_response(answers(int(arrived.query.get("page", "1"))))

    recorder.answer = answer


async def _ids(walk: Walk[Any]) -> list[str | None]:
    return [account.linked_account_id async for account in walk]


def _expected(total: int) -> list[str]:
    return [f"c-{number}" for number in range(total)]


async def test_a_page_tells_where_it_stands(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(7, 3, totalPages=3, hasNextPage=True, hasPrevPage=True, nextPage=3, prevPage=1))
    page = await refold.linked_accounts.list(page=2, limit=3)
    assert [each.linked_account_id for each in page] == ["c-3", "c-4", "c-5"]
    assert (page.total, page.page, page.pages, page.limit) == (7, 2, 3, 3)
    assert (page.has_next, page.has_previous, page.next_page, page.previous_page) == (True, True, 3, 1)


@pytest.mark.parametrize(
    "more", [{}, {"totalPages": 3}, {"totalDocs": None}], ids=["total", "pages", "neither"]
)
@pytest.mark.parametrize("ahead", [False, True])
async def test_a_walk_gives_all_once(
    refold: Refold, recorder: Recorder, more: dict[str, Any], ahead: bool
) -> None:
    serve(recorder, _paged(7, 3, **more))
    walk = refold.linked_accounts.iterate(limit=3)
    if ahead:
        async with walk:
            assert await _ids(walk) == _expected(7)
    else:
        assert await _ids(walk) == _expected(7)
    assert [each.query["page"] for each in recorder.arrived] == ["1", "2", "3"]


async def test_a_full_last_page_of_a_server_that_tells_nothing_costs_one_more(
    refold: Refold, recorder: Recorder
) -> None:
    serve(recorder, lambda page: _paged(6, 3)(page)["docs"])  # type: ignore[call-overload]
    assert await _ids(refold.linked_accounts.iterate(limit=3)) == _expected(6)
    assert len(recorder.arrived) == 3


async def test_nothing_is_fetched_before_it_is_asked_for(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(9, 3))
    walk = refold.linked_accounts.iterate(limit=3)
    assert recorder.arrived == []
    for _ in range(3):
        await anext(walk)
    assert len(recorder.arrived) == 1


async def test_within_a_block_one_page_is_fetched_ahead_and_no_more(
    refold: Refold, recorder: Recorder
) -> None:
    serve(recorder, _paged(90, 3))
    async with refold.linked_accounts.iterate(limit=3) as walk:
        await anext(walk)
        for _ in range(100):
            await asyncio.sleep(0.001)
            if len(recorder.arrived) > 1:
                break
        await asyncio.sleep(0.02)
        assert len(recorder.arrived) == 2


async def test_leaving_a_block_early_leaves_nothing_under_way(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(9, 3))
    before = asyncio.all_tasks()
    async with refold.linked_accounts.iterate(limit=3) as walk:
        assert (await anext(walk)).linked_account_id == "c-0"
        assert len(_walking(before)) == 1
    assert _walking(before) == set()
    with pytest.raises(StopAsyncIteration):
        await anext(walk)


def _walking(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() - before if "list" in repr(task.get_coro())}


async def test_a_cancelled_step_loses_no_page() -> None:
    release = asyncio.Event()

    async def fetch(page: int) -> Page[int]:
        if page == 2:
            await release.wait()
        return Page(items=[page], page=page, pages=2)

    async with Walk(fetch) as walk:
        assert await anext(walk) == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(walk), 0.01)
        release.set()
        assert [item async for item in walk] == [2]


async def test_after_an_error_the_same_page_is_asked_for_again(refold: Refold, recorder: Recorder) -> None:
    broken = True

    def answer(arrived: Arrived) -> web.Response:
        if arrived.query["page"] == "2" and broken:
            return web.json_response({"message": "no"}, status=501)
        return web.json_response(_paged(5, 3)(int(arrived.query["page"])))

    recorder.answer = answer
    walk = refold.linked_accounts.iterate(limit=3)
    first = [(await anext(walk)).linked_account_id for _ in range(3)]
    with pytest.raises(ServerError):
        await anext(walk)
    broken = False
    assert first + await _ids(walk) == _expected(5)


ENDLESS: dict[str, tuple[int, Answers]] = {
    "the same page for ever": (2, lambda _: {"docs": [{"account_id": "c-0"}], "hasNextPage": True}),
    "the same number for ever": (
        2,
        lambda page: {"docs": [{"account_id": f"c-{page}"}], "page": 1, "hasNextPage": True},
    ),
    "a circle of pages": (
        4,
        lambda page: {"docs": [{"account_id": f"c-{page % 3}"}], "hasNextPage": True},
    ),
    "empty pages for ever": (
        2,
        lambda page: {
            "docs": [{"account_id": "c-0"}] if page == 1 else [],
            "page": page,
            "hasNextPage": True,
        },
    ),
    "one array for ever": (2, lambda _: [{"account_id": f"c-{n}"} for n in range(10)]),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_a_walk_ends_on_a_server_that_repeats_itself(
    refold: Refold, recorder: Recorder, name: str
) -> None:
    requests, answers = ENDLESS[name]
    serve(recorder, answers)
    ids = await _ids(refold.linked_accounts.iterate())
    assert ids
    assert len(set(ids)) == len(ids)
    assert len(recorder.arrived) == requests


async def test_two_tasks_cannot_step_at_once() -> None:
    entered = asyncio.Event()

    async def fetch(page: int) -> Page[int]:
        entered.set()
        await asyncio.sleep(0.02)
        return Page(items=[page], has_next=False)

    walk = Walk(fetch)
    first = asyncio.ensure_future(anext(walk))
    await entered.wait()
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(walk)
    assert await first == 1


async def test_records_of_a_table_and_a_dataref_are_walked_too(
    account: KeyAccount, recorder: Recorder
) -> None:
    serve(recorder, lambda page: {"docs": [{"record_id": page}], "totalPages": 2, "page": page})
    assert [row async for row in account.tables.iterate_records("t-1")] == [
        {"record_id": 1},
        {"record_id": 2},
    ]
    serve(recorder, lambda page: {"rows": [{"record_id": page}], "totalPages": 2, "page": page})
    rows = [row async for row in account.datarefs.iterate_records("contacts")]
    assert rows == [{"record_id": 1}, {"record_id": 2}]


@given(
    st.builds(
        Page[int],
        items=st.lists(st.integers(), max_size=12),
        total=st.one_of(st.none(), st.integers(0, 50), st.just("many")),
        limit=st.one_of(st.none(), st.integers(0, 12)),
        pages=st.one_of(st.none(), st.integers(0, 9), st.just("9")),
        has_next=st.one_of(st.none(), st.booleans()),
        next_page=st.one_of(st.none(), st.integers(-3, 20), st.just("2")),
    ),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 12)),
)
def test_the_next_page_lies_ahead_or_is_none(page: Page[int], number: int, limit: int | None) -> None:
    following = next_number(page, number, limit)
    assert following is None or following > number
    if page.has_next is not None:
        assert (following is not None) == page.has_next
