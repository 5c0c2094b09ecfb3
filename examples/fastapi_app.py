"""A FastAPI application over its customers' apps: `uvicorn examples.fastapi_app:app`.

    GET  /contacts/actions   what can be done in the customer's HubSpot
    GET  /contacts           contacts there
    POST /contacts           write a contact there
    POST /reports            begin a fan-out over all customers, in the background
    GET  /reports/{id}       how far it is
    POST /webhooks           webhooks of Refold

It calls the Refold that REFOLD_API_KEY and REFOLD_BASE_URL name. Sign in with the cookie
`session=session-of-1`: in a real application, its own login stands in the place of `SESSIONS`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from refold_async import Action, Call, KeyAccount, Refold
from refold_async.batch import Batch, BatchProgress
from refold_async.integrations.fastapi import (
    ActionResponse,
    account_of,
    install,
    lifespan,
    webhook_of,
)
from refold_async.webhooks import ConnectionCreated, ConnectionEvent, WebhookDelivery

SESSIONS = {f"session-of-{number}": f"demo-user-{number}" for number in range(1, 301)}


def signed_in(request: Request) -> str:
    """Return who is signed in, according to the application's own session, never the caller's input."""
    customer = SESSIONS.get(request.cookies.get("session", ""))
    if customer is None:
        raise HTTPException(401, "sign in first")
    return customer


class NewContact(BaseModel):
    """A contact to write."""

    email: str
    firstname: str | None = None
    lastname: str | None = None


class Contact(BaseModel):
    """A contact as HubSpot answers it."""

    id: str
    properties: dict[str, Any]


class Contacts(BaseModel):
    """Some contacts."""

    results: list[Contact]


@dataclass
class Report:
    """A fan-out in the background and its progress."""

    number: int
    done: int = 0
    failed: int = 0
    skipped: int = 0
    ended: bool = False

    def update(self, progress: BatchProgress) -> None:
        self.done, self.failed, self.skipped = progress.done, progress.failed, progress.skipped


class Reports:
    """Runs one fan-out after the other, in a task of the application's own.

    A request's task would not do: its deadline, and its caller's leaving, would end the fan-out.
    """

    def __init__(self, refold: Refold) -> None:
        self._refold = refold
        self._waiting: asyncio.Queue[Report] = asyncio.Queue(maxsize=100)
        self._running: Batch | None = None
        self._numbers = itertools.count(1)
        self._stopping = False
        self.all: dict[int, Report] = {}

    def begin(self) -> Report:
        report = Report(next(self._numbers))
        self._waiting.put_nowait(report)
        self.all[report.number] = report
        return report

    async def work(self) -> None:
        while not self._stopping:
            report = await self._waiting.get()
            calls = [Call(account, "hubspot", "get_contact", {"limit": "1"}) for account in SESSIONS.values()]
            async with self._refold.batch(calls, concurrency=20, on_progress=report.update) as batch:
                self._running = batch
                async for _ in batch:
                    pass
            self._running = None
            report.ended = True

    def stop(self) -> bool:
        """Start nothing more; return whether a fan-out is still running, which ends by itself."""
        self._stopping = True
        if self._running is not None:
            self._running.stop()
        return self._running is not None


@asynccontextmanager
async def reports(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """The application's own lifespan, within that of the client."""
    running = Reports(app.state.refold)
    working = asyncio.create_task(running.work())
    try:
        yield {"reports": running}
    finally:
        if not running.stop():
            working.cancel()
        await asyncio.wait([working])


app = FastAPI(lifespan=lifespan(inner=reports))
install(app, deadline=20)

Customer = Annotated[KeyAccount, Depends(account_of(signed_in))]
Event = Annotated[WebhookDelivery, Depends(webhook_of())]

connected: set[str] = set()


@app.get("/contacts/actions")
async def list_actions(account: Customer) -> list[Action]:
    return await account.actions.list("hubspot")


@app.get("/contacts")
async def list_contacts(account: Customer, limit: int = 10) -> ActionResponse[Contacts]:
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", {"limit": str(limit)}))


@app.post("/contacts", status_code=201)
async def create_contact(account: Customer, contact: NewContact) -> ActionResponse[Contact]:
    params = contact.model_dump(exclude_none=True)
    result = await account.actions.execute("hubspot", "create_contact", params)
    return ActionResponse(result, status_code=201)


@app.post("/reports", status_code=202)
async def begin_report(request: Request) -> Report:
    try:
        report: Report = request.state.reports.begin()
    except asyncio.QueueFull:
        raise HTTPException(503, "too many reports wait") from None
    return report


@app.get("/reports/{number}")
async def get_report(request: Request, number: int) -> Report:
    report: Report | None = request.state.reports.all.get(number)
    if report is None:
        raise HTTPException(404)
    return report


@app.post("/webhooks")
async def hear(event: Event) -> None:
    """Handle a delivery; it may arrive more than once, so this must be idempotent."""
    if isinstance(event, ConnectionEvent) and event.linked_account_id:
        if isinstance(event, ConnectionCreated):
            connected.add(event.linked_account_id)
        else:
            connected.discard(event.linked_account_id)
