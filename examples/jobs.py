"""What both workers share: a job, and what to do with it where its call did not succeed."""

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
    """Read a file with a job a line, as JSON."""
    with path.open("rb") as lines:
        for line in lines:
            yield msgspec.json.decode(line, type=Job)


async def run_job(refold: Client, job: Job) -> Outcome:
    """Make a job's call, and say what is to become of the job.

    A job that was surely not done, because the worker stops, goes back to the queue. One of which nobody
    knows whether it was done does not: it would run twice.
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
    """Print what became of a job; a real worker acknowledges it to its queue, or does not."""
    print(f"{job.id}\t{outcome}", flush=True)
