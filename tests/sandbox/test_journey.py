"""Each of the documented operations, called with the client against the sandbox over a socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from refold_async import SessionManager
from refold_async.sandbox import Sandbox

from . import legs_accounts, legs_work
from .journey import ME, OPERATIONS, Journey

LEGS: tuple[Callable[[Journey], Awaitable[None]], ...] = (
    legs_accounts.linked_accounts,
    legs_accounts.apps,
    legs_accounts.credentials,
    legs_accounts.webhooks,
    legs_accounts.events,
    legs_accounts.env_variables,
    legs_accounts.human_tasks,
    legs_work.datarefs,
    legs_work.datastores,
    legs_work.mcp_servers,
    legs_work.tables,
    legs_work.workflows,
    legs_work.executions,
    legs_work.schedules,
    legs_work.configs,
    legs_work.config_fields,
    legs_accounts.tokens,
)


@asynccontextmanager
async def journey(sandbox: Sandbox) -> AsyncIterator[Journey]:
    secret = sandbox.issue_token(ME)
    async with SessionManager(base_url=sandbox.base_url, timeout=10) as manager:
        refold = manager.client(sandbox.api_key)
        yield Journey(sandbox, refold, refold.account(ME), manager.account(secret), secret)


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg.__name__)
async def test_what_arrives_and_what_is_answered(
    sandbox: Sandbox, leg: Callable[[Journey], Awaitable[None]]
) -> None:
    async with journey(sandbox) as way:
        await leg(way)
        assert way.visited


async def test_the_journey_calls_every_operation(sandbox: Sandbox) -> None:
    async with journey(sandbox) as way:
        for leg in LEGS:
            await leg(way)
    assert set(OPERATIONS) - way.visited == set()
