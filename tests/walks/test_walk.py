"""One walk: what is found in an answer, what is refused, where it resumes."""

import pickle
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from refold_async import (
    Effect,
    IncompleteWalkError,
    InvalidCallError,
    Refold,
    Retry,
    ServerError,
    UnreadableReplyError,
)
from refold_async.sandbox import Fault, Sandbox
from refold_async.walks import Cursor, NextLink, Offset, PageNumber, Paging
from refold_async.walks.position import MOST_EMPTY

from .scripted import answering, rows


def after(pages: list[Any], param: str = "after") -> Any:
    """Answer pages that name each other by number, as text in `next` or the like."""
    return lambda params: pages[int(str(params.get(param) or 0))]


FOUND: list[tuple[str, list[Any], list[str], Paging | None, int]] = [
    ("bare list, no parameter", [rows(1, 2)], ["limit"], None, 2),
    ("null cursor", [{"items": rows(1), "next": None}], ["after"], None, 1),
    ("empty cursor", [{"items": rows(1), "next_cursor": ""}], ["cursor"], None, 1),
    (
        "number",
        [{"items": rows(1), "next": 1}, {"items": rows(2), "next": None}],
        ["after"],
        Cursor("next", "after"),
        2,
    ),
    (
        "cursor of a nested list",
        [
            {"data": {"items": rows(1), "pageInfo": {"endCursor": "1", "hasNextPage": True}}},
            {"data": {"items": rows(2), "pageInfo": {"endCursor": "2", "hasNextPage": False}}},
        ],
        ["after", "first"],
        Cursor("data.pageInfo.endCursor", "after"),
        2,
    ),
    (
        "flag that is the other way round",
        [
            {"records": rows(1), "done": False, "nextPageToken": "1"},
            {"records": rows(2), "done": True, "nextPageToken": "2"},
        ],
        ["pageToken"],
        Cursor("nextPageToken", "pageToken"),
        2,
    ),
    (
        "number of the next page",
        [{"rows": rows(1), "nextPage": 1}, {"rows": rows(2), "nextPage": None}],
        ["page"],
        Cursor("nextPage", "page"),
        2,
    ),
    (
        "link with a dotted key",
        [{"value": rows(1), "@odata.nextLink": "https://x.example/c?$after=1&after=1"}, {"value": rows(2)}],
        ["after"],
        NextLink("@odata.nextLink", "after"),
        2,
    ),
    (
        "whole link",
        [{"value": rows(1), "next": "https://x.example/c?skip=1"}, {"value": rows(2), "next": None}],
        ["next_url"],
        NextLink("next", "next_url"),
        2,
    ),
    (
        "pages from 0",
        [{"rows": rows(1), "page": 0, "pages": 2}, {"rows": rows(2), "page": 1, "pages": 2}],
        ["page"],
        PageNumber("page", 0, "pages"),
        2,
    ),
    (
        "what begins like a link",
        [{"items": rows(1), "nextCursor": "/+8="}, {"items": rows(2), "nextCursor": None}],
        ["cursor"],
        Cursor("nextCursor", "cursor"),
        2,
    ),
    (
        "brackets in texts",
        [{"why": "[1]", "items": rows(1), "next": "a]["}, {"why": "[", "items": rows(2), "to": "]"}],
        ["after"],
        Cursor("next", "after"),
        2,
    ),
    ("errors beside", [{"items": rows(1), "errors": [{"id": 7}]}], [], None, 1),
    (
        "Google's empty page",
        [{"items": rows(1), "nextPageToken": "1"}, {"kind": "list"}],
        ["pageToken"],
        Cursor("nextPageToken", "pageToken"),
        1,
    ),
    ("no records", [{"items": [], "others": []}], ["after"], None, 0),
]


@pytest.mark.parametrize(
    ("pages", "names", "paging", "count"), [each[1:] for each in FOUND], ids=[each[0] for each in FOUND]
)
async def test_paging_is_found(pages: list[Any], names: list[str], paging: Paging | None, count: int) -> None:
    def answer(params: Mapping[str, object]) -> object:
        given = str(next((params[name] for name in names if params.get(name) is not None), 0))
        return pages[int(given) if given.isdigit() else 1]

    async with answering(answer, names) as account:
        walk = account.actions.walk("app", "list_things", {})
        assert [record["id"] async for record in walk] == [*range(1, count + 1)]
    assert walk.paging == paging


REFUSED: list[tuple[str, Any, list[str], str, str]] = [
    ("no parameter", {"items": rows(1), "next": "x"}, ["limit"], "no_parameter", "no parameter that asks"),
    ("total, no parameter", {"items": rows(1), "total": 2}, ["limit"], "no_parameter", "no parameter"),
    ("flag, no cursor", {"items": rows(1), "has_more": True}, ["limit"], "no_parameter", "no parameter"),
    (
        "two lists",
        {"contacts": rows(1), "companies": rows(2)},
        [],
        "no_records",
        "'contacts' and 'companies'",
    ),
    ("scalars", {"id": 1, "tags": ["a"]}, [], "no_records", "'tags'"),
    ("no list", {"id": 1}, [], "no_records", "no list"),
    ("null", None, [], "no_records", "no list"),
    (
        "total is not reached",
        {"items": rows(1), "has_more": False, "total": 3},
        [],
        "total_not_reached",
        "1 records of 3",
    ),
    ("same cursor", {"items": rows(1), "next": "x"}, ["after"], "repeated", "page 2 repeats"),
]


@pytest.mark.parametrize(
    ("data", "names", "reason", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_a_walk_that_cannot_continue_says_why(
    data: Any, names: list[str], reason: str, words: str
) -> None:
    async with answering(lambda _: data, names) as account:
        walk = account.actions.walk("app", "list_things")
        with pytest.raises(IncompleteWalkError, match=words) as caught:
            [record async for record in walk]
        with pytest.raises(IncompleteWalkError):
            await anext(walk)
    assert caught.value.reason == reason
    assert pickle.loads(pickle.dumps(caught.value)).resume == caught.value.resume


async def test_the_documented_search_is_refused_after_its_first_page(sandbox: Sandbox) -> None:
    params = {"propertyName": "email", "operator": "HAS_PROPERTY", "value": "x", "limit": "5"}
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        walk = refold.account("demo-user-1").actions.walk("hubspot", "search_contacts", params)
        pages = walk.pages()
        assert len((await anext(pages)).records) == 5
        with pytest.raises(IncompleteWalkError) as caught:
            await anext(pages)
    assert (caught.value.reason, caught.value.record_count) == ("no_parameter", 5)


async def test_a_writing_walk_is_refused_unless_declared_a_read(sandbox: Sandbox) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        actions = refold.account("demo-user-1").actions
        effects: tuple[Effect | None, ...] = (None, "write", "idempotent")
        for effect in effects:
            with pytest.raises(InvalidCallError, match="effect='read'"):
                actions.walk("hubspot", "create_contact", effect=effect)
        with pytest.raises(InvalidCallError, match="paging must be"):
            actions.walk("hubspot", "get_contact", paging="after")  # type: ignore[call-overload]
        with pytest.raises(InvalidCallError, match="resume"):
            actions.walk("hubspot", "get_contact", resume="page 2")
        assert not sandbox.ledger.writes()
        query = {"method": "GET", "url": "/crm/v3/objects/contacts?limit=100"}
        assert (
            len([each async for each in actions.walk("hubspot", "httprequest", query, effect="read")]) == 12
        )


async def test_a_cap_that_the_app_announces_is_an_error() -> None:
    async with (
        Sandbox(accounts=1, records=10_300) as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url) as refold,
    ):
        walk = refold.account("demo-user-1").actions.walk("catalog", "search_products", {"limit": "100"})
        with pytest.raises(IncompleteWalkError, match="no more than 10000 records") as caught:
            [record async for record in walk]
    assert (caught.value.reason, caught.value.record_count) == ("refused", 10_000)


class Product(msgspec.Struct):
    id: str
    name: str


async def test_pages_have_types_numbers_cursors_and_raw_data(sandbox: Sandbox) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        walk = refold.account("demo-user-1").actions.walk(
            "catalog", "list_products", {"limit": "5"}, into=Product
        )
        pages = [page async for page in walk.pages()]
    assert [(page.number, len(page.records), page.cursor) for page in pages] == [
        (1, 5, 5),
        (2, 5, 10),
        (3, 2, None),
    ]
    assert all(isinstance(record, Product) for page in pages for record in page.records)
    assert msgspec.json.decode(pages[0].raw)["nextCursor"] == 5


async def test_a_failed_call_can_be_repeated_and_a_walk_resumed(sandbox: Sandbox) -> None:
    broken = Fault(operation="actions.execute", status=500, after=1, times=1)
    sandbox.faults.add(broken)
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(attempts=1)) as refold:
        actions = refold.account("demo-user-1").actions
        walk = actions.walk("catalog", "list_products", {"limit": "5"})
        ids = [(await anext(walk))["id"] for _ in range(5)]
        with pytest.raises(ServerError):
            await anext(walk)
        again = actions.walk("catalog", "list_products", {"limit": "5"}, resume=walk.resume)
        rest = [record["id"] async for record in walk]
        assert [record["id"] async for record in again] == rest
        assert again.record_count == 12
    assert len({*ids, *rest}) == len(ids) + len(rest) == 12


async def test_a_record_that_does_not_fit_is_named() -> None:
    async with answering(lambda _: {"items": [{"id": "1", "name": "a"}, {"id": 2}]}, []) as account:
        walk = account.actions.walk("app", "list_things", into=Product)
        with pytest.raises(UnreadableReplyError, match="item 1 does not fit Product") as caught:
            await anext(walk)
    assert caught.value.action_id == "list_things"


async def test_an_error_instead_of_a_later_page_is_not_the_end() -> None:
    pages = [{"items": rows(1), "next": "1"}, {"ok": False, "error": "fatal"}]
    async with answering(after(pages), ["after"]) as account:
        walk = account.actions.walk("app", "list_things")
        assert await anext(walk) == {"id": 1}
        with pytest.raises(IncompleteWalkError, match="no list at 'items'"):
            await anext(walk)


@pytest.mark.parametrize(("empty", "goes_on"), [(MOST_EMPTY, True), (MOST_EMPTY + 1, False)])
async def test_a_number_of_empty_pages_is_read(empty: int, goes_on: bool) -> None:
    def answer(params: Mapping[str, object]) -> object:
        number = int(str(params.get("after") or 0))
        more = str(number + 1) if number <= empty else None
        return {"items": rows(number) if number in (0, empty + 1) else [], "next": more}

    async with answering(answer, ["after"]) as account:
        walk = account.actions.walk("app", "list_things")
        await anext(walk)
        if goes_on:
            assert [record["id"] async for record in walk] == [empty + 1]
        else:
            with pytest.raises(IncompleteWalkError, match="had no records"):
                await anext(walk)


async def test_a_total_that_changes_is_live_data() -> None:
    pages = [{"items": rows(1), "total": 5, "next": "1"}, {"items": rows(2), "total": 4, "next": None}]
    async with answering(after(pages), ["after"]) as account:
        assert len([record async for record in account.actions.walk("app", "list_things")]) == 2


async def test_a_given_paging_ignores_what_looks_like_a_total() -> None:
    pages = [{"items": rows(1), "total": 5, "next": "1"}, {"items": rows(2), "total": 5}]
    async with answering(after(pages, "weiter"), []) as account:
        walk = account.actions.walk("app", "list_things", paging=Cursor("next", "weiter"), records="items")
        assert len([record async for record in walk]) == 2


async def test_numbers_are_counted_from_where_the_caller_begins() -> None:
    def answer(params: Mapping[str, object]) -> object:
        start = int(str(params["offset"]))
        return {"items": rows(*range(start, min(start + 2, 7))), "total": 7}

    async with answering(answer, ["offset", "limit"]) as account:
        walk = account.actions.walk("app", "list_things", {"offset": 3})
        assert [record["id"] async for record in walk] == [3, 4, 5, 6]
        assert walk.paging == Offset("offset", "limit", "total")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        {"items": "x"},
        {"items": [], "success": False},
        {"success": False},
        {"status": "error"},
        {"error": {"code": 7}},
        {"errors": [{"message": "x"}], "data": None},
    ],
)
async def test_a_later_page_that_is_none_is_an_error(answer: object) -> None:
    pages = [{"items": rows(1), "next": "1"}, answer]
    async with answering(after(pages), ["after"]) as account:
        walk = account.actions.walk("app", "list_things")
        await anext(walk)
        with pytest.raises(IncompleteWalkError) as caught:
            await anext(walk)
    assert (caught.value.reason, caught.value.record_count) == ("no_records", 1)


@pytest.mark.parametrize("answer", [{}, [], {"items": None}, {"items": {}}, {"message": "", "items": []}])
async def test_a_later_page_without_records_may_be_the_last(answer: object) -> None:
    pages = [{"items": rows(1), "next": "1"}, answer]
    async with answering(after(pages), ["after"]) as account:
        assert len([record async for record in account.actions.walk("app", "list_things")]) == 1


async def test_no_content_ends_numbered_pages() -> None:
    pages = [None, {"data": rows(1), "page": 1}, None]
    async with answering(after(pages, "page"), ["page"]) as account:
        walk = account.actions.walk("app", "list_things", {"page": 1})
        assert len([record async for record in walk]) == 1


@pytest.mark.parametrize("data", [{"results": rows(0, 1)}, {"results": rows(0, 1), "paging": {}}])
async def test_a_full_page_without_a_cursor_is_the_last_one(data: object) -> None:
    async with answering(lambda _: data, ["limit", "after"]) as account:
        walk = account.actions.walk("app", "list_things", {"limit": "2"})
        assert [record["id"] async for record in walk] == [0, 1]
