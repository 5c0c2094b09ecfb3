"""Reading answers: each documented body comes through whole, or as the right error; odd ones bend."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_origin

import msgspec
import pytest

from refold_async import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    ServerError,
    StatusError,
)
from refold_async._core.decoding import read_as
from refold_async._core.responses import Response, read, status_error
from refold_async.api.action_replies import read_result as read_action
from refold_async.api.common import Identified
from refold_async.api.credentials import Migration, read_migration
from refold_async.api.env_variables import VariableDefinition, VariableValue
from refold_async.api.hosted_connect import ConnectUrl
from refold_async.api.linked_accounts import LinkedAccount
from refold_async.api.paging import Page, read_page
from refold_async.api.session_tokens import SessionToken
from refold_async.api.workflow_models import WorkflowDeletion
from refold_async.results import ActionResult
from tests.declared import answers
from tests.reference import FOLDER, needs_reference

from . import comparing
from .recorder import rows, shape

BY_PLACE = {(each.method, shape(each.path)): answer for each, answer in answers().items()}


@cache
def examples() -> list[dict[str, Any]]:
    path = FOLDER / "examples.json"
    loaded: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return loaded


def _reply(status: int, body: object) -> Response:
    return Response(status, {}, json.dumps(body).encode())


def _read(answer: Any, reply: Response) -> Any:
    if answer is ActionResult:
        result = read_action(answer, reply)
        return {"node_status": result.node_status, "data": result.data}
    kind: Any = get_origin(answer) or answer
    return read_page(answer, reply) if issubclass(kind, Page) else read(answer, reply)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['method']} {row['path']}")
def test_a_body_of_each_operation_comes_through(row: dict[str, Any]) -> None:
    kind = BY_PLACE[row["method"], shape(row["path"])]
    if row["status"] == 204:
        assert kind is type(None)
        assert read(kind, Response(204, {}, b"")) is None
        return
    answer = _read(kind, _reply(row["status"], row["answer"]))
    assert comparing.lost(row["answer"], msgspec.to_builtins(answer)) == []


ERRORS: dict[int, type[StatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    500: ServerError,
    501: ServerError,
}


@needs_reference
def test_all_documented_bodies_read() -> None:
    assert len(examples()) == 211
    for example in examples():
        kind = BY_PLACE[example["method"], shape(example["path"])]
        reply = _reply(example["status"], example["body"])
        if 200 <= example["status"] < 300:
            answer = _read(kind, reply)
            assert comparing.lost(example["body"], msgspec.to_builtins(answer)) == [], example["path"]
            continue
        error = status_error(reply)
        assert type(error) is ERRORS[example["status"]]
        assert error.message == example["body"]["message"]
        assert error.error_code == (example["body"].get("error_code") or example["body"].get("error"))


@pytest.mark.parametrize("odd", [17, "odd", [], {"odd": 1}, None, True], ids=repr)
def test_no_field_of_another_type_loses_the_answer(odd: object) -> None:
    """Each field of each answer in turn holds what it should not; the others come through all the same."""
    for row in rows():
        kind = BY_PLACE[row["method"], shape(row["path"])]
        body = row.get("answer")
        if not isinstance(body, dict) or kind is ActionResult:
            continue
        for key in body:
            answer = _read(kind, _reply(200, {**body, key: odd}))
            rest = {name: value for name, value in body.items() if name != key}
            assert comparing.lost(rest, msgspec.to_builtins(answer)) == [], (row["path"], key)


@pytest.mark.parametrize(
    "body", [{"_id": "a"}, {"id": "a"}, {"id": "a", "_id": "b"}, {"id": None, "_id": "a"}]
)
def test_an_id_is_found_under_both_its_names(body: dict[str, Any]) -> None:
    assert read_as(Identified, json.dumps(body).encode()).id == "a"


def test_an_odd_field_keeps_the_id() -> None:
    account = read_as(LinkedAccount, b'{"_id": "a", "name": 5, "createdAt": "soon"}')
    assert [account.id, account.name, account.created_at] == ["a", 5, "soon"]


def test_dates_are_moments() -> None:
    account = read_as(LinkedAccount, b'{"createdAt": "2031-05-06T07:08:09.250Z"}')
    assert account.created_at == datetime(2031, 5, 6, 7, 8, 9, 250_000, tzinfo=UTC)


def test_a_definition_may_write_its_dates_in_both_forms() -> None:
    older = read_as(VariableDefinition, b'{"_id": "d", "created_at": "2031-05-06T07:08:09Z"}')
    newer = read_as(VariableDefinition, b'{"_id": "d", "createdAt": "2031-05-06T07:08:09Z"}')
    assert older.created_at == newer.created_at == datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert older.id == "d"


def test_a_deleted_workflow_may_list_its_triggers_in_both_forms() -> None:
    for name in ("triggers_deregistered", "successfullyDeletedTriggers"):
        read_back = read_as(WorkflowDeletion, json.dumps({name: False}).encode())
        assert read_back.triggers_deregistered is False


def test_a_definition_may_stand_in_place_of_its_id() -> None:
    value = read_as(VariableValue, b'{"variable_definition_id": {"_id": "d", "encrypted": "maybe"}}')
    assert isinstance(value.variable_definition_id, VariableDefinition)
    assert value.variable_definition_id.id == "d"


def test_an_unknown_value_of_the_service_is_accepted() -> None:
    assert read_as(LinkedAccount, b'{"environment": "staging"}').environment == "staging"


def test_an_account_never_holds_credentials() -> None:
    body = b'{"integrations": [{"type": "x", "credentials": {"k": "s3cret"}, "authTokens": "s3cret"}]}'
    assert "s3cret" not in repr(read_as(LinkedAccount, body))


def test_a_token_is_in_no_repr() -> None:
    assert "s3cret" not in repr(SessionToken(token="s3cret", refresh_token="s3cret"))
    assert "s3cret" not in repr(ConnectUrl(hosted_url="https://a.test/connect/s3cret"))


def test_a_page_may_be_a_bare_array() -> None:
    page = read_page(BY_PLACE["GET", "/api/v2/public/dataref/{}"], Response(200, {}, b' [{"a": 1}]'))
    assert page.items == [{"a": 1}]


@pytest.mark.parametrize("body", [b"{}", b'{"docs": null}'])
def test_a_page_without_items_is_empty(body: bytes) -> None:
    page = read_as(Page[LinkedAccount], body)
    assert (list(page), len(page)) == ([], 0)


@pytest.mark.parametrize(
    "body", [{"error": "Custom apps are not supported here."}, {"success": False, "message": "no"}]
)
def test_a_migration_that_was_refused_with_200_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        read_migration(Migration, _reply(200, body))
    assert (caught.value.status, caught.value.fate) == (200, "rejected")
    assert (body.get("error") or body["message"]) in str(caught.value)


def test_a_refusal_repeats_no_key() -> None:
    with pytest.raises(RefusedError) as caught:
        read_migration(Migration, _reply(200, {"error": "bad key tk_123"}), "tk_123")
    assert "tk_123" not in str(caught.value)


def test_a_repr_omits_what_is_not_set() -> None:
    shown = repr(read_as(Page[LinkedAccount], b'{"docs": [{"_id": "a", "name": "Ada"}], "totalDocs": 1}'))
    assert shown == "Page(items=[LinkedAccount(id='a', _id='a', name='Ada')], total=1)"
