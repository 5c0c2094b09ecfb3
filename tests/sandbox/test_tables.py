"""Persistent tables: records, columns and limits."""

import pytest

from .recording_client import V2, RecordingClient

ME = "demo-user-1"
BASE = f"{V2}/tables"
ONE = BASE + "/{table_id}"


async def create(recorder: RecordingClient, *columns: str, name: str = "leads", rows: int = 0) -> str:
    body = {"table_name": name, "columns": [{"column_name": column} for column in columns]}
    table_id = str((await recorder.call("POST", BASE, account=ME, json=body))["table_id"])
    if rows:
        data = [{columns[0]: f"row {number}"} for number in range(rows)]
        await recorder.call("PATCH", ONE, table_id, account=ME, json={"data": data})
    return table_id


async def test_records_are_paged(recorder: RecordingClient) -> None:
    table_id = await create(recorder, "name", rows=25)
    page = await recorder.call("GET", ONE, table_id, account=ME, query={"page": "3", "limit": "10"})
    assert [each["name"] for each in page["docs"]] == [f"row {number}" for number in range(20, 25)]
    assert (page["totalPages"], page["hasNextPage"], page["hasPrevPage"]) == (3, False, True)
    beyond = await recorder.call("GET", ONE, table_id, account=ME, query={"page": "9"})
    assert (beyond["docs"], beyond["totalDocs"]) == ([], 25)


async def test_a_single_record_drops_unknown_columns(recorder: RecordingClient) -> None:
    table_id = await create(recorder, "name")
    body = {"data": {"name": "a", "secret": 1}}
    [added] = (await recorder.call("PATCH", ONE, table_id, account=ME, json=body))["add_record_result"]
    assert added.keys() == {"record_id", "name"}
    deleted = await recorder.call("DELETE", ONE + "/{record_id}", table_id, added["record_id"], account=ME)
    assert deleted == added


async def test_search_patterns_ignore_case(recorder: RecordingClient) -> None:
    table_id = await create(recorder, "name", rows=12)
    for pattern, count in (("ROW 1", 3), ("^row 1$", 1), ("x", 0)):
        found = await recorder.call("POST", ONE + "/search", table_id, account=ME, json={"name": pattern})
        assert len(found) == count
    assert len(await recorder.call("POST", ONE + "/search", table_id, account=ME, json={})) == 12


async def test_a_table_name_is_free_again_after_deletion(recorder: RecordingClient) -> None:
    first = await create(recorder, "name")
    assert await create(recorder, "other") == first
    assert await recorder.call("DELETE", ONE, first, account=ME) is True
    await recorder.call("GET", ONE, first, account=ME)
    assert recorder.status == 404
    assert await create(recorder, "name") != first
    assert (await recorder.call("GET", BASE, account="demo-user-2"))["docs"] == []


async def test_columns_are_renamed_in_a_chain(recorder: RecordingClient) -> None:
    table_id = await create(recorder, "a", "b", rows=1)
    renames = [{"old_name": "a", "new_name": "b"}, {"old_name": "b", "new_name": "c"}]
    await recorder.call("PATCH", ONE + "/columns/rename", table_id, account=ME, json={"renames": renames})
    page = await recorder.call("GET", ONE, table_id, account=ME)
    assert (page["columns"], page["docs"][0]["b"]) == (["b", "c"], "row 0")


async def test_removing_a_column_removes_its_values(recorder: RecordingClient) -> None:
    table_id = await create(recorder, "a", "b", rows=1)
    await recorder.call("DELETE", ONE + "/columns/remove", table_id, account=ME, json={"columns": ["a"]})
    page = await recorder.call("GET", ONE, table_id, account=ME)
    assert (page["columns"], list(page["docs"][0])) == (["b"], ["record_id"])


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [
        ("PATCH", "/columns/add", {"columns": ["a"]}),
        ("PATCH", "/columns/add", {"columns": [f"c{number}" for number in range(19)]}),
        ("PATCH", "/columns/add", {"columns": [1]}),
        ("PATCH", "/columns/add", {}),
        ("DELETE", "/columns/remove", {"columns": ["a", "b"]}),
        ("DELETE", "/columns/remove", {"columns": ["z"]}),
        ("PATCH", "/columns/rename", {"renames": [{"old_name": "a", "new_name": "b"}]}),
        ("PATCH", "/columns/rename", {"renames": [{"old_name": "z", "new_name": "y"}]}),
        ("PATCH", "/columns/rename", {"renames": [{"old_name": "a"}]}),
        ("PATCH", "", {"data": [{"a": 1}] * 10_001}),
        ("PATCH", "", {"data": [1]}),
        ("POST", "/search", {"a": "("}),
    ],
)
async def test_invalid_tables_are_refused_without_effect(
    recorder: RecordingClient, method: str, action: str, body: dict[str, object]
) -> None:
    table_id = await create(recorder, "a", "b")
    await recorder.call(method, ONE + action, table_id, account=ME, json=body)
    assert recorder.status == 400
    page = await recorder.call("GET", ONE, table_id, account=ME)
    assert (page["columns"], page["docs"]) == (["a", "b"], [])


async def test_tables_are_listed_by_name_with_their_group(recorder: RecordingClient) -> None:
    leads, deals = await create(recorder, "a", rows=2), await create(recorder, "a", name="deals")
    for group in ("crm", ""):
        body = {"tableIds": [leads, deals], "group": group}
        await recorder.call("PUT", BASE + "/group/edit", account=ME, json=body)
        listed = (await recorder.call("GET", BASE, account=ME, query={"name": "^LE"}))["docs"]
        assert [(each["_id"], each.get("group", ""), each["record_count"]) for each in listed] == [
            (leads, group, 2)
        ]
