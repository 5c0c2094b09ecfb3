"""Shared by both workers: a job, and what to do with it if its call fails."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from refold_async import Absent, Call, ClosedError, Found, InvalidCallError, Lookup, RefoldError, Settle
from refold_async import Refold as Client

Outcome = Literal["done", "failed", "given back", "look in the app"]


class Job(msgspec.Struct, frozen=True):
    """One call to make."""

    id: str
    linked_account_id: str
    slug: str
    action_id: str
    params: dict[str, object]


def read_jobs(path: Path) -> Iterator[Job]:
    """Read a JSON Lines file with one job per line."""
    with path.open("rb") as lines:
        for line in lines:
            yield msgspec.json.decode(line, type=Job)


def by_email(call: Call) -> Lookup | None:
    """Return how to find the contact that a call wrote; other jobs have no look-up here."""
    if call.action_id != "create_contact":
        return None
    email = (call.params or {})["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"].get("email") == email]

    return Lookup("search_contacts", {"propertyName": "email", "operator": "EQ", "value": email}, found=found)


# When to look for what an unknown write left, in seconds; shorter for trying it out.
SETTLE = Settle(by_email, after=[float(part) for part in os.environ.get("LOOK_AFTER", "30,120").split(",")])


async def run_job(refold: Client, job: Job) -> Outcome:
    """Make a job's call and return what to do with the job.

    A job that was certainly not done, because the worker stops, goes back to the queue, and so does one that
    is absent after the last look. A job of which nothing is known does not: it could run twice.
    """
    account = refold.account(job.linked_account_id)
    try:
        await account.actions.execute(job.slug, job.action_id, job.params)
    except RefoldError as error:
        if error.fate == "unknown":
            return await look_up(refold, error)
        return "given back" if isinstance(error, ClosedError) else "failed"
    return "done"


async def look_up(refold: Client, error: RefoldError) -> Outcome:
    """Find out what became of a write. It keeps its worker meanwhile; a worker that stops does not wait."""
    try:
        match await refold.settle(error, SETTLE):
            case Found():
                return "done"
            case Absent():
                return "given back"
            case _:
                return "look in the app"
    except (ClosedError, InvalidCallError):
        return "look in the app"


def tell(job: Job, outcome: Outcome) -> None:
    """Print the outcome of a job; a real worker would acknowledge it to its queue, or not."""
    print(f"{job.id}\t{outcome}", flush=True)
