"""How public services page their answers: read to the end, or refused by name, and never ended early."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from refold_async import IncompleteWalkError, Refold
from refold_async.walks import Cursor, NextLink, Offset, PageNumber, Paging

from .folders import rows_in
from .scripted import answering, rows

SIZE = 3
COUNTS = (SIZE, 2 * SIZE, 2 * SIZE + 1)
URL = "https://api.example.com/v1/things"

Params = Mapping[str, object]
Service = Callable[[Params, int], Any]
"""Returns a page for the parameters that were sent, of so many records."""


def token(param: str, build: Callable[[list[Any], str | None, int], Any]) -> Service:
    """Return a service with opaque cursors, which refuses any other value."""

    def answer(params: Params, count: int) -> Any:
        value = str(params.get(param) or "t0")
        if not value.startswith("t"):
            return {"ok": False, "error": f"invalid {param}"}
        start = int(value[1:])
        following = f"t{start + SIZE}" if start + SIZE < count else None
        return build(rows(*range(start, min(start + SIZE, count))), following, count)

    return answer


def number(param: str, build: Callable[[list[Any], int, int], Any], first: int = 1) -> Service:
    """Return a service with numbered pages."""

    def answer(params: Params, count: int) -> Any:
        page = int(str(params.get(param) or first))
        start = (page - first) * SIZE
        return build(rows(*range(start, min(start + SIZE, count))), page, math.ceil(count / SIZE))

    return answer


def offset(param: str, build: Callable[[list[Any], int, int], Any], first: int = 0) -> Service:
    """Return a service that counts records."""

    def answer(params: Params, count: int) -> Any:
        value = int(str(params.get(param) or first))
        start = value - first
        return build(rows(*range(start, min(start + SIZE, count))), value, count)

    return answer


def given(value: str | None, /, **fields: object) -> dict[str, object]:
    """Return fields that an answer has only if there is a next page."""
    return {} if value is None else fields


def connection(found: list[Any], following: str | None) -> dict[str, Any]:
    """Return a connection of GraphQL."""
    return {"nodes": found, "pageInfo": {"hasNextPage": following is not None, "endCursor": following}}


def of_links(name: str, value: str) -> Any:
    return lambda found, page, pages: {
        "items": found,
        name: [
            {value: "self", "href": f"{URL}?page={page}"},
            *([{value: "next", "href": f"{URL}?page={page + 1}"}] if page < pages else []),
        ],
    }


SERVICES: dict[str, tuple[Service, list[str], Paging]] = {
    "Airtable": (
        token("offset", lambda found, n, _: {"records": found, **given(n, offset=n)}),
        ["pageSize", "offset"],
        Cursor("offset", "offset"),
    ),
    "Asana": (
        token("offset", lambda found, n, _: {"data": found, "next_page": n and {"offset": n, "uri": URL}}),
        ["limit", "offset"],
        Cursor("next_page.offset", "offset"),
    ),
    "Facebook": (
        token(
            "after",
            lambda found, n, _: {
                "data": found,
                "paging": {**given(n, next=f"{URL}?limit=3&after={n}"), "cursors": {"after": n or "t99"}}
                if found
                else None,
            },
        ),
        ["limit", "after"],
        NextLink("paging.next", "after"),
    ),
    "GraphQL, two connections": (
        token(
            "after",
            lambda found, n, _: {
                "data": {"team": {"labels": connection([], None), "issues": connection(found, n)}}
            },
        ),
        ["first", "after"],
        Cursor("data.team.issues.pageInfo.endCursor", "after"),
    ),
    "Intercom": (
        token(
            "starting_after",
            lambda found, n, count: {
                "data": found,
                "total_count": count,
                "pages": {**given(n, next={"page": 2, "starting_after": n}), "page": 1},
            },
        ),
        ["page", "per_page", "starting_after"],
        Cursor("pages.next.starting_after", "starting_after"),
    ),
    "Lever": (
        token("offset", lambda found, n, _: {"data": found, "hasNext": n is not None, **given(n, next=n)}),
        ["limit", "offset"],
        Cursor("next", "offset"),
    ),
    "Pipedrive": (
        token("cursor", lambda found, n, _: {"data": found, "additional_data": {"next_cursor": n}}),
        ["limit", "cursor"],
        Cursor("additional_data.next_cursor", "cursor"),
    ),
    "Slack's messages": (
        token(
            "cursor",
            lambda found, n, _: {
                "ok": True,
                "messages": found,
                "has_more": n is not None,
                "response_metadata": {"next_cursor": n or "", "warnings": ["missing_charset"]},
            },
        ),
        ["cursor", "limit"],
        Cursor("response_metadata.next_cursor", "cursor"),
    ),
    "Wix": (
        token("cursor", lambda found, n, _: {"contacts": found, "pagingMetadata": {"cursors": {"next": n}}}),
        ["cursor"],
        Cursor("pagingMetadata.cursors.next", "cursor"),
    ),
    "X": (
        token("pagination_token", lambda found, n, _: {"data": found, "meta": given(n, next_token=n)}),
        ["max_results", "pagination_token"],
        Cursor("meta.next_token", "pagination_token"),
    ),
    "Zendesk": (
        token(
            "page_after",
            lambda found, n, _: {
                "tickets": found,
                "meta": {"has_more": n is not None, "after_cursor": n or "t99"},
                "links": {"next": f"{URL}?page[size]=3&page[after]={n or 't99'}"},
            },
        ),
        ["page_size", "page_after"],
        NextLink("links.next", "page_after"),
    ),
    "Zendesk's increments": (
        token("cursor", lambda found, n, _: {"tickets": found, "after_cursor": n, "end_of_stream": not n}),
        ["start_time", "cursor"],
        Cursor("after_cursor", "cursor"),
    ),
    "Zoho": (
        token(
            "page_token",
            lambda found, n, _: {
                "data": found,
                "info": {"next_page_token": n, "page": 1, "more_records": n is not None},
            },
        ),
        ["page", "page_token"],
        Cursor("info.next_page_token", "page_token"),
    ),
    "Algolia": (
        number("page", lambda found, page, n: {"hits": found, "page": page, "nbPages": n}, first=0),
        ["page", "hitsPerPage"],
        PageNumber("page", 0, "nbPages"),
    ),
    "ClickUp": (
        number("page", lambda found, page, n: {"tasks": found, "last_page": page + 1 >= n}, first=0),
        ["page"],
        PageNumber("page", 0),
    ),
    "GitHub": (number("page", lambda found, *_: found), ["page", "per_page"], PageNumber("page", 1)),
    "pages from 0 that do not say so": (
        number("page", lambda found, *_: found, first=0),
        ["page", "limit"],
        PageNumber("page", 0),
    ),
    "PayPal": (number("page", of_links("links", "rel")), ["page"], NextLink("links.next", "page")),
    "FHIR": (number("page", of_links("link", "relation")), ["page"], NextLink("link.next", "page")),
    "Spring": (
        number(
            "page",
            lambda found, page, n: {
                "content": found,
                "pageable": {"pageNumber": page},
                "totalPages": n,
                "last": page + 1 == n,
                "number": page,
            },
            first=0,
        ),
        ["page", "size"],
        PageNumber("page", 0, "totalPages"),
    ),
    "ActiveCampaign": (
        offset("offset", lambda found, _, count: {"contacts": found, "meta": {"total": str(count)}}),
        ["limit", "offset"],
        Offset("offset", "limit", "meta.total"),
    ),
    "QuickBooks": (
        offset(
            "startPosition",
            lambda found, start, _: {"QueryResponse": {"Customer": found, "startPosition": start}},
            first=1,
        ),
        ["startPosition", "maxResults"],
        Offset("startPosition", "maxResults"),
    ),
    "SCIM": (
        offset(
            "startIndex",
            lambda found, start, count: {"totalResults": count, "startIndex": start, "Resources": found},
            first=1,
        ),
        ["startIndex", "count"],
        Offset("startIndex", "count", "totalResults"),
    ),
    "a total that is not counted": (
        offset("offset", lambda found, *_: {"total": -1, "items": found}),
        ["offset"],
        Offset("offset", "limit"),
    ),
}


@pytest.mark.parametrize("name", SERVICES)
async def test_all_records_of_a_service_are_read_once(name: str) -> None:
    answer, names, paging = SERVICES[name]
    found = None
    # A single page of Airtable does not say that `offset` takes no number.
    for count in COUNTS[name == "Airtable" :]:
        async with answering(lambda params, count=count: answer(params, count), names) as account:  # type: ignore[misc]
            walk = account.actions.walk("app", "list_things")
            assert [record["id"] async for record in walk] == [*range(count)]
            found = walk.paging
    assert found == paging


@pytest.mark.parametrize("count", COUNTS)
async def test_a_start_that_is_counted_from_1_can_be_given(count: int) -> None:
    answer = SERVICES["SCIM"][0]
    async with answering(lambda params: answer(params, count), ["startIndex", "count"]) as account:
        walk = account.actions.walk("app", "list_things", {"startIndex": 1})
        assert [record["id"] async for record in walk] == [*range(count)]


async def test_a_walk_that_begins_with_a_later_page_is_read_to_the_end() -> None:
    answer = number("page", lambda found, page, pages: {"items": found, "page": page, "pages": pages})
    async with answering(lambda params: answer(params, 4 * SIZE), ["page"]) as account:
        walk = account.actions.walk("app", "list_things", {"page": 2})
        assert len([record async for record in walk]) == 3 * SIZE


WITHOUT: list[tuple[str, list[str], Mapping[str, object], str]] = [
    # a service, the parameters of the action, those that are sent, and the reason
    ("Airtable", ["pageSize"], {}, "no_parameter"),
    ("Asana", ["limit"], {}, "no_parameter"),
    ("GraphQL, two connections", ["first"], {}, "no_parameter"),
    ("Pipedrive", ["limit"], {}, "no_parameter"),
    ("Wix", ["limit"], {}, "no_parameter"),
    ("Zendesk", ["page_size"], {}, "no_parameter"),
    ("Zendesk's increments", ["start_time"], {}, "no_parameter"),
    ("Zoho", ["per_page"], {}, "no_parameter"),
    ("ClickUp", ["archived"], {}, "no_parameter"),
    ("PayPal", ["count"], {}, "no_parameter"),
    ("ActiveCampaign", ["limit"], {}, "no_parameter"),
    # What GitHub's page is followed by is in a header, which no answer has; Stripe takes the id of a record.
    ("GitHub", ["per_page"], {"per_page": SIZE}, "no_parameter"),
    ("GitHub", ["after"], {}, "no_cursor"),
    ("GitHub", ["page_info"], {}, "no_cursor"),
    ("Slack's messages", ["channel"], {}, "no_parameter"),
]


@pytest.mark.parametrize(("name", "names", "params", "reason"), WITHOUT)
async def test_more_that_cannot_be_asked_for_is_an_error(
    name: str, names: Sequence[str], params: Mapping[str, object], reason: str
) -> None:
    answer = SERVICES[name][0]
    async with answering(lambda params: answer(params, 2 * SIZE), names) as account:
        walk = account.actions.walk("app", "list_things", params)
        with pytest.raises(IncompleteWalkError) as caught:
            [record async for record in walk]
    assert (caught.value.reason, caught.value.record_count) == (reason, SIZE)


async def test_a_single_page_of_airtable_needs_its_paging() -> None:
    paging = SERVICES["Airtable"][2]
    async with answering(lambda _: {"records": rows(1)}, ["offset"]) as account:
        walk = account.actions.walk("app", "list_things", paging=paging)
        assert len([record async for record in walk]) == 1


async def test_stripes_parameter_is_named() -> None:
    async with answering(lambda _: {"data": rows(1), "has_more": True}, ["starting_after"]) as account:
        walk = account.actions.walk("app", "list_things")
        with pytest.raises(IncompleteWalkError, match=r"takes starting_after .* the id of the last record"):
            [record async for record in walk]


async def test_a_date_is_no_offset() -> None:
    async with answering(lambda _: rows(1, 2), ["start", "end"]) as account:
        walk = account.actions.walk("app", "list_events", {"start": "2025-01-01", "end": "2025-02-01"})
        assert len([record async for record in walk]) == 2


@pytest.mark.parametrize("first", [0, 1])
async def test_a_resumed_walk_knows_from_which_number_pages_are_counted(first: int) -> None:
    answer = number("page", lambda found, *_: found, first)
    async with answering(lambda params: answer(params, 3 * SIZE), ["page"]) as account:
        walk = account.actions.walk("app", "list_things")
        pages = [page async for page in walk.pages()]
        assert [page.number for page in pages if page.records] == [1, 2, 3]
        for page in pages[:-1]:
            again = account.actions.walk("app", "list_things", resume=page.resume)
            read = [record["id"] async for record in again]
            assert read == [*range(page.number * SIZE, 3 * SIZE)]


async def test_many_walks_find_out_from_which_number_pages_are_counted(tmp_path: Path) -> None:
    answer = number("page", lambda found, *_: found)
    async with (
        answering(lambda params: answer(params, 2 * SIZE + 1), ["page"]) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        summary = await refold.pull("app", "list_things", ["demo-user-1"], tmp_path)
    assert summary.is_complete
    assert (summary.records, rows_in(tmp_path).total()) == (2 * SIZE + 1, 2 * SIZE + 1)


@pytest.mark.parametrize(
    "data",
    [
        {"success": False, "errors": [{"code": 1}], "messages": [], "result": None},
        {"success": False, "messages": [{"code": 1}]},
    ],
)
async def test_messages_of_a_failure_are_no_records(data: object) -> None:
    async with answering(lambda _: data, []) as account:
        with pytest.raises(IncompleteWalkError, match="no list of records"):
            await account.actions.walk("app", "list_things")
