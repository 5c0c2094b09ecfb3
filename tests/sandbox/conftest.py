import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import trustme

from refold_async.sandbox import Sandbox

from .raw_client import RawClient
from .recording_client import RecordingClient


@pytest.fixture
async def session(guard: None) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as opened:
        yield opened


@pytest.fixture
def raw_client(sandbox: Sandbox, session: aiohttp.ClientSession) -> RawClient:
    return RawClient(sandbox, session)


@pytest.fixture
def recorder(sandbox: Sandbox, session: aiohttp.ClientSession) -> RecordingClient:
    return RecordingClient(sandbox, session)


@pytest.fixture(scope="session")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of a server and its client on loopback."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client
