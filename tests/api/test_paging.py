"""Lists in pages: one page or all items, lazily, with an end that is neither early nor put off."""

import asyncio
import contextlib
import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from refold_async import (
    InvalidCallError,
    KeyAccount,
    Page,
    Paginator,
    Refold,
    RefoldError,
    ServerError,
    UnreadableReplyError,
)
from refold_async.api.paging import as_count, next_number

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


async def _ids(paginator: Paginator[Any]) -> list[str | None]:
    return [account.linked_account_id async for account in paginator]


def _expected(total: int) -> list[str]:
    return [f"c-{number}" for number in range(total)]


async def test_a_page_has_its_position(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(7, 3, totalPages=3, hasNextPage=True, hasPrevPage=True, nextPage=3, prevPage=1))
    page = await refold.linked_accounts.list(page=2, limit=3)
    assert [each.linked_account_id for each in page] == ["c-3", "c-4", "c-5"]
    assert (page.total, page.page, page.pages, page.limit) == (7, 2, 3, 3)
    assert (page.has_next, page.has_previous, page.next_page, page.previous_page) == (True, True, 3, 1)


@pytest.mark.parametrize(
    "more", [{}, {"totalPages": 3}, {"totalDocs": None}], ids=["total", "pages", "neither"]
)
@pytest.mark.parametrize("ahead", [False, True])
async def test_iterating_yields_all_once(
    refold: Refold, recorder: Recorder, more: dict[str, Any], ahead: bool
) -> None:
    serve(recorder, _paged(7, 3, **more))
    paginator = refold.linked_accounts.list(limit=3)
    if ahead:
        async with paginator:
            assert await _ids(paginator) == _expected(7)
    else:
        assert await _ids(paginator) == _expected(7)
    told_nothing = more.get("totalDocs", 7) is None
    assert [each.query["page"] for each in recorder.arrived] == ["1", "2", "3", "4"][
        : 4 if told_nothing else 3
    ]


async def test_a_full_last_page_without_a_total_costs_one_more_request(
    refold: Refold, recorder: Recorder
) -> None:
    serve(recorder, lambda page: _paged(6, 3)(page)["docs"])  # type: ignore[call-overload]
    assert await _ids(refold.linked_accounts.list(limit=3)) == _expected(6)
    assert len(recorder.arrived) == 3


async def test_nothing_is_fetched_before_it_is_asked_for(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(9, 3))
    paginator = refold.linked_accounts.list(limit=3)
    assert recorder.arrived == []
    for _ in range(3):
        await anext(paginator)
    assert len(recorder.arrived) == 1


async def test_within_a_block_one_page_is_fetched_ahead_and_no_more(
    refold: Refold, recorder: Recorder
) -> None:
    serve(recorder, _paged(90, 3))
    async with refold.linked_accounts.list(limit=3) as paginator:
        await anext(paginator)
        for _ in range(100):
            await asyncio.sleep(0.001)
            if len(recorder.arrived) > 1:
                break
        await asyncio.sleep(0.02)
        assert len(recorder.arrived) == 2


async def test_leaving_a_block_early_leaves_nothing_under_way(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(9, 3))
    before = asyncio.all_tasks()
    async with refold.linked_accounts.list(limit=3) as paginator:
        assert (await anext(paginator)).linked_account_id == "c-0"
        assert len(_under_way(before)) == 1
    assert _under_way(before) == set()
    with pytest.raises(StopAsyncIteration):
        await anext(paginator)


def _under_way(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() - before if "OperationPages.fetch" in repr(task.get_coro())}


class _Source:
    def describe(self, error: RefoldError) -> None:
        pass


async def test_a_cancelled_step_loses_no_page() -> None:
    release = asyncio.Event()

    class Source(_Source):
        async def fetch(self, number: int | None) -> Page[int]:
            if number == 2:
                await release.wait()
            return Page(items=[number or 1], page=number, pages=2)

    async with Paginator(Source()) as paginator:
        assert await anext(paginator) == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(paginator), 0.01)
        release.set()
        assert [item async for item in paginator] == [2]


async def test_after_an_error_the_same_page_is_asked_for_again(refold: Refold, recorder: Recorder) -> None:
    broken = True

    def answer(arrived: Arrived) -> web.Response:
        if arrived.query["page"] == "2" and broken:
            return web.json_response({"message": "no"}, status=501)
        return web.json_response(_paged(5, 3)(int(arrived.query["page"])))

    recorder.answer = answer
    paginator = refold.linked_accounts.list(limit=3)
    first = [(await anext(paginator)).linked_account_id for _ in range(3)]
    with pytest.raises(ServerError):
        await anext(paginator)
    broken = False
    assert first + await _ids(paginator) == _expected(5)


NUMBERS = ("page", "limit", "totalDocs", "totalPages", "hasNextPage", "nextPage")
SIGNALS: dict[str, set[str]] = {
    "all": set(NUMBERS),
    "a flag": {"hasNextPage"},
    "the next page": {"nextPage", "page"},
    "a number of pages": {"totalPages"},
    "a total": {"totalDocs"},
    "a total and a limit": {"totalDocs", "limit", "page"},
    "nothing": set(),
}
"""Which fields a service gives about its pages."""


def _service(
    signals: set[str], *, total: int, cap: int = 100, text: bool = False, honest: bool = True
) -> Answers:
    """Answer as a service of `total` customers, which caps `limit`; if not `honest`, its numbers ignore that."""

    def answer(page: int) -> dict[str, Any]:
        asked = 4
        size = min(asked, cap)
        told = size if honest else asked
        pages = -(-total // told)
        fields: dict[str, Any] = {
            "page": page,
            "limit": told,
            "totalDocs": total,
            "totalPages": pages,
            "hasNextPage": page < pages,
            "nextPage": page + 1 if page < pages else None,
        }
        given = {name: value for name, value in fields.items() if name in signals}
        if text:
            given = {name: value and str(value).lower() for name, value in given.items()}
        numbers = range(total)[(page - 1) * size : page * size]
        return {"docs": [{"account_id": f"c-{number}"} for number in numbers], **given}

    return answer


@pytest.mark.parametrize("ahead", [False, True], ids=["", "ahead"])
@pytest.mark.parametrize(
    ("signals", "total", "cap", "text"), [*product(SIGNALS, (0, 1, 4, 7, 8), (100, 2), (False, True))]
)
async def test_every_honest_service_is_read_to_its_end(
    refold: Refold, recorder: Recorder, *, signals: str, total: int, cap: int, text: bool, ahead: bool
) -> None:
    serve(recorder, _service(SIGNALS[signals], total=total, cap=cap, text=text))
    paginator = refold.linked_accounts.list(limit=4)
    if ahead:
        async with paginator:
            ids = await _ids(paginator)
    else:
        ids = await _ids(paginator)
    assert ids == _expected(total)
    assert len(recorder.arrived) <= -(-total // min(4, cap)) + 1


@pytest.mark.parametrize("text", [False, True], ids=["", "text"])
@pytest.mark.parametrize("signals", ["all", "a total", "a total and a limit", "nothing"])
async def test_a_service_that_caps_the_limit_and_computes_by_what_was_asked_is_read_to_its_end(
    refold: Refold, recorder: Recorder, signals: str, text: bool
) -> None:
    serve(recorder, _service(SIGNALS[signals], total=9, cap=2, text=text, honest=False))
    assert await _ids(refold.linked_accounts.list(limit=4)) == _expected(9)


@pytest.mark.parametrize("signals", SIGNALS)
async def test_iterating_starts_at_the_page(refold: Refold, recorder: Recorder, signals: str) -> None:
    serve(recorder, _service(SIGNALS[signals], total=11))
    assert await _ids(refold.linked_accounts.list(page=2, limit=4)) == _expected(11)[4:]


def _customers(*numbers: int) -> list[dict[str, str]]:
    return [{"account_id": f"c-{number}"} for number in numbers]


def _of(pages: dict[int, dict[str, Any] | list[Any]], other: dict[str, Any] | list[Any]) -> Answers:
    return lambda page: pages.get(page, other)


REFUSED: dict[str, tuple[Answers, int, int, str]] = {
    "the same page for ever": (
        _of({}, {"docs": _customers(0), "hasNextPage": True}), 1, 2, "repeats the items",
    ),
    "the same number for ever": (
        lambda page: {"docs": _customers(page), "page": 1, "hasNextPage": True}, 1, 2, "came back as page 1",
    ),
    "the same number as text": (
        lambda page: {"docs": _customers(page), "page": "1", "totalPages": 9}, 1, 2, "came back as page 1",
    ),
    "a circle of pages": (
        lambda page: {"docs": _customers(page % 3), "hasNextPage": True}, 3, 4, "repeats the items",
    ),
    "one array for ever": (lambda _: _customers(*range(10)), 10, 2, "repeats the items"),
    "a page that repeats where a total promises more": (
        _of({}, {"docs": _customers(0, 1), "totalDocs": 3}), 2, 2, "repeats the items",
    ),
    "empty, with a flag": (
        _of({1: {"docs": _customers(0), "hasNextPage": True}}, {"docs": [], "hasNextPage": True}), 1, 2, "is empty",
    ),
    "empty, with a flag as text": (_of({}, {"docs": [], "hasNextPage": "true"}), 0, 1, "is empty"),
    "empty, with a next page": (_of({}, {"docs": [], "nextPage": 2}), 0, 1, "is empty"),
    "empty, with more pages": (_of({}, {"docs": [], "totalPages": "3"}), 0, 1, "is empty"),
    "empty, with a total": (_of({}, {"docs": [], "totalDocs": 3}), 0, 1, "is empty"),
    "no items at all, with a total": (_of({}, {"totalDocs": "3"}), 0, 1, "is empty"),
    "empty in the middle, with a total": (
        _of({1: {"docs": _customers(0, 1), "totalDocs": 5}}, {"docs": [], "totalDocs": 5}), 2, 2, "is empty",
    ),
}  # fmt: skip
"""What a service answers, the items and requests that follow, and the error's message."""


@pytest.mark.parametrize("ahead", [False, True], ids=["", "ahead"])
@pytest.mark.parametrize("name", REFUSED)
async def test_iterating_never_ends_early_silently(
    refold: Refold, recorder: Recorder, name: str, ahead: bool
) -> None:
    answers, items, requests, words = REFUSED[name]
    serve(recorder, answers)
    paginator = refold.linked_accounts.list()
    async with paginator if ahead else contextlib.nullcontext():
        for _ in range(items):
            await anext(paginator)
        with pytest.raises(UnreadableReplyError, match=words) as caught:
            await anext(paginator)
        assert len(recorder.arrived) == requests
    assert (caught.value.operation, caught.value.effect) == ("linked_accounts.list", "read")


ENDED: dict[str, tuple[Answers, int]] = {
    "an empty page that tells nothing": (_of({1: {"docs": _customers(0)}}, {"docs": []}), 1),
    "an empty array": (_of({1: _customers(0)}, []), 1),
    "an empty page that says it is the last": (
        _of({1: {"docs": _customers(0), "totalDocs": 9}}, {"docs": [], "totalDocs": 9, "hasNextPage": False}), 1,
    ),
    "an empty page after what was deleted meanwhile": (
        _of(
            {1: {"docs": _customers(0, 1), "totalDocs": 4}, 2: {"docs": _customers(3), "totalDocs": 4}},
            {"docs": [], "totalDocs": 4},
        ),
        3,
    ),
    "a single item that repeats, for something was added meanwhile": (
        _of({1: {"docs": _customers(0, 1), "hasNextPage": True}}, {"docs": _customers(1, 2), "hasNextPage": False}), 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDED)
async def test_iterating_ends_without_a_sign_of_more(refold: Refold, recorder: Recorder, name: str) -> None:
    answers, items = ENDED[name]
    serve(recorder, answers)
    assert len(await _ids(refold.linked_accounts.list(limit=2))) == items


async def test_awaiting_fetches_one_page_and_does_not_move_the_iteration(
    refold: Refold, recorder: Recorder
) -> None:
    serve(recorder, _paged(7, 3))
    paginator = refold.linked_accounts.list(limit=3)
    assert recorder.arrived == []
    first = await anext(paginator)
    page = await paginator
    assert page.items[0] == first
    assert [first.linked_account_id, *await _ids(paginator)] == _expected(7)


async def test_pages_are_gathered_and_tasks_are_made_of_steps(refold: Refold, recorder: Recorder) -> None:
    serve(recorder, _paged(7, 3))
    pages = await asyncio.gather(*(refold.linked_accounts.list(page=number, limit=3) for number in (1, 2, 3)))
    assert [len(page) for page in pages] == [3, 3, 1]
    task = asyncio.create_task(anext(refold.linked_accounts.list(limit=3)))
    assert (await task).linked_account_id == "c-0"


@pytest.mark.parametrize("page", [0, -1, True, "2", 1.0])
async def test_an_invalid_page_number_is_refused(refold: Refold, page: Any) -> None:
    with pytest.raises(InvalidCallError, match="page must be a whole number from 1"):
        refold.linked_accounts.list(page=page)


async def test_two_tasks_cannot_step_at_once() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    class Source(_Source):
        async def fetch(self, number: int | None) -> Page[int]:
            entered.set()
            await release.wait()
            return Page(items=[number or 1], has_next=False)

    paginator = Paginator(Source())
    first = asyncio.ensure_future(anext(paginator))
    await entered.wait()
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(paginator)
    release.set()
    assert await first == 1


async def test_pages_with_fields_of_their_own_are_paginated_too(
    account: KeyAccount, recorder: Recorder
) -> None:
    serve(recorder, lambda page: {"docs": [{"record_id": page}], "totalPages": 2, "page": page})
    assert [row async for row in account.tables.records("t-1")] == [
        {"record_id": 1},
        {"record_id": 2},
    ]
    serve(recorder, lambda page: {"rows": [{"record_id": page}], "totalPages": 2, "page": page})
    rows = [row async for row in account.datarefs.get("contacts")]
    assert rows == [{"record_id": 1}, {"record_id": 2}]


@given(
    st.builds(
        Page[int],
        items=st.lists(st.integers(), min_size=1, max_size=12),
        total=st.one_of(st.none(), st.integers(0, 50), st.just("many"), st.just("30")),
        limit=st.one_of(st.none(), st.integers(0, 12)),
        pages=st.one_of(st.none(), st.integers(0, 9), st.just("9")),
        has_next=st.one_of(st.none(), st.booleans(), st.just("true")),
        next_page=st.one_of(st.none(), st.integers(-3, 20), st.just("2")),
    ),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_the_next_page_advances_and_the_last_is_certain(
    page: Page[int], number: int, seen: int | None
) -> None:
    following = next_number(page, number, seen)
    total = as_count(page.total)
    if following is None:
        assert None in (seen, total) or (seen or 0) >= (total or 0)
        assert page.has_next is not True
        assert not (page.has_next is page.pages is page.total is None)
    else:
        assert following > number


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (3, 3), ("3", 3), (" 30 ", 30), (3.0, 3), (3.5, None), ("many", None), ("", None), (None, None),
        (True, None), ([3], None), ("\u0663", None), ("9" * 5000, None), (-1, -1), ("-1", None), (math.nan, None),
    ],
)  # fmt: skip
def test_counts_are_read_from_text_too(value: object, count: int | None) -> None:
    assert as_count(value) == count
