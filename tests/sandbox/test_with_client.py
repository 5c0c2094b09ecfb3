"""The client against the sandbox; neither imports the other."""

from collections.abc import AsyncIterator

import pytest

from refold_async import Refold, TokenAccount
from refold_async.api.workflow_models import WorkflowFailed
from refold_async.sandbox import Sandbox
from refold_async.webhooks import ConnectionExpired, parse_webhook, verify_webhook

from .raw_client import until


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, timeout=10) as client:
        yield client


async def test_workflows_are_waited_for_and_followed(refold: Refold) -> None:
    workflows = refold.account("demo-user-1").workflows
    result = await workflows.execute_and_wait("lead_sync", "hubspot", {"email": "a@b.c"})
    assert result.return_value == {"email": "a@b.c"}
    done = await workflows.execute_and_follow("batch_export", "hubspot", timeout=10)
    assert (done.status, done.config_id) == ("COMPLETED", "demo-user-1")
    with pytest.raises(WorkflowFailed):
        await workflows.execute_and_follow("failing_sync", "hubspot", timeout=10)


async def test_a_customer_builds_and_publishes_with_a_token(refold: Refold, sandbox: Sandbox) -> None:
    token = await refold.session_tokens.create("demo-user-1")
    assert token.token
    async with TokenAccount.from_token(token.token, base_url=sandbox.base_url) as account:
        created = await account.workflows.create(name="Mine", slug="hubspot")
        assert created.workflow
        assert created.workflow.id
        published = await account.workflows.publish(created.workflow.id, published=True)
        assert published.published is True
    seen = [each.name async for each in refold.account("demo-user-1").workflows.list(limit=2)]
    assert "Mine" in seen


async def test_a_delivery_is_verified_and_read(refold: Refold, sandbox: Sandbox) -> None:
    await refold.webhooks.create("http://127.0.0.1:1/hook", ["Connection Expired"])
    sandbox.expire("demo-user-1", "hubspot")
    await until(lambda: sandbox.deliveries[0].statuses)
    [delivery] = sandbox.deliveries
    assert verify_webhook(delivery.body, delivery.signature, sandbox.api_key)
    assert not verify_webhook(delivery.body, delivery.signature, "tk_other")
    event = parse_webhook(delivery.body)
    assert isinstance(event, ConnectionExpired)
    assert (event.slug, event.linked_account_id) == ("hubspot", "demo-user-1")


async def test_all_linked_accounts_are_iterated(refold: Refold, sandbox: Sandbox) -> None:
    found = [each.linked_account_id async for each in refold.linked_accounts.list(limit=500)]
    assert found == list(sandbox.account_ids)
