"""What every store of a journal does: SQLite and PostgreSQL."""

import pytest

from refold_async import JournalError, JournalInUseError
from refold_async.batch.journal.store import CallId, State, Written

from .journal_stores import Settings, journal, opened, query, record

__all__ = ["journal"]


def test_a_write_begins_once(journal: Settings) -> None:
    store = opened(journal())
    assert store.write([record("a"), record("b")]) == [Written.DONE, Written.DONE]
    assert store.write([record("a"), record("c")]) == [Written.TAKEN, Written.DONE]
    store.close()


def test_a_key_twice_in_one_group_begins_once(journal: Settings) -> None:
    store = opened(journal())
    assert store.write([record("a"), record("b"), record("a")]) == [
        Written.DONE,
        Written.DONE,
        Written.TAKEN,
    ]
    assert store.counts() == {(State.BEGUN, False): 2}
    store.close()


def test_a_group_holds_what_begins_and_what_ends(journal: Settings) -> None:
    store = opened(journal())
    store.write([record("a"), record("b"), record("c")])
    group = [
        record("a", State.DONE, result=b"r", attempts=2),
        record("b", State.FAILED, error="NotFoundError 404"),
        record("c", State.UNKNOWN, error="ConnectionFailedError"),
        record("d"),
    ]
    assert store.write(group, [CallId("a", "=a")]) == [Written.DONE] * 4
    assert store.counts() == {
        (State.DONE, True): 1,
        (State.FAILED, False): 1,
        (State.UNKNOWN, False): 1,
        (State.BEGUN, False): 1,
    }
    rows = store.look([CallId("a", f"={key}") for key in "dcbax"])
    assert [row and (row.state, row.delivered, row.error, row.result) for row in rows] == [
        (State.BEGUN, False, None, None),
        (State.UNKNOWN, False, "ConnectionFailedError", None),
        (State.FAILED, False, "NotFoundError 404", None),
        (State.DONE, True, None, None),
        None,
    ]
    assert query(journal(), "SELECT attempts FROM calls WHERE key = '=a'") == [(2,)]
    store.close()


def test_results_stay_after_delivery_if_they_are_kept(journal: Settings) -> None:
    store = opened(journal(replay=True))
    store.write([record("a", State.DONE, result=b"r")])
    store.write([], [CallId("a", "=a")])
    assert [row and (row.delivered, row.result) for row in store.look([CallId("a", "=a")])] == [(True, b"r")]
    store.close()


@pytest.mark.parametrize("state", State)
def test_a_final_state_stays_and_others_change(journal: Settings, state: State) -> None:
    store = opened(journal())
    store.write([record("a")])
    store.write([record("a", state)])
    is_final = state in {State.DONE, State.FOUND}
    end = store.write([record("a", State.UNKNOWN)])
    assert end == [Written.TAKEN if is_final else Written.DONE]
    store.close()


@pytest.mark.parametrize("state", [State.BEGUN, State.UNKNOWN, State.ABSENT, State.UNRESOLVED])
def test_an_unknown_write_begins_again_only_if_it_was_recorded_before(
    journal: Settings, state: State
) -> None:
    store = opened(journal())
    store.write([record("a")])
    store.write([record("a", state)])
    assert store.write([record("a", before=store.run)]) == [Written.TAKEN]
    assert store.write([record("a", before=store.run + 1), record("b")]) == [Written.DONE, Written.DONE]
    store.close()
    again = opened(journal())
    assert again.write([record("a"), record("b", before=again.run)]) == [Written.TAKEN, Written.DONE]
    again.close()


def test_parameters_are_kept_until_a_write_is_settled(journal: Settings) -> None:
    store = opened(journal())
    store.write([record(key, params=b"{}") for key in "abc"])
    store.write([record("a", State.ABSENT), record("b", State.FOUND, result=b"r"), record("c", State.FAILED)])
    assert query(journal(), "SELECT key, params FROM calls ORDER BY key") == [
        ("=a", b"{}"),
        ("=b", None),
        ("=c", None),
    ]
    store.close()


def test_another_call_with_the_same_key_is_distinguished(journal: Settings) -> None:
    store = opened(journal())
    store.write([record("a")])
    for state in (State.BEGUN, State.DONE):
        assert store.write([record("a", state, b"another")]) == [Written.ANOTHER_CALL]
    store.close()


def test_any_text_is_a_key(journal: Settings) -> None:
    keys = ["", "\0", "\\0", "\\", "a\\0\0b", "'", '"{},', "NULL", "\U0001f600", "%s", "\ud7ff\ue000"]
    store = opened(journal())
    group = [record(key, call=b"c", account=key) for key in keys]
    assert store.write(group) == [Written.DONE] * len(keys)
    assert store.write(group) == [Written.TAKEN] * len(keys)
    assert all(store.look([each.id for each in group]))
    store.write([each._replace(state=State.FAILED, error=each.account) for each in group])
    assert [row and row.error for row in store.look([each.id for each in group])] == keys
    store.close()


def test_runs_are_counted_and_one_at_a_time(journal: Settings) -> None:
    for run in (1, 2):
        store = opened(journal())
        assert (store.run, store.fresh) == (run, True)
        with pytest.raises(JournalInUseError, match="in use by"):
            opened(journal())
        store.close()
    store = opened(journal())
    store.write([record("a")])
    store.close()
    store.close()
    again = opened(journal())
    assert (again.run, again.fresh) == (4, False)
    again.close()


def test_it_belongs_to_one_service(journal: Settings) -> None:
    opened(journal()).close()
    with pytest.raises(JournalError, match="http://other"):
        opened(journal(), "http://other")
    opened(journal()).close()


def test_the_figures_of_a_run_replace_those_before(journal: Settings) -> None:
    store = opened(journal())
    store.write_run({0: b"a", 1: b"b"})
    store.write_run({0: b"c"})
    store.close()
    store = opened(journal())
    assert [(run.number, run.figures) for run in store.runs()] == [(1, (b"c", b"b")), (2, ())]
    assert [run.ended is None for run in store.runs()] == [False, True]
    store.close()
