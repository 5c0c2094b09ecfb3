"""How aiohttp itself reports the faults, which the client's error mapping relies on.

If a new aiohttp version changes one of these facts, the failing test says which, and the mapping needs review.
The calls are POSTs, because aiohttp repeats a GET by itself.
"""

import asyncio
import sys

import pytest

from .answers import good, ok, poison_body
from .bare import LONG, SHORT, bare_call, bare_session, meet
from .catalogue import FAULTS
from .fault import Fault
from .server import FaultServer

RAISED = {
    "ClientConnectorError": "refused handshake-close handshake-reset",
    "ClientConnectorDNSError": "dns-failure",
    "ClientConnectorSSLError": "handshake-alert plain-over-tls",
    "ClientConnectorCertificateError": """certificate-expired certificate-not-yet-valid certificate-wrong-host
        certificate-untrusted""",
    "ClientOSError or ServerDisconnectedError": "accept-close accept-reset fin-while-blocked",
    "ClientOSError": """certificate-demanded reset-before-status reset-in-headers
        reset-on-second-use""",
    "ServerDisconnectedError": """closed-before-status closed-in-status closed-in-headers closed-on-second-use""",
    "ClientPayloadError": """closed-after-headers closed-in-body reset-in-body closed-at-last-byte closed-in-chunk
        closed-before-last-chunk endless-empty-gzip closed-without-farewell length-too-long chunk-closed-later gzip-garbage gzip-wrong-sum
        deflate-garbage""",
    "TimeoutError": """backlog-full accept-silence handshake-silence silence silence-in-headers silence-in-body
        drip-headers drip-body endless-body endless-until-close endless-continue length-too-long-silence
        length-over-limit chunk-size-garbage-later chunk-too-short-later""",
    "ClientResponseError": """tls-over-plain endless-headers length-too-short length-negative length-signed
        length-no-number length-huge length-twice length-contradicts length-and-chunked chunk-size-garbage
        chunk-size-negative chunk-size-huge chunk-too-short chunk-no-line-end chunk-bare-lf garbage-after
        status-garbage status-lower-case status-two-digits status-four-digits status-negative http-0-9 header-nul
        header-no-colon header-no-name header-space-in-name header-bare-cr header-megabyte header-megabyte-name
        header-ten-thousand header-64k status-megabyte html-for-status html-for-chunk brotli zstd
        body-204""",
}
"""Exception classes and the faults that raise them; one of two if the client's write races the close."""

ANSWERED = {
    "200 good": """until-close fin-noticed idle-408-noticed idle-half-noticed idle-garbage-noticed drip-in-time thousand-chunks
        chunk-extension transfer-encoding-unknown line-ends-after second-answer second-answer-half status-no-reason status-http-1-0
        status-http-2 header-control header-latin-1 header-folded header-bare-lf header-twice
        header-content-type-twice header-close header-keep-alive-garbage header-set-cookie
        header-set-cookie-garbage continue-first processing-first early-hints-first many-interim gzip deflate
        x-gzip-garbage type-text type-charset type-absent type-garbage""",
    "200 other": """until-close-cut until-close-reset gzip-bomb gzip-cut gzip-twice encoding-unknown oversized
        x-gzip x-gzip-cut x-gzip-bomb gzip-identity html-200 empty-200 json-cut json-two json-bom json-utf-16 json-invalid-utf-8 json-nan json-infinity
        json-nested json-lone-surrogate json-duplicate-keys json-long-number json-control json-null
        json-wrong-shape""",
    "200 poison": "idle-answer-noticed",
    "101 other": "switching-protocols",
    "201 good": "created-201",
    "204 other": "empty-204",
    "206 other": "partial-206",
    "408 other": "idle-408-while-blocked",
    "999 good": "status-999",
}
"""Statuses and kinds of body, and the faults that aiohttp accepts as such a response."""

FACTS = {name: outcome for outcome, names in (RAISED | ANSWERED).items() for name in names.split()}
REUSED_BY_AIOHTTP = {"idle-answer-noticed", "fin-while-blocked", "idle-408-while-blocked"}
"""Faults where aiohttp reuses a connection that the client rejects: the server may read the call late or never."""


def _fact(fault: Fault) -> str:
    # From Python 3.14 on, aiohttp decodes zstd with the standard library's module.
    if fault.id == "zstd" and sys.version_info >= (3, 14):
        return "200 other"
    if fault.lenient and fault.expected("write").error:
        return "ClientResponseError"
    return FACTS[fault.id]


def test_the_table_omits_only_plain_http_errors() -> None:
    plain = {fault.id for fault in FAULTS} - set(FACTS)
    assert all(name[0] in "345" or name.startswith(("redirect-", "broken-")) for name in plain)


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.id) for fault in FAULTS if fault.id in FACTS])
async def test_how_aiohttp_reports(fault: Fault) -> None:
    met = await meet(fault, fault.wires[0], "POST", SHORT if _fact(fault) == "TimeoutError" else LONG)
    assert met.outcome in _fact(fault).split(" or ")
    assert (met.next == "200 good") == fault.recovers
    if fault.id not in REUSED_BY_AIOHTTP:
        write = fault.expected("write")
        assert met.requests == (0 if fault.lasting else write.seen - write.retried)


@pytest.mark.parametrize("name", ["reset-before-status", "closed-before-status", "reset-on-second-use"])
async def test_aiohttp_repeats_a_get_once_by_itself(name: str) -> None:
    (fault,) = (fault for fault in FAULTS if fault.id == name)
    met = await meet(fault, "tcp", "GET")
    assert (met.outcome, met.requests) == ("200 good", 2)


async def test_aiohttp_accepts_an_unsolicited_response_as_the_next_one() -> None:
    async with FaultServer() as server, bare_session() as session:
        await bare_call(session, server.base_url(), "POST")
        server.cut_idle(ok(poison_body(server.requests[-1])), fin=False)
        await asyncio.sleep(0.01)
        assert await bare_call(session, server.base_url(), "POST") == "200 poison"


async def test_calls_to_a_good_server_succeed() -> None:
    async with FaultServer([good]) as server, bare_session() as session:
        assert await bare_call(session, server.base_url(), "GET") == "200 good"
        assert await bare_call(session, server.base_url(), "POST") == "200 good"
    assert server.connections == 1
