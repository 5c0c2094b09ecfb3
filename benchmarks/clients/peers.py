"""Peers: general HTTP clients, and the SDKs of comparable services.

Each is imported when it is opened, so none needs to be installed. SDKs call their closest equivalent of an
execute; the server's response is the same for all.
"""

import importlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from benchmarks.clients.adapter import HEADERS, Adapter, Call, data_of, encode
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, PATH


@asynccontextmanager
async def httpx(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    module = importlib.import_module("httpx")
    limits = module.Limits(max_connections=None, max_keepalive_connections=None)
    async with module.AsyncClient(headers=HEADERS, limits=limits, verify=tls or True) as client:

        async def call() -> object:
            response = await client.post(base_url + PATH, content=encode(PARAMS))
            response.raise_for_status()
            return data_of(response.content)

        yield call


@asynccontextmanager
async def niquests(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    module = importlib.import_module("niquests")
    trusted = True if tls is None else _pem(tls)
    async with module.AsyncSession(pool_maxsize=1000) as session:

        async def call() -> object:
            response = await session.post(
                base_url + PATH, data=encode(PARAMS), headers=HEADERS, verify=trusted
            )
            response.raise_for_status()
            return data_of(response.content)

        yield call


def _pem(tls: ssl.SSLContext) -> str:
    """Return the CA certificates of a context as PEM, because niquests accepts no context."""
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in tls.get_ca_certs(binary_form=True))


@asynccontextmanager
async def openai(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """`chat.completions.create`, the best-known method of a Stainless client."""
    module = importlib.import_module("openai")
    transport = importlib.import_module("httpx").AsyncClient(verify=tls or True)
    client = module.AsyncOpenAI(api_key=API_KEY, base_url=base_url, http_client=transport)
    async with client:

        async def call() -> object:
            messages = [{"role": "user", "content": "1"}]
            return await client.chat.completions.create(model="any", messages=messages)

        yield call


@asynccontextmanager
async def arcadepy(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    module = importlib.import_module("arcadepy")
    transport = importlib.import_module("httpx").AsyncClient(verify=tls or True)
    client = module.AsyncArcade(api_key=API_KEY, base_url=base_url, http_client=transport)
    async with client:

        async def call() -> object:
            return await client.tools.execute(tool_name=ACTION, user_id=ACCOUNT, input=PARAMS)

        yield call


@asynccontextmanager
async def composio(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    module = importlib.import_module("composio_client")
    transport = importlib.import_module("httpx").AsyncClient(verify=tls or True)
    client = module.AsyncComposio(api_key=API_KEY, base_url=base_url, http_client=transport)
    async with client:

        async def call() -> object:
            return await client.tools.execute(ACTION, user_id=ACCOUNT, arguments=PARAMS)

        yield call


PACKAGES = ("httpx", "niquests", "openai", "arcadepy", "composio-client")

_PEERS: dict[str, tuple[str, Adapter]] = {
    "httpx": ("httpx", httpx),
    "niquests": ("niquests", niquests),
    "openai": ("openai", openai),
    "arcadepy": ("arcadepy", arcadepy),
    "composio-client": ("composio_client", composio),
}


def installed() -> dict[str, Adapter]:
    """Return the installed peers."""
    return {name: adapter for name, (module, adapter) in _PEERS.items() if find_spec(module)}
