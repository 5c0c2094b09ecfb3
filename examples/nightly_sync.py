"""A nightly job: one action for every customer, that resumes where it was stopped.

    python examples/nightly_sync.py [JOURNAL]

Run it again after a crash, a deploy or a kill: what is done stays done, and no write runs twice. Writes whose
answers were lost are looked up, so that none stays unknown. With REFOLD_API_KEY, it writes for the customers
whose ids are in ACCOUNTS, separated by commas; without a key, it starts a sandbox.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from refold_async import Call, Failed, Journal, Lookup, PerAccount, RateLimit, Refold, Settle
from refold_async.sandbox import Sandbox


@contextlib.asynccontextmanager
async def connect() -> AsyncIterator[tuple[Refold, list[str]]]:
    """Yield the client and the customers to process."""
    if os.environ.get("REFOLD_API_KEY"):
        async with Refold() as refold:
            yield refold, os.environ["ACCOUNTS"].split(",")
        return

    async with Sandbox(accounts=300) as sandbox:
        sandbox.expire("demo-user-7", "hubspot")
        async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
            yield refold, list(sandbox.account_ids)


def tonights_calls(account_ids: Iterable[str], night: str) -> Iterator[Call]:
    """Yield one write per customer; its key identifies it in the journal."""
    for account_id in account_ids:
        params = {"email": f"sync+{account_id}@example.org", "lastname": night}
        yield Call(account_id, "hubspot", "create_contact", params, key=f"{night}/{account_id}")


def by_email(call: Call) -> Lookup:
    """Return how to find the contact that a call wrote. Only this program writes the address."""
    email = (call.params or {})["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"].get("email") == email]

    return Lookup("search_contacts", {"propertyName": "email", "operator": "EQ", "value": email}, found=found)


async def main() -> int:
    night = datetime.now(UTC).date().isoformat()
    journal = Journal(sys.argv[1] if len(sys.argv) > 1 else f"sync-{night}.sqlite", job=f"sync {night}")
    # HubSpot's search lags by seconds, and no write is late by minutes: what is absent then was not done.
    waits = [float(part) for part in os.environ.get("LOOK_AFTER", "30,120").split(",")]
    settle = Settle(by_email, after=waits, absent="run")
    bounds = PerAccount(concurrency=2, rate=RateLimit(5, burst=2))
    async with connect() as (refold, account_ids):
        calls = tonights_calls(account_ids, night)
        async with refold.batch(
            calls, journal=journal, per_account=bounds, settle=settle, stop_at_failure_share=0.5
        ) as batch:
            async for outcome in batch:
                if isinstance(outcome, Failed):
                    print(f"{outcome.call.linked_account_id}: {outcome.error}")
                    print(f"  {outcome.verdict or 'not done'}")
        print(batch.summary)
    return 1 if batch.summary.failed else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
