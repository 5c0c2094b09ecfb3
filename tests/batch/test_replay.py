"""How a batch applies its journal: how it identifies a call, and what a failing journal stops."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from refold_async import (
    ActionResult,
    Call,
    Failed,
    InvalidCallError,
    Journal,
    JournalError,
    Skipped,
)
from refold_async.batch.journal.group_commits import GroupCommits
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.journal.replay import JournalReplay, _fingerprint
from refold_async.batch.journal.sqlite import JournalFile
from refold_async.batch.journal.store import CallId, JournalStore, JournalWrite, State, Written
from refold_async.batch.runner import RecordingError
from refold_async.batch.scheduler import QueuedCall

from .stubs import FunctionRunner

RESULT = ActionResult("Success", 200, msgspec.Raw(b"{}"))


def call(**changes: Any) -> Call:
    facts: dict[str, Any] = {
        "linked_account_id": "a", "slug": "x", "action_id": "create_y", "params": {"n": 1}, "key": "k"
    }  # fmt: skip
    return Call(**{**facts, **changes})


def test_a_call_is_identified_by_account_action_and_parameters() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"linked_account_id": "b"}, {"slug": "z"}, {"action_id": "create_z"}, {"params": {"n": 2}}, {"params": None}
    ]  # fmt: skip
    prints = [_fingerprint(call(**change)) for change in changes]
    assert len(set(prints)) == len(changes)
    assert {len(print_) for print_ in prints} == {16}


def test_the_order_of_parameters_and_the_key_do_not_change_the_hash() -> None:
    assert _fingerprint(call(params={"a": 1, "b": 2})) == _fingerprint(call(params={"b": 2, "a": 1}))
    plain, other = {"n": {"a": 1, "b": 2}}, MappingProxyType({"n": MappingProxyType({"b": 2, "a": 1})})
    assert _fingerprint(call(params=plain)) == _fingerprint(call(params=other))
    assert _fingerprint(call(key="l")) == _fingerprint(call())
    assert _fingerprint(call(params=None)) == _fingerprint(call(params={}))


@pytest.mark.parametrize("value", [1j, object(), "\ud800"])
def test_a_call_that_json_cannot_express_has_no_fingerprint(value: object) -> None:
    with pytest.raises(InvalidCallError, match="cannot be encoded as JSON"):
        _fingerprint(call(params={"n": value}))


class BrokenCommits(GroupCommits):
    """Answers every record alike, and has no file."""

    def __init__(self, answer: Written | JournalError) -> None:
        self.answer = answer
        self.error = None

    def put(self, record: JournalWrite) -> "asyncio.Future[Written | JournalError]":
        written: asyncio.Future[Written | JournalError] = asyncio.get_running_loop().create_future()
        written.set_result(self.answer)
        return written


def journal(path: Path) -> JournalFile:
    return JournalFile(path, job=None, base_url="http://h")


def replay_of(commits: GroupCommits, file: JournalStore, path: Path) -> JournalReplay:
    return JournalReplay(OpenJournal(Journal(path), "http://h", commits, file))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (JournalError("the disk is full"), "the disk is full"),
        (Written.ANOTHER_CALL, "the key 'k' of account 'a' belongs to two calls"),
    ],
)
async def test_an_outcome_is_delivered_although_it_cannot_be_recorded(
    tmp_path: Path, answer: Written | JournalError, words: str
) -> None:
    file = await asyncio.to_thread(journal, tmp_path / "job")
    made = replay_of(BrokenCommits(answer), file, tmp_path / "job")
    queued = QueuedCall(call(action_id="get_y"), 0, 0.0)
    assert await made.known_outcomes([queued]) == [None]

    async def succeed(_: QueuedCall) -> object:
        return RESULT

    with pytest.raises(RecordingError) as caught:
        await made.recording(FunctionRunner(succeed)).attempt(queued)
    assert caught.value.answer is RESULT
    assert made.error is not None
    assert words in made.error.message
    await asyncio.to_thread(file.close)


def of_an_earlier_run(path: Path, state: State) -> None:
    file = journal(path)
    made = call()
    file.write(
        [JournalWrite(CallId("a", "=k"), "a", _fingerprint(made), made.slug, made.action_id, "write", state)]
    )
    file.close()


async def test_a_write_that_cannot_be_reported_as_unknown_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "job"
    await asyncio.to_thread(of_an_earlier_run, path, State.BEGUN)
    commits, file = await GroupCommits.open(lambda: journal(path))
    made = replay_of(commits, file, path)
    commits.error = JournalError("the disk is full")
    with pytest.raises(JournalError, match="the disk is full"):
        await made.known_outcomes([QueuedCall(call(), 0, 0.0)])
    await commits.aclose()


@pytest.mark.parametrize("state", [State.BEGUN, State.DONE, State.UNKNOWN])
async def test_a_key_that_an_earlier_call_of_this_run_had_is_skipped(tmp_path: Path, state: State) -> None:
    path = tmp_path / "job"
    await asyncio.to_thread(of_an_earlier_run, path, State.FAILED)
    commits, file = await GroupCommits.open(lambda: journal(path))
    made = replay_of(commits, file, path)
    first, second = QueuedCall(call(), 0, 0.0), QueuedCall(call(), 1, 0.0)
    assert await made.known_outcomes([first]) == [None]
    await commits.write(first.journal_key.write(state))
    [outcome] = await made.known_outcomes([second])
    assert outcome == Skipped(second.call, "duplicate_key", index=1)
    await commits.aclose()


async def test_a_write_under_way_is_reported_in_every_later_run(tmp_path: Path) -> None:
    path = tmp_path / "job"
    await asyncio.to_thread(of_an_earlier_run, path, State.BEGUN)
    for _ in range(3):
        commits, file = await GroupCommits.open(lambda: journal(path))
        made = replay_of(commits, file, path)
        [outcome] = await made.known_outcomes([QueuedCall(call(), 0, 0.0)])
        assert isinstance(outcome, Failed)
        assert outcome.error.fate == "unknown"
        assert "under way" in str(outcome.error)
        await commits.aclose()


class Recording(JournalFile):
    """A journal that notes how many rows were written at once, and how many calls were marked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, job=None, base_url="http://h")
        self.groups: list[tuple[int, int]] = []

    def write(self, records: Sequence[JournalWrite], delivered: Sequence[CallId] = ()) -> list[Written]:
        self.groups.append((len(records), len(delivered)))
        return super().write(records, delivered)


async def test_large_results_are_written_a_few_at_a_time(tmp_path: Path) -> None:
    """A commit that takes longer than a lease would lose it, whoever else wants the journal."""
    commits, file = await GroupCommits.open(lambda: Recording(tmp_path / "job"))
    large, small = bytes(9_000_000), b"{}"
    results = [large, large, small, small, bytes(18_000_000), small, large]
    ids = [CallId("a", f"={place}") for place in range(len(results))]
    written = [
        commits.put(JournalWrite(id_, "a", b"c" * 16, "x", "get_y", "read", State.DONE, result=result))
        for id_, result in zip(ids, results, strict=True)
    ]
    commits.deliver(ids[0])
    assert await asyncio.gather(*written) == [Written.DONE] * len(results)
    await commits.flush()
    assert isinstance(file, Recording)
    assert file.groups == [(1, 0), (3, 0), (1, 0), (2, 1)]
    rows = await commits.look(ids)
    assert [row and row.delivered for row in rows] == [True, *[False] * 6]
    await commits.aclose()
