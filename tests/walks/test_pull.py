# pyright: reportPossiblyUnboundVariable=false
"""Files: each row once in every format, whatever ends a run when, and columns that differ."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from refold_async import Refold, Retry, SettingsError
from refold_async.row_files import FileFormat
from refold_async.sandbox import Fault, Sandbox
from refold_async.walks import WalkFailed, WalkSkipped, files

from .folders import manifest, read_part, rows_in
from .scripted import answering

needs_arrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
FORMATS: list[Any] = ["jsonl", "jsonl.gz", "csv", pytest.param("parquet", marks=needs_arrow)]
RECORDS = 25
ACCOUNTS = [f"demo-user-{each}" for each in range(1, 9)]


@pytest.fixture
async def sandbox(guard: None) -> AsyncIterator[Sandbox]:
    async with Sandbox(accounts=8, records=RECORDS) as running:
        yield running


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as client:
        yield client


@pytest.mark.parametrize("form", FORMATS)
async def test_each_row_is_in_the_files_once(form: FileFormat, refold: Refold, tmp_path: Path) -> None:
    summary = await refold.pull("catalog", "list_products", ACCOUNTS, tmp_path, format=form, part_rows=60)
    assert summary.is_complete
    rows = rows_in(tmp_path)
    assert rows.total() == len(rows) == 8 * RECORDS
    told = manifest(tmp_path)
    assert (told["format"], told["rows"], told["is_complete"], told["walks"]["complete"]) == (
        form,
        200,
        True,
        8,
    )
    assert len(told["files"]) > 2
    names = {each.name for each in tmp_path.iterdir() if "part-" in each.name}
    assert names == {each["name"] for each in told["files"]}
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in tmp_path.iterdir())


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_numbers_of_a_record_keep_their_text(
    form: Any, refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    numbers = ["123456789012345678901234567890", "1e400", "0.1000000000000000055", "-0.0"]
    record = f'{{"id": "1", "a": {numbers[0]}, "b": {numbers[1]}, "c": {numbers[2]}, "d": {{"e": [{numbers[3]}]}}}}'
    body = f'{{"node_status": "Success", "data": {{"results": [{record}]}}}}'
    sandbox.faults.add(Fault(operation="actions.execute", garbage=body.encode()))
    await refold.pull("catalog", "list_products", ACCOUNTS[:1], tmp_path, format=form, once=True)
    [part] = [each.read_text() for each in tmp_path.iterdir() if "part-" in each.name]
    assert [each for each in numbers if each not in part] == []


@pytest.mark.parametrize("form", FORMATS)
async def test_a_pull_cancelled_anywhere_resumes(
    form: FileFormat, refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="actions.execute", latency=0.002))
    number = 0
    for number in range(200):
        pulling = asyncio.ensure_future(
            refold.pull(
                "catalog",
                "list_products",
                ACCOUNTS,
                tmp_path,
                format=form,
                part_rows=20,
                concurrency=3,
                once=True,
            )
        )
        await asyncio.wait([pulling], timeout=0.02 + 0.005 * number)
        if pulling.done():
            assert (await pulling).is_complete
            break
        pulling.cancel()
        await asyncio.wait([pulling])
    assert number > 0
    rows = rows_in(tmp_path)
    assert rows.total() == len(rows) == 8 * RECORDS


async def test_a_generator_of_accounts_is_closed_at_once(refold: Refold, tmp_path: Path) -> None:
    closed: list[bool] = []

    async def accounts() -> AsyncIterator[str]:
        try:
            for account in ("demo-user-1", *ACCOUNTS):
                yield account
        finally:
            closed.append(True)

    def refuse(_: WalkFailed | WalkSkipped) -> None:
        raise LookupError("not wanted")

    source = accounts()
    with pytest.raises(LookupError, match="not wanted"):
        await refold.pull(
            "catalog", "list_products", source, tmp_path, window=1, records="nowhere", on_ended=refuse
        )
    assert closed == [True]


@pytest.mark.parametrize("form", FORMATS)
async def test_rows_before_an_expired_cursor_are_superseded(
    form: FileFormat, refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    ended: list[WalkFailed | WalkSkipped] = []
    broken = Fault(operation="actions.execute", linked_account_id="demo-user-1", status=500, after=2)
    sandbox.faults.add(broken)
    first = await refold.pull(
        "catalog", "list_products", ACCOUNTS[:2], tmp_path, format=form, on_ended=ended.append
    )
    assert (first.failed, first.complete, len(ended)) == (1, 1, 1)
    assert rows_in(tmp_path).total() == RECORDS + 20
    sandbox.faults.clear()
    sandbox.faults.add(Fault(operation="actions.execute", paging="dead_cursor", times=1))
    again = await refold.pull("catalog", "list_products", ACCOUNTS[:2], tmp_path, format=form, once=True)
    assert (again.restarted, again.is_complete) == (1, True)
    rows = rows_in(tmp_path)
    assert rows.total() == len(rows) == 2 * RECORDS


async def test_a_later_run_has_files_of_its_own(refold: Refold, sandbox: Sandbox, tmp_path: Path) -> None:
    for run in (1, 2):
        await refold.pull("catalog", "list_products", ACCOUNTS, tmp_path, since="updatedAfter", overlap=0)
        assert manifest(tmp_path)["run"] == run
        await refold.account("demo-user-3").actions.execute("catalog", "create_product", {"name": "new"})
    assert rows_in(tmp_path, 1).total() == 8 * RECORDS
    assert rows_in(tmp_path, 2).total() == 1
    nothing = await refold.pull("catalog", "list_products", ACCOUNTS, tmp_path, once=True)
    assert (nothing.pages, nothing.complete) == (0, 8)


@pytest.mark.parametrize("since_format", ["iso", "epoch", "epoch_ms"])
async def test_a_mark_is_written_as_the_app_wants_it(
    since_format: Any, refold: Refold, tmp_path: Path
) -> None:
    for expected in (RECORDS, 0):
        summary = await refold.pull(
            "catalog",
            "list_products",
            ACCOUNTS[:1],
            tmp_path,
            since="updatedAfter",
            since_format=since_format,
        )
        assert summary.records == expected


async def test_files_of_another_state_are_not_touched(refold: Refold, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    await refold.pull("catalog", "list_products", ACCOUNTS[:1], folder, state=tmp_path / "one.sqlite")
    with pytest.raises(SettingsError, match="files of another state"):
        await refold.pull("catalog", "list_products", ACCOUNTS[:1], folder, state=tmp_path / "two.sqlite")
    assert rows_in(folder).total() == RECORDS
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "part-00001-00001.jsonl").write_text("mine\n")
    with pytest.raises(SettingsError, match="files of another state"):
        await refold.pull("catalog", "list_products", ACCOUNTS[:1], strange)
    assert (strange / "part-00001-00001.jsonl").read_text() == "mine\n"
    (folder / manifest(folder)["files"][0]["name"]).unlink()
    with pytest.raises(SettingsError, match="lacks part-"):
        await refold.pull("catalog", "list_products", ACCOUNTS[:1], folder, state=tmp_path / "one.sqlite")


PAGES: list[list[dict[str, Any]]] = [
    [{"id": "1", "amount": 1, "tags": ["a"], "note": None}],
    [{"id": "2", "amount": 2.5, "owner": {"name": "Ada"}, "linked_account_id": "theirs", "note": None}],
    [{"id": "3", "amount": "many", "note": 2**70}],
]


@pytest.mark.parametrize("form", FORMATS)
async def test_columns_that_come_and_change_lose_no_row(form: FileFormat, tmp_path: Path) -> None:
    def answer(params: Mapping[str, object]) -> object:
        number = int(str(params.get("after") or 0))
        return {"items": PAGES[number], "next": number + 1 if number < 2 else None}

    async with answering(answer, ["after"]) as account:
        refold = Refold("tk_sandbox", base_url=account._requester._base_url)
        async with refold:
            summary = await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, format=form)
    assert summary.is_complete
    rows = [row for file in manifest(tmp_path)["files"] for row in read_part(tmp_path / file["name"])]
    assert sorted(row["id"] for row in rows) == ["1", "2", "3"]
    if form in {"csv", "parquet"}:
        assert [row["amount"] for row in rows] == ["1", "2.5", "many"]
        assert json.loads(rows[1]["owner"]) == {"name": "Ada"}
        assert rows[1]["record_linked_account_id"] == "theirs"
        assert rows[2]["note"] == str(2**70)


class Owner(msgspec.Struct):
    name: str


class Thing(msgspec.Struct):
    id: str
    amount: float
    owner: Owner | None = None
    tags: list[str] = []
    more: dict[str, int] = {}


@needs_arrow
async def test_a_type_sets_the_columns(tmp_path: Path) -> None:
    things = [
        {"id": "1", "amount": 1, "tags": ["a"]},
        {"id": "2", "amount": 2.5, "owner": {"name": "Ada"}, "more": {"a": 1}},
    ]
    async with (
        answering(lambda _: things, []) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, format="parquet", into=Thing)
    (file,) = manifest(tmp_path)["files"]
    assert read_part(tmp_path / file["name"]) == [
        {
            "linked_account_id": "demo-user-1",
            "id": "1",
            "amount": 1.0,
            "owner": None,
            "tags": ["a"],
            "more": "{}",
        },
        {
            "linked_account_id": "demo-user-1",
            "id": "2",
            "amount": 2.5,
            "owner": {"name": "Ada"},
            "tags": [],
            "more": '{"a":1}',
        },
    ]
    assert manifest(tmp_path)["columns"]["owner"] == "struct<name: string>"


async def test_a_record_that_does_not_fit_fails_its_customer_alone(tmp_path: Path) -> None:
    ended: list[WalkFailed | WalkSkipped] = []
    async with (
        answering(lambda _: [{"id": 1}], []) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        summary = await refold.pull(
            "app", "list_things", ["demo-user-1"], tmp_path, into=Thing, on_ended=ended.append
        )
    assert summary.failed == 1
    assert isinstance(ended[0], WalkFailed)
    assert manifest(tmp_path)["is_complete"] is False


@pytest.mark.parametrize(
    "options",
    [{"format": "xml"}, {"since_format": "unix"}, {"part_rows": 0}, {"part_seconds": 0}, {"overlap": -1}],
)
async def test_a_setting_that_cannot_work_is_refused(refold: Refold, tmp_path: Path, options: Any) -> None:
    with pytest.raises(SettingsError):
        await refold.pull("catalog", "list_products", ACCOUNTS, tmp_path, **options)
    nothing: Any = "demo-user-1"
    with pytest.raises(SettingsError, match="accounts must be"):
        await refold.pull("catalog", "list_products", nothing, tmp_path)


@pytest.mark.parametrize("pages", [1, 2])
async def test_a_page_before_an_error_is_in_the_files_once(pages: int, tmp_path: Path) -> None:
    def answer(params: Mapping[str, object]) -> object:
        number = int(str(params.get("after") or 1))
        return {"items": [{"id": str(number)}], "next": number + 1 if number < pages else None, "total": 9}

    async with (
        answering(answer, ["after"]) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        for once in (False, True, True):
            summary = await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, once=once)
            assert (summary.incomplete, summary.restarted) == (1, int(once))
            assert [count for _, count in rows_in(tmp_path).items()] == [1] * pages


@pytest.mark.parametrize("form", FORMATS)
async def test_a_field_with_the_name_of_the_first_column_is_kept(form: FileFormat, tmp_path: Path) -> None:
    record = {"linked_account_id": "theirs", "record_linked_account_id": "other"}
    async with (
        answering(lambda _: [record], []) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, format=form)
    ((name, _),) = [(file["name"], file["rows"]) for file in manifest(tmp_path)["files"]]
    assert {"theirs", "other"} <= set(read_part(tmp_path / name)[0].values())


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_a_pydantic_model_may_be_the_type_of_a_record(form: FileFormat, tmp_path: Path) -> None:
    model = pydantic.create_model("Model", id=(int, ...))
    async with (
        answering(lambda _: [{"id": "1", "other": 2}], []) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, format=form, into=model)
    (file,) = manifest(tmp_path)["files"]
    (row,) = read_part(tmp_path / file["name"])
    assert {name: str(value) for name, value in row.items()} == {
        "linked_account_id": "demo-user-1",
        "id": "1",
    }


@needs_arrow
async def test_a_parquet_file_is_finished_before_it_takes_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PARQUET_BYTES", 1000)

    def answer(params: Mapping[str, object]) -> object:
        number = int(str(params.get("after") or 0))
        return {"items": [{"id": str(number), "text": "x" * 600}], "next": number + 1 if number < 4 else None}

    async with (
        answering(answer, ["after"]) as account,
        Refold("tk_sandbox", base_url=account._requester._base_url) as refold,
    ):
        await refold.pull("app", "list_things", ["demo-user-1"], tmp_path, format="parquet")
    assert [file["rows"] for file in manifest(tmp_path)["files"]] == [2, 2, 1]
    assert rows_in(tmp_path).total() == 5


async def test_files_of_an_interrupted_run_are_named_and_not_touched(
    refold: Refold, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="actions.execute", latency=0.05))
    folder = tmp_path / "out"
    task: asyncio.Task[object] = asyncio.ensure_future(
        refold.pull(
            "catalog",
            "list_products",
            ACCOUNTS,
            folder,
            params={"limit": "1"},
            state=tmp_path / "one.sqlite",
            on_progress=lambda told: task.cancel() if told.pages else None,
        )
    )
    with pytest.raises(asyncio.CancelledError):
        await task
    before = {each.name for each in folder.iterdir()}
    assert {file["name"] for file in manifest(folder)["files"]} == before - {"manifest.json"} != set()
    with pytest.raises(SettingsError, match="files of another state"):
        await refold.pull("catalog", "list_products", ACCOUNTS[:1], folder, state=tmp_path / "two.sqlite")
    assert {each.name for each in folder.iterdir()} == before


async def test_another_format_needs_another_folder(refold: Refold, tmp_path: Path) -> None:
    await refold.pull("catalog", "list_products", ACCOUNTS[:1], tmp_path)
    with pytest.raises(SettingsError, match="files as jsonl, not csv"):
        await refold.pull("catalog", "list_products", ACCOUNTS[:1], tmp_path, format="csv")
    assert manifest(tmp_path)["is_complete"]
