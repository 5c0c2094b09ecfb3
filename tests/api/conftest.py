"""A recorder for each test, and the three scopes on it."""

import socket
from collections.abc import AsyncIterator

import pytest

from refold_async import KeyAccount, Refold, Retry, TokenAccount

from .recorder import Recorder, recording
from .sample import CUSTOMER


@pytest.fixture
async def recorder(guard: None) -> AsyncIterator[Recorder]:
    async with recording() as running:
        yield running


@pytest.fixture
async def refold(recorder: Recorder) -> AsyncIterator[Refold]:
    async with Refold("tk_test", base_url=recorder.url, timeout=5, retry=Retry(base=0.01)) as client:
        yield client


@pytest.fixture
def account(refold: Refold) -> KeyAccount:
    return refold.account(CUSTOMER)


@pytest.fixture
async def token_account(recorder: Recorder) -> AsyncIterator[TokenAccount]:
    async with TokenAccount.from_token("session.jwt", base_url=recorder.url, timeout=5) as account:
        yield account


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
