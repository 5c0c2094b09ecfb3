"""What a hostile answer or a forged webhook cannot do."""

import contextlib
import gzip
import hashlib
import hmac
import sys
from typing import Any

import pytest

from refold_async import Refold, RefoldError, ReplyTooLargeError, Retry, UnreadableReplyError, webhooks
from tests.faults.server import FaultServer
from tests.faults.steps import Send

KEY = "tk_very-secret-0123456789"
LIMIT = 100_000


def reply(body: bytes, *fields: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), b"Content-Type: application/json", *fields]
    return b"\r\n".join([*head, b"", body])


async def answered_with(data: bytes) -> Any:
    """Make a list, a schema and an execute of it, each of which must fail as one of ours, or be read."""
    outcomes: list[object] = []
    async with FaultServer(default=lambda _: (Send(data),)) as server:
        options = {"timeout": 10.0, "retry": Retry(attempts=1), "max_response_bytes": LIMIT}
        async with Refold(KEY, base_url=server.base_url(), **options) as refold:  # type: ignore[arg-type]
            actions = refold.account("a").actions
            for work in (
                actions.list("x"),
                actions.schema("x", "y"),
                actions.execute("x", "get_y"),
                actions.execute("x", "create_y"),
            ):
                try:
                    outcomes.append(await work)
                except RefoldError as error:
                    outcomes.append(error)
    return outcomes


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"options":', b'{"node_status":"Success","data":['])
async def test_depth_is_bounded(transport: str, opening: bytes) -> None:
    """However deep, an answer is refused; data that is read late is refused then."""
    for outcome in await answered_with(reply(opening * (LIMIT // len(opening) - 1))):
        assert isinstance(outcome, UnreadableReplyError)


async def test_deeply_nested_data_is_decoded_or_raises_when_it_is_read(transport: str) -> None:
    depth = LIMIT // 4
    deep = b"[" * depth + b"]" * depth
    *_, result = await answered_with(reply(b'{"node_status":"Success","data":%s}' % deep))
    if isinstance(result, UnreadableReplyError):
        return
    if sys.version_info >= (3, 14):  # bounds the C stack in bytes, not in levels: this depth may fit
        with contextlib.suppress(UnreadableReplyError):
            assert result.data
        return
    with pytest.raises(UnreadableReplyError):
        _ = result.data


@pytest.mark.parametrize("encoding", [b"", b"gzip"])
async def test_size_is_bounded_before_and_after_decompression(transport: str, encoding: bytes) -> None:
    body = b"[" + b" " * (50 * LIMIT) + b"]"
    packed = gzip.compress(body) if encoding else body
    assert not encoding or len(packed) < LIMIT
    fields = [b"Content-Encoding: " + encoding] if encoding else []
    for outcome in await answered_with(reply(packed, *fields)):
        assert isinstance(outcome, ReplyTooLargeError)


def test_a_webhook_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides is `hmac.compare_digest`, over the whole of both, whatever the header holds."""
    compared: list[tuple[bytes, bytes]] = []
    decide = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return decide(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    body = b'{"event":"Connection Expired"}'
    good = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    given = {good: True, good.upper(): True, good[:-1] + "x": False, "": False, "ü\ud800": False, KEY: False}
    for signature, genuine in given.items():
        assert webhooks.verify_webhook(body, signature, KEY) is genuine
    assert len(compared) == len(given)
    assert {one for one, _ in compared} == {good.encode()}


def test_a_webhook_of_another_body_or_key_is_refused() -> None:
    body = b'{"event":"Connection Expired"}'
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert webhooks.verify_webhook(body, signature, KEY)
    assert not webhooks.verify_webhook(body + b" ", signature, KEY)
    assert not webhooks.verify_webhook(body, signature, KEY + "x")
    assert not webhooks.verify_webhook(body, hmac.new(b"", body, hashlib.sha256).hexdigest(), KEY)


def test_the_header_of_a_signature_is_the_documented_one() -> None:
    assert webhooks.SIGNATURE_HEADER == "x-cobalt-signature"
