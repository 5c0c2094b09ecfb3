"""Shared by both workers: a job, and what to do with it if its call fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from refold_async import ClosedError, RefoldError
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


async def run_job(refold: Client, job: Job) -> Outcome:
    """Make a job's call and return what to do with the job.

    A job that was certainly not done, because the worker stops, goes back to the queue. A job with an unknown
    fate does not: it could run twice.
    """
    account = refold.account(job.linked_account_id)
    try:
        await account.actions.execute(job.slug, job.action_id, job.params)
    except RefoldError as error:
        if error.fate == "unknown":
            return "look in the app"
        return "given back" if isinstance(error, ClosedError) else "failed"
    return "done"


def tell(job: Job, outcome: Outcome) -> None:
    """Print the outcome of a job; a real worker would acknowledge it to its queue, or not."""
    print(f"{job.id}\t{outcome}", flush=True)
