"""Webhooks that arrive: genuine or not, known or not."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import (
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionExpired,
    SettingsError,
    UnknownEvent,
    UnreadableReplyError,
    WorkflowCompleted,
    WorkflowErrored,
    parse_webhook,
    verify_webhook,
)

KEY = "tk_of_ours"
BODY = '{"event": "Connection Expired", "name": "Ä"}'.encode()


def sign(body: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "change", [str, str.upper, lambda text: f" {text}\n"], ids=["as sent", "upper", "padded"]
)
def test_a_genuine_signature_is_accepted(change: Any) -> None:
    assert verify_webhook(BODY, change(sign(BODY)), KEY)


FORGED: dict[str, str | None] = {
    "empty": "",
    "no header": None,
    "another key's": sign(BODY, "tk_of_theirs"),
    "another body's": sign(BODY + b" "),
    "cut": sign(BODY)[:-1],
    "longer": sign(BODY) + "0",
    "not ASCII": "ä" * 64,
    "not Unicode": "\ud800" * 64,
    "full-width digits": sign(BODY).replace("1", "\uff11"),
}


@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED)
def test_a_forged_signature_is_refused(signature: str | None) -> None:
    assert verify_webhook(BODY, signature, KEY) is False


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="api_key is empty"):
        verify_webhook(BODY, sign(BODY, ""), "")


@given(st.binary(max_size=50), st.text(max_size=70), st.text(min_size=1, max_size=20))
def test_any_signature_gives_an_answer(body: bytes, signature: str, key: str) -> None:
    key = key.encode("utf-8", "replace").decode()
    assert verify_webhook(body, signature, key) == (signature.strip().lower() == sign(body, key))


CONNECTION = {
    "linked_account_id": "customer-1",
    "org_id": "o-1",
    "environment": "test",
    "type": "General",
    "slug": "hubspot",
    "createdAt": "Tue, 06 May 2031 08:03:27 GMT",
}
EXECUTION = {
    "linked_account_id": "customer-1",
    "instance_id": "x-1",
    "workflow_id": "w-1",
    "config_id": "c-1",
    "workflow_name": "Lead Sync",
    "status": "ERRORED",
    "environment": "production",
}
CONNECTION_KINDS: dict[str, Any] = {
    "Connection Created": ConnectionCreated,
    "Connection Deleted": ConnectionDeleted,
    "Connection Expired": ConnectionExpired,
}
WORKFLOW_KINDS: dict[str, Any] = {
    "Workflow Completed": WorkflowCompleted,
    "Workflow Errored": WorkflowErrored,
}


@pytest.mark.parametrize("event", CONNECTION_KINDS)
def test_webhooks_of_connections_are_parsed(event: str) -> None:
    sent = {**CONNECTION, "event": event}
    delivery = parse_webhook(json.dumps(sent).encode())
    assert type(delivery) is CONNECTION_KINDS[event]
    assert isinstance(delivery, ConnectionCreated | ConnectionDeleted | ConnectionExpired)
    assert (delivery.event, delivery.linked_account_id, delivery.slug) == (event, "customer-1", "hubspot")
    assert delivery.created_at == datetime(2031, 5, 6, 8, 3, 27, tzinfo=UTC)
    assert (delivery.environment, delivery.org_id, delivery.type) == ("test", "o-1", "General")
    assert delivery.payload == sent


@pytest.mark.parametrize("event", WORKFLOW_KINDS)
def test_webhooks_of_workflows_are_parsed(event: str) -> None:
    sent = {**EXECUTION, "event": event, "response": {"a": 1}}
    delivery = parse_webhook(json.dumps(sent).encode())
    assert type(delivery) is WORKFLOW_KINDS[event]
    assert isinstance(delivery, WorkflowCompleted | WorkflowErrored)
    assert (delivery.execution_id, delivery.workflow_id, delivery.config_id) == ("x-1", "w-1", "c-1")
    assert (delivery.workflow_name, delivery.status) == ("Lead Sync", "ERRORED")
    assert delivery.payload["response"] == {"a": 1}


@pytest.mark.parametrize("sent", [{"event": "Moon Landed"}, {"text": "own"}, {"event": ["x"]}, {}], ids=repr)
def test_an_unknown_event_keeps_its_payload(sent: dict[str, Any]) -> None:
    delivery = parse_webhook(json.dumps(sent).encode())
    assert type(delivery) is UnknownEvent
    assert delivery.payload == sent


ODD_DATES = [
    None, 5, "soon", "2031-05-06T08:03:27Z", "Tue, 99 May 2031 08:03:27 GMT",
    "Tue, 06 May 2031 08:03:27 +99999999999999999",
]  # fmt: skip


@pytest.mark.parametrize("date", ODD_DATES)
def test_an_odd_date_loses_nothing(date: object) -> None:
    sent = {**CONNECTION, "event": "Connection Expired", "createdAt": date}
    delivery = parse_webhook(json.dumps(sent).encode())
    assert isinstance(delivery, ConnectionExpired)
    assert delivery.slug == "hubspot"
    assert delivery.created_at == (datetime(2031, 5, 6, 8, 3, 27, tzinfo=UTC) if "27Z" in str(date) else date)


@pytest.mark.parametrize("body", [b"", b"[]", b"no", b'"x"', b"\xff", b"null"])
def test_a_value_that_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableReplyError):
        parse_webhook(body)
