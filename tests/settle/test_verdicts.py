"""The verdict on a call by an answer: found, absent, or neither."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from refold_async import (
    Absent,
    ActionResult,
    Call,
    Found,
    Lookup,
    ServerError,
    SettingsError,
    Settle,
    Unresolved,
)
from refold_async.settle.verdicts import (
    Finding,
    conclude,
    judge,
    lookup_call,
    lookup_failed,
    plan_lookup,
    result_over,
    runs_again,
)

from .looking import by_email, write

CALL = write("a@example.com")


def answer(data: object) -> ActionResult:
    return ActionResult("Success", None, msgspec.Raw(msgspec.json.encode(data)))


def contact(email: str, record_id: str = "1") -> dict[str, Any]:
    return {"id": record_id, "properties": {"email": email}}


MATCH, OTHER = contact("a@example.com"), contact("b@example.com", "2")
MORE = {"paging": {"next": {"after": "1"}}}


@pytest.mark.parametrize(
    ("data", "verdict", "conclusive"),
    [
        ({"results": [MATCH]}, Found(MATCH), True),
        ({"results": [OTHER, MATCH], **MORE}, Found(MATCH), True),
        ({"results": [MATCH, MATCH]}, Unresolved("2 records match"), True),
        ({"results": []}, Absent(), False),
        ({"results": [OTHER]}, Absent(), False),
        ({"results": [OTHER], **MORE}, Unresolved("more pages"), False),
        ({"results": [], **MORE}, Unresolved("more pages"), False),
        ({}, Unresolved("found raised KeyError: 'results'"), False),
    ],
)
def test_an_answer(data: object, verdict: object, *, conclusive: bool) -> None:
    assert judge(by_email(CALL), answer(data)) == Finding(verdict, conclusive)  # type: ignore[arg-type]


@pytest.mark.parametrize("returned", [None, {}, "abc", 3, {1, 2}])
def test_found_must_return_a_list(returned: Any) -> None:
    finding = judge(Lookup("search_x", found=lambda _: returned), answer({}))
    assert not finding.conclusive
    assert f"it returned {type(returned).__name__}, not a list" in str(finding.verdict)


def test_an_answer_that_is_not_json() -> None:
    result = ActionResult("Success", None, msgspec.Raw(b"{"))
    assert isinstance(judge(by_email(CALL), result).verdict, Unresolved)


def refuse(_: Call) -> Lookup:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("function", "reason", "conclusive"),
    [
        (refuse, "the look-up function raised ValueError: no", False),
        (lambda _: "search_contacts", "the look-up function returned str, not a Lookup", False),
        (lambda _: Lookup("create_contact", found=list), "the look-up action 'create_contact' writes", True),
        (lambda _: Lookup("httprequest", found=list), "the look-up action 'httprequest' writes", True),
    ],
)
def test_a_look_up_that_cannot_be_made(
    function: Callable[[Call], Any], reason: str, *, conclusive: bool
) -> None:
    finding = plan_lookup(CALL, function)
    assert isinstance(finding, Finding)
    assert isinstance(finding.verdict, Unresolved)
    assert finding.verdict.reason.startswith(reason)
    assert finding.conclusive == conclusive


def test_a_look_up_is_a_read_for_the_same_customer() -> None:
    assert plan_lookup(CALL, lambda _: None) is None
    lookup = plan_lookup(
        CALL, lambda _: Lookup("httprequest", {"a": 1}, found=list, slug="slack", effect="read")
    )
    assert isinstance(lookup, Lookup)
    made = lookup_call(CALL, lookup)
    assert (made.linked_account_id, made.slug, made.action_id, made.effect) == (
        "demo-user-1",
        "slack",
        "httprequest",
        "read",
    )
    assert lookup_call(CALL, by_email(CALL)).slug == "hubspot"


def test_reasons_are_bounded() -> None:
    finding = lookup_failed(ServerError("x" * 1000, status=503))
    assert isinstance(finding.verdict, Unresolved)
    assert finding.verdict.reason.startswith("the look-up failed: ServerError 503: xxx")
    assert len(finding.verdict.reason) < 400


def test_reasons_are_valid_text() -> None:
    def found(data: Any) -> list[Any]:
        raise ValueError("odd: \ud83d")

    (verdict, _) = judge(
        Lookup("search_contacts", found=found), ActionResult("Success", 200, msgspec.Raw(b"1"))
    )
    assert verdict == Unresolved("found raised ValueError: odd: \\ud83d")


def test_look_ups_continue_until_one_is_conclusive_or_the_last() -> None:
    settle = Settle(by_email, after=(1, 2))
    assert conclude(settle, Finding(Absent()), 1) is None
    assert conclude(settle, Finding(Absent()), 2) == Absent()
    assert conclude(settle, Finding(Found(1), conclusive=True), 1) == Found(1)


@pytest.mark.parametrize(
    ("absent", "runs", "again"), [("report", 1, False), ("run", 0, True), ("run", 2, True), ("run", 3, False)]
)
def test_only_an_absent_call_runs_again(absent: Any, runs: int, *, again: bool) -> None:
    settle = Settle(by_email, absent=absent)
    assert runs_again(settle, Absent(), runs) == again
    assert not runs_again(settle, Unresolved("more pages"), runs)
    assert not runs_again(settle, Found({}), runs)


@pytest.mark.parametrize("record", [{"id": "1"}, [1, None], "text", {"name": "\ud83d"}])
def test_a_result_over_a_record(record: object) -> None:
    result = result_over(record)
    assert (result.node_status, result.http_status) == ("Success", None)

    assert json.loads(bytes(result.raw)) == record


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"after": ()}, "after must be"),
        ({"after": (2, 1)}, "after must be"),
        ({"after": (-1,)}, "after must be"),
        ({"after": (float("inf"),)}, "after must be"),
        ({"after": "30"}, "after must be"),
        ({"after": 30}, "after must be"),
        ({"absent": "retry"}, "absent must be"),
        ({"max_runs": 0}, "max_runs"),
    ],
)
def test_settings_that_cannot_work(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settle(by_email, **options)


def test_the_look_up_must_be_a_plain_function() -> None:
    async def later(call: Call) -> None:
        pass

    with pytest.raises(SettingsError, match="plain function"):
        Settle(later)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="not str"):
        Settle("search_contacts")  # type: ignore[arg-type]


def test_the_waits_are_kept_as_they_were() -> None:
    waits = [1.0, 2.0]
    settle = Settle(by_email, after=waits)
    waits.append(3.0)
    assert settle.after == (1.0, 2.0)
    assert Settle(by_email).after == (30.0, 120.0)
