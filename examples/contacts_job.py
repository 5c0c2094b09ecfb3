"""The job that the examples of engines run: one contact per customer, in 16 shards.

    refold job run examples/contacts_job.py --workers 4
    python examples/worker_dask.py

Set in the environment of every worker:

    REFOLD_API_KEY, REFOLD_BASE_URL    the service; without a key, the engines' examples start a sandbox
    JOB_ACCOUNTS                       a file with one customer per line; default: 100 of the sandbox
    JOB_JOURNAL, JOB_RESULTS           where the journals and the results go
    JOB_RATE, JOB_WORKERS              the key's calls per second, and how many workers share them
    REDIS_URL                          if set, the workers share the rate as they need it, not in equal parts
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from refold_async import Call, Lookup, RateLimit, RefoldError, Settle
from refold_async.fleet import Job, ShardReport, SharedLimit
from refold_async.sandbox import Sandbox, SandboxThread

SHARDS = 16
WORKERS = int(os.environ.get("JOB_WORKERS", "4"))
RATE = float(os.environ.get("JOB_RATE", "20"))
# When to look for what an unknown write left, in seconds; shorter for trying it out.
LOOK_AFTER = [float(part) for part in os.environ.get("LOOK_AFTER", "30,120").split(",")]


def calls(account_ids: Sequence[str]) -> Iterator[Call]:
    """Yield the calls of one shard's customers; this runs on the worker."""
    for account_id in account_ids:
        params = {"email": f"hello+{account_id}@example.org", "lastname": account_id}
        yield Call(account_id, "hubspot", "create_contact", params, key="welcome")


def by_email(call: Call) -> Lookup:
    """Return how to find the contact that a call wrote, if its answer was lost or its worker died."""
    email = (call.params or {})["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"].get("email") == email]

    return Lookup("search_contacts", {"propertyName": "email", "operator": "EQ", "value": email}, found=found)


def rate_limit() -> RateLimit | SharedLimit:
    """Return the rate of one worker, so that all of them together keep to the key's."""
    if url := os.environ.get("REDIS_URL"):
        return SharedLimit(url, RateLimit(RATE, burst=5), processes=WORKERS)
    return RateLimit(RATE / WORKERS, burst=1)


job = Job(
    "contacts",
    calls,
    accounts=os.environ.get("JOB_ACCOUNTS") or [f"demo-user-{number}" for number in range(1, 101)],
    journal=os.environ.get("JOB_JOURNAL", "contacts-job"),
    results=os.environ.get("JOB_RESULTS", "contacts-out"),
    shards=SHARDS,
    client={"rate_limit": rate_limit()},
    # HubSpot's search lags by seconds, and no write is late by minutes: what is absent then was not done.
    settle=Settle(by_email, after=LOOK_AFTER, absent="run"),
)


def complete(report: ShardReport) -> ShardReport:
    """Return a shard's report; raise if a call of it is not done, so that the engine runs it again."""
    if not report.complete:
        raise RefoldError(f"shard {report.shard}: {report.failed} failed, {report.skipped} skipped")
    return report


def run_shard(shard: int) -> ShardReport:
    """Run a shard, in an event loop of its own."""
    return complete(job.run_sync(shard))


@contextlib.contextmanager
def service() -> Iterator[None]:
    """Use the service that the environment names, or name a new sandbox there for the workers."""
    if os.environ.get("REFOLD_API_KEY"):
        yield
        return
    # Always the same port: a journal belongs to one service.
    with SandboxThread(Sandbox(accounts=100, port=8009)) as sandbox:
        os.environ |= {"REFOLD_BASE_URL": sandbox.base_url, "REFOLD_API_KEY": sandbox.api_key}
        yield
