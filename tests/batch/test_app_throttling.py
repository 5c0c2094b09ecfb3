"""The app's 429, as HTTP 429 or under HTTP 200: a read is retried, a write is unknown, its customer pauses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refold_async import (
    ActionFailed,
    ActionResult,
    Call,
    Failed,
    RateLimitedError,
    Refold,
    RefoldError,
    Retry,
)
from refold_async._core import retries
from refold_async._core.responses import Response
from refold_async.api.action_replies import read_result
from refold_async.integrations.starlette.problems import kind_of
from refold_async.sandbox import Fault, Sandbox

FORMS: dict[str, tuple[type[RefoldError], Callable[..., Fault]]] = {
    "HTTP 429": (RateLimitedError, lambda **more: Fault(status=429, code="EXTERNAL_API_ERROR", **more)),
    "HTTP 200": (ActionFailed, lambda **more: Fault(node_status="Errored", http_status=429, **more)),
}
both_forms = pytest.mark.parametrize("form", FORMS)
CUSTOMER = "demo-user-1"
WRITE = ("create_contact", {"email": "ann@example.com"})
READ = ("get_contact", {"limit": "1"})


def client(sandbox: Sandbox, **options: Any) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001), **options)


@both_forms
@pytest.mark.parametrize("header", [{}, {"Retry-After": "0.01"}])
async def test_a_read_is_retried(sandbox: Sandbox, form: str, header: dict[str, str]) -> None:
    sandbox.faults.add(FORMS[form][1](times=2, headers=header))
    async with client(sandbox) as refold:
        result = await refold.account(CUSTOMER).actions.execute("hubspot", *READ)
    assert result.node_status == "Success"
    assert len(sandbox.requests) == 3


@both_forms
async def test_a_write_is_unknown_and_sent_once(sandbox: Sandbox, form: str) -> None:
    kind, fault = FORMS[form]
    sandbox.faults.add(fault())
    async with client(sandbox) as refold:
        with pytest.raises(kind) as caught:
            await refold.account(CUSTOMER).actions.execute("hubspot", *WRITE)
    error = caught.value
    assert (error.fate, error.attempts) == ("unknown", 1)
    assert retries.is_app_throttled(error)
    assert retries.cost_of(error) == 5
    assert kind_of(error) == "unknown-outcome"
    assert len(sandbox.requests) == 1


@both_forms
async def test_a_read_that_keeps_being_throttled_says_so(sandbox: Sandbox, form: str) -> None:
    kind, fault = FORMS[form]
    sandbox.faults.add(fault())
    async with client(sandbox) as refold:
        with pytest.raises(kind) as caught:
            await refold.account(CUSTOMER).actions.execute("hubspot", *READ)
    assert caught.value.attempts == 4
    assert kind_of(caught.value) == "app-throttled"


@both_forms
async def test_a_resumed_batch_does_not_send_the_write_again(
    sandbox: Sandbox, tmp_path: Path, form: str
) -> None:
    sandbox.faults.add(FORMS[form][1](times=1))
    call = Call(CUSTOMER, "hubspot", *WRITE, key="k")
    async with client(sandbox) as refold:
        [first] = (await refold.run([call], journal=tmp_path / "job")).outcomes
        [second] = (await refold.run([call], journal=tmp_path / "job")).outcomes
    assert isinstance(first, Failed)
    assert first.error.fate == "unknown"
    assert isinstance(second, Failed)
    assert (second.error.fate, second.attempts) == ("unknown", 0)
    assert len(sandbox.requests) == 1


@both_forms
async def test_it_pauses_its_customer_alone(sandbox: Sandbox, form: str) -> None:
    busy = FORMS[form][1](linked_account_id=CUSTOMER)
    sandbox.faults.add(busy)
    inputs = [Call(CUSTOMER, "hubspot", *WRITE)] * 30
    inputs += [Call(f"demo-user-{number}", "hubspot", *READ) for number in range(2, 32)]
    async with client(sandbox) as refold, refold.batch(inputs, concurrency=4) as batch:
        others = 0
        async for outcome in batch:
            others += outcome.call.linked_account_id != CUSTOMER
            if others == 30:
                break
    assert sandbox.faults.fired(busy) <= 4


def test_both_forms_keep_the_wait_that_the_response_asks_for() -> None:
    failed = b'{"node_status":"Errored","http_status":429}'
    refused = b'{"error_code":"EXTERNAL_API_ERROR"}'
    for status, body in ((200, failed), (429, refused)):
        with pytest.raises(RefoldError) as caught:
            read_result(ActionResult, Response(status, {"Retry-After": "7"}, body))
        assert retries.is_app_throttled(caught.value)
        assert (caught.value.fate, caught.value.retry_after) == ("unknown", 7)
