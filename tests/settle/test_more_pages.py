"""Which answers count as one page of several."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.settle.more_pages import has_more_pages

LAST: list[Any] = [
    None,
    [],
    "text",
    {"results": []},
    {"results": [], "paging": {}},
    {"results": [], "paging": {"next": None}},
    {"results": [{"next": "of the record"}], "total": 1},
    {"records": [{}], "next": None},
    {"records": [{}], "done": True, "totalSize": 1},
    {"items": [], "hasMore": False},
    {"ok": True, "messages": [], "response_metadata": {"next_cursor": ""}},
    {"data": [], "offset": 0, "limit": 10, "count": 0},
    {"value": [{}], "pageInfo": {"hasNextPage": False, "endCursor": None}},
    {"links": {"self": "/a?page=1", "next": None}},
    {"data": [{}], "page": 1, "total_pages": 1},
    {"hits": [], "page": 0, "nbPages": 0},
    {"items": [], "has_more": 0},
    {"items": [], "hasMore": "false"},
    {"records": [{}], "done": "true"},
    {"results": [{}], "total": "1"},
]

SEVERAL: list[Any] = [
    {"results": [], "paging": {"next": {"after": "61", "link": "?after=61"}}},
    {"results": [{}], "total": 2},
    {"records": [{}], "next": "62"},
    {"records": [], "done": False, "nextRecordsUrl": "/services/data/query/01g-2000"},
    {"records": [{}], "totalSize": 2001},
    {"items": [], "hasMore": True},
    {"items": [], "has_more": True},
    {"ok": True, "messages": [], "response_metadata": {"next_cursor": "bmV4dA=="}},
    {"records": [], "offset": "itrXXX/recYYY"},
    {"value": [], "@odata.nextLink": "https://graph.example/next"},
    {"files": [], "nextPageToken": "abc"},
    {"data": [], "pageInfo": {"hasNextPage": True, "endCursor": "abc"}},
    {"links": {"next": "/a?page=2"}},
    {"result": {"data": {"meta": {"next_page": 2}}}},
    {"list": [], "last_page": False},
    {"data": [{}], "page": 1, "total_pages": 5},
    {"data": [{}], "meta": {"current_page": 1, "last_page": 5}},
    {"hits": [{}], "page": 0, "nbPages": "3"},
    {"items": [], "has_more": 1},
    {"items": [], "hasMore": "true"},
    {"records": [], "done": "False"},
    {"results": [{}], "total": "250"},
    {"results": [{}], "total": 1e999},
]


@pytest.mark.parametrize("data", LAST, ids=repr)
def test_the_last_page(data: Any) -> None:
    assert not has_more_pages(data)


@pytest.mark.parametrize("data", SEVERAL, ids=repr)
def test_one_page_of_several(data: Any) -> None:
    assert has_more_pages(data)


@pytest.mark.parametrize("params", [{"limit": "2"}, {"pageSize": 2}, {"per_page": "2"}, {"max_results": 2}])
@pytest.mark.parametrize("answer", [[{}, {}], {"results": [{}, {}]}])
def test_a_full_page_that_does_not_say_whether_it_is_the_last(params: dict[str, object], answer: Any) -> None:
    assert has_more_pages(answer, params)
    assert not has_more_pages(answer, {"limit": "3"})
    assert not has_more_pages({"results": [{}, {}], "paging": {}}, params)
    assert not has_more_pages({"results": [{}, {}], "hasMore": False}, params)


@pytest.mark.parametrize("length", [10, 25, 100])
def test_a_page_of_a_usual_length_that_does_not_say_whether_it_is_the_last(length: int) -> None:
    assert has_more_pages([{}] * length)
    assert has_more_pages({"results": [{}] * length}, {"query": "x"})
    assert not has_more_pages({"results": [{}] * length}, {"limit": 200})
    assert not has_more_pages({"results": [{}] * length, "hasMore": False})
    assert not has_more_pages({"results": [{}] * length, "total": length})
    assert not has_more_pages([{}] * (length - 1))


NAMES = ["next", "total", "more", "hasMore", "done", "pages", "paging"]
json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner),
    max_leaves=20,
)


@given(json_values, st.dictionaries(st.text() | st.just("limit"), json_values))
def test_any_answer_is_judged(data: Any, params: dict[str, object]) -> None:
    assert has_more_pages(data, params) in {True, False}


@given(json_values)
def test_any_sign_of_more_pages_wins(data: Any) -> None:
    answer = {"data": data, "hasMore": True}
    assert has_more_pages(msgspec.json.decode(msgspec.json.encode(answer)))
