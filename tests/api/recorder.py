"""A server that writes down what arrives, and answers with bodies of the documented shapes."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import BodyPartReader, web

from .sample import NOTHING

Row = Mapping[str, Any]
"""What is known of one documented operation; see `operations.json`."""


@cache
def rows() -> tuple[Row, ...]:
    """Return what is known of each of the 102 operations."""
    return tuple(json.loads((Path(__file__).parent / "operations.json").read_text("utf-8")))


def shape(path: str) -> str:
    """Return a path template without the names of its places."""
    return re.sub(r"\{\w+\}", "{}", path)


@cache
def _patterns() -> list[tuple[re.Pattern[str], Row]]:
    ordered = sorted(rows(), key=lambda row: row["path"].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", row["path"])), row) for row in ordered]


def row_of(method: str, raw_path: str) -> Row | None:
    """Find the operation that a request calls; a path without places wins."""
    for pattern, row in _patterns():
        if row["method"] == method and pattern.fullmatch(raw_path):
            return row
    return None


class Arrived(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    form: Mapping[str, tuple[str | None, str | None, bytes]]

    @property
    def row(self) -> Row:
        """What is known of the operation that it calls."""
        row = row_of(self.method, self.raw_path)
        assert row is not None, f"no operation is {self.method} {self.raw_path}"
        return row


Answer = Callable[[Arrived], web.Response | None]


@dataclass
class Recorder:
    """A running server, what arrived at it, and what it answers in place of the documented.

    With `takes` set to `"size"`, it keeps only the size of what arrives.
    """

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    answer: Answer = lambda _: None
    takes: str = "all"
    sizes: list[int] = field(default_factory=list)

    @property
    def last(self) -> Arrived:
        """The last request."""
        return self.arrived[-1]

    async def handle(self, request: web.Request) -> web.Response:
        """Write a request down, and answer it."""
        if self.takes == "size":
            self.sizes.append(sum([len(chunk) async for chunk in request.content.iter_chunked(64 * 1024)]))
            return web.json_response({"message": "taken"})
        raw = request.raw_path.partition("?")[0]
        form = await _form(request)
        text = b"" if form else await request.read()
        body = json.loads(text) if text else NOTHING
        here = Arrived(
            request.method, request.path, raw, dict(request.query), dict(request.headers), body, form
        )
        self.arrived.append(here)
        return self.answer(here) or _documented(here)


async def _form(request: web.Request) -> dict[str, tuple[str | None, str | None, bytes]]:
    if not request.content_type.startswith("multipart/"):
        return {}
    form = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        form[str(part.name)] = part.filename, part.headers.get("Content-Type"), bytes(await part.read())
    return form


def _documented(arrived: Arrived) -> web.Response:
    row = row_of(arrived.method, arrived.raw_path) or {"status": 200, "answer": {}}
    if row["status"] == 204:
        return web.Response(status=204)
    return web.json_response(row.get("answer"), status=row["status"])


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """Run a recorder on the loopback."""
    recorder = Recorder()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{rest:.*}", recorder.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        recorder.url = f"http://{host}:{port}"
        yield recorder
    finally:
        await runner.cleanup()
