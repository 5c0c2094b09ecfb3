"""The verbs of the playground app: answers of any size, speed and failure that a test needs."""

from refold_async.sandbox.apps.job import Answer, Job

LONGEST_SLEEP = 3600.0
LARGEST_PAYLOAD = 64 * 1024 * 1024


def echo(job: Job) -> Answer:
    """The parameters, as they came."""
    return Answer(dict(job.params))


def sleep(job: Job) -> Answer:
    """An answer that takes ``seconds`` to come; default 1."""
    seconds = job.number("seconds", 1.0, LONGEST_SLEEP)
    return Answer({"slept": seconds}, delay=seconds)


def fail(job: Job) -> Answer:
    """The failure asked for by ``node_status``, ``http_status`` and ``message``."""
    return Answer(
        {"message": job.text("message") or "Failed as asked"},
        ok=False,
        node_status=job.text("node_status") or "Errored",
        http_status=int(job.number("http_status", 400, 599)),
    )


def payload(job: Job) -> Answer:
    """A text of ``bytes`` characters; default 1024."""
    return Answer({"payload": "x" * int(job.number("bytes", 1024, LARGEST_PAYLOAD))})
