"""Resume a nightly job for each customer that connects an app again: `uvicorn examples.reconnected:app`.

A nightly run skips what a customer's broken connection holds up. When Refold tells that the customer has
connected the app again, the calls of that customer run with the journal of the night: what was done does not
run again, however often the webhook is delivered. If a delivery is lost, the next run does the rest.

It calls the Refold that REFOLD_API_KEY and REFOLD_BASE_URL name; JOURNAL names the journal.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request

from refold_async import Call, ConnectionCreated, JournalInUseError, Refold
from refold_async.batch import BatchSummary, calls_of
from refold_async.integrations.fastapi import lifespan, webhook_of
from refold_async.webhooks import WebhookDelivery

JOURNAL = os.environ.get("JOURNAL", "nightly.sqlite")
CUSTOMERS = [f"demo-user-{number}" for number in range(1, 11)]
log = logging.getLogger(__name__)


def nightly() -> Iterator[Call]:
    """Yield the calls of a night. Each has a key, which says which call it is, whatever the order."""
    for customer in CUSTOMERS:
        for number in range(1, 4):
            email = f"{customer}.{number}@example.com"
            yield Call(customer, "hubspot", "create_contact", {"email": email}, key=email)


async def resume(refold: Refold, event: ConnectionCreated) -> BatchSummary:
    """Run what the customer's connection held up, once the nightly run itself is over."""
    while True:
        batch = refold.batch(
            calls_of(str(event.linked_account_id), nightly(), slug=event.slug), journal=JOURNAL
        )
        try:
            async with batch as outcomes:
                async for outcome in outcomes:
                    log.info("%r", outcome)
        except JournalInUseError:
            await asyncio.sleep(1)  # the nightly run has it, and skips this connection until its end
        else:
            return batch.summary


async def work(refold: Refold, events: asyncio.Queue[ConnectionCreated]) -> None:
    """Resume for one customer after the other: a journal has one run at a time."""
    while True:
        log.info("%s", await resume(refold, await events.get()))


@asynccontextmanager
async def resuming(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    events: asyncio.Queue[ConnectionCreated] = asyncio.Queue()
    working = asyncio.create_task(work(app.state.refold, events))
    try:
        yield {"events": events}
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


app = FastAPI(lifespan=lifespan(inner=resuming))
Event = Annotated[WebhookDelivery, Depends(webhook_of())]


@app.post("/webhooks")
async def hear(request: Request, event: Event) -> None:
    """Answer at once, and work later: a delivery that is not answered is delivered again."""
    if isinstance(event, ConnectionCreated) and event.linked_account_id in CUSTOMERS:
        request.state.events.put_nowait(event)
