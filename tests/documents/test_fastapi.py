"""The documents' FastAPI applications respond over HTTP as the documents say."""

import hashlib
import hmac
from contextlib import AbstractAsyncContextManager

import aiohttp

from refold_async.sandbox import Fault, Sandbox
from tests.integrations.serving import serving

from .pages import DOCS, README, blocks
from .programs import Program

BODY = b'{"event": "Connection Expired", "linked_account_id": "demo-user-7", "slug": "hubspot"}'
SIGNED_IN = {"Cookie": "session=session-of-ann"}


def test_the_page_s_applications_respond(program: Program, home: Sandbox) -> None:
    for block in blocks(DOCS / "fastapi.md", "python"):
        program.run(block)
    names = program.names
    assert program.answer(visit(names["app"], home.api_key)) == [401, 200, 401, 200]
    assert names["expired"] == {"demo-user-7"}
    home.faults.add(Fault(action_id="post_message", drop="after", times=1))
    answers = program.answer(announce(names["app"]))
    assert (sorted(answers), sorted(answers.values())) == (["general", "random"], ["done", "unknown"])
    assert home.ledger.count("slack", "post_message") == 2
    assert program.answer(read(names["plain"])) == 200
    assert program.answer(read(names["timed"])) == 404


def test_the_readme_s_application_responds(program: Program) -> None:
    (block,) = [each for each in blocks(README, "python") if "FastAPI(" in each.code]
    program.run(block)
    assert program.answer(read(program.names["app"])) == 200


async def visit(app: object, api_key: str) -> list[int]:
    signature = hmac.new(api_key.encode(), BODY, hashlib.sha256).hexdigest()
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        return [
            await status_of(http.get("/contacts")),
            await status_of(http.get("/contacts", headers=SIGNED_IN)),
            await status_of(http.post("/webhooks", data=BODY)),
            await status_of(http.post("/webhooks", data=BODY, headers={"x-cobalt-signature": signature})),
        ]


async def announce(app: object) -> dict[str, str]:
    async with (
        serving(app) as url,
        aiohttp.ClientSession(url) as http,
        http.post("/announcements", headers=SIGNED_IN) as answer,
    ):
        answers: dict[str, str] = await answer.json()
        return answers


async def read(app: object) -> int:
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        return await status_of(http.get("/contacts", headers=SIGNED_IN))


async def status_of(asked: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> int:
    async with asked as answer:
        await answer.read()
        return answer.status
