"""Each of the documented operations, called with the client against the sandbox over a socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from refold_async import SessionManager
from refold_async.sandbox import Sandbox
from tests.api.recorder import rows, shape

from . import steps_accounts, steps_work
from .checked_client import ME, OPERATIONS, CheckedClient

STEPS: tuple[Callable[[CheckedClient], Awaitable[None]], ...] = (
    steps_accounts.linked_accounts,
    steps_accounts.apps,
    steps_accounts.credentials,
    steps_accounts.webhooks,
    steps_accounts.events,
    steps_accounts.env_variables,
    steps_accounts.human_tasks,
    steps_work.datarefs,
    steps_work.datastores,
    steps_work.mcp_servers,
    steps_work.tables,
    steps_work.workflows,
    steps_work.executions,
    steps_work.schedules,
    steps_work.configs,
    steps_work.config_fields,
    steps_accounts.tokens,
)


@asynccontextmanager
async def checked_client(sandbox: Sandbox) -> AsyncIterator[CheckedClient]:
    secret = sandbox.issue_token(ME)
    async with SessionManager(base_url=sandbox.base_url, timeout=10) as manager:
        refold = manager.client(sandbox.api_key)
        yield CheckedClient(sandbox, refold, refold.account(ME), manager.account(secret), secret)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_each_call_sends_the_documented_request(
    sandbox: Sandbox, step: Callable[[CheckedClient], Awaitable[None]]
) -> None:
    async with checked_client(sandbox) as client:
        await step(client)
        assert client.called


async def test_the_steps_call_every_documented_operation(sandbox: Sandbox) -> None:
    async with checked_client(sandbox) as client:
        for step in STEPS:
            await step(client)
    documented = {(row["method"], shape(row["path"])) for row in rows()}
    assert {
        each.name
        for each in OPERATIONS.values()
        if (each.method, shape(each.path)) in documented and each.name not in client.called
    } == set()
