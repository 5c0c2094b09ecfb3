"""aiohttp without an SDK: typical use, tuned, and the connector alone."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientRequest, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from benchmarks.clients.adapter import HEADERS, Call, data_of, encode
from benchmarks.payloads import ACCOUNT, API_KEY, PARAMS, PATH


@asynccontextmanager
async def plain(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """`json=`, `async with`, `resp.json()`."""
    async with ClientSession(connector=TCPConnector(ssl=tls or True)) as session:

        async def call() -> object:
            headers = {"x-api-key": API_KEY, "linked_account_id": ACCOUNT}
            async with session.post(base_url + PATH, json=PARAMS, headers=headers) as response:
                response.raise_for_status()
                answer = await response.json()
                if answer["node_status"] != "Success":
                    raise RuntimeError(answer["node_status"])
                return answer["data"]

        yield call


@asynccontextmanager
async def tuned(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """The fastest use of the public API: bytes both ways, prepared URL, no cookies, no timeout."""
    url = URL(base_url + PATH, encoded=True)
    timeout = ClientTimeout(total=None)
    pool = TCPConnector(limit=0, ssl=tls or True)
    jar = DummyCookieJar()
    async with ClientSession(connector=pool, headers=HEADERS, cookie_jar=jar, timeout=timeout) as session:

        async def call() -> object:
            response = await session.post(url, data=encode(PARAMS), allow_redirects=False)
            body = await response.read()
            if response.status != 200:
                raise RuntimeError(response.status)
            return data_of(body)

        yield call


@asynccontextmanager
async def connector(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """Bypass the session: aiohttp's pool and parser, hand-written request bytes."""
    url = URL(base_url + PATH, encoded=True)
    timeout = ClientTimeout(total=None)
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"POST {PATH} HTTP/1.1\r\nHost: {url.authority}\r\n{fields}Content-Length: ".encode()
    async with TCPConnector(limit=0, ssl=tls or True) as pool, ClientSession(connector=pool) as session:
        request = ClientRequest("POST", url, loop=pool._loop, session=session)

        async def call() -> object:
            connection = await pool.connect(request, [], timeout)
            protocol = connection.protocol
            assert protocol is not None
            assert protocol.transport is not None
            protocol.set_response_params()
            body = encode(PARAMS)
            protocol.transport.write(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            message, payload = await protocol.read()
            answer = await payload.read()
            connection.release()
            if message.code != 200:
                raise RuntimeError(message.code)
            return data_of(answer)

        yield call
