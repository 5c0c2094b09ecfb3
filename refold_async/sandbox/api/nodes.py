"""The kinds of workflow node that the sandbox can run, and what each does.

A node of a workflow has a `type` and `data`. The fields of the data are the sandbox's own,
since the reference does not document them; a workflow with a node of any other type is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from refold_async.sandbox.api.actions import run_action
from refold_async.sandbox.api.execution_state import StoredExecution
from refold_async.sandbox.api.human_tasks import HumanTaskStore
from refold_async.sandbox.documents import Document
from refold_async.sandbox.state import SandboxContext

BATCH_SECONDS = 0.002


class NodeError(Exception):
    """Raised when a node fails, and its execution with it."""


class StoppedError(Exception):
    """Raised when the execution was asked to stop while a node was running."""


class NodeRun(msgspec.Struct, frozen=True):
    """One node about to run."""

    context: SandboxContext
    execution: StoredExecution
    node: Document
    record: Document

    @property
    def data(self) -> Mapping[str, object]:
        """The data of the node."""
        data = self.node.get("data")
        return data if isinstance(data, Mapping) else {}

    async def pause(self, seconds: float) -> None:
        """Sleep, or raise `StoppedError` as soon as the execution is asked to stop."""
        # The timeout is the normal end here: the wait itself ends early only if the execution stops.
        try:
            async with asyncio.timeout(seconds):
                await self.execution.stopping.wait()
        except TimeoutError:
            return
        raise StoppedError


async def start(run: NodeRun) -> object:
    """Pass the payload on to the next nodes."""
    return {
        "message": "Workflow started successfully",
        "node_id": run.node["id"],
        "node_type": "start",
        "status": "initialized",
    }


async def action(run: NodeRun) -> object:
    """Run `action_id` with `params` in the workflow's app, or in the app named by `slug`."""
    account = run.execution.account
    slug = str(run.data.get("slug") or run.execution.workflow["slug"])
    app = account.organisation.apps.get(slug)
    chosen = app.action(str(run.data.get("action_id"))) if app else None
    if app is None or chosen is None:
        raise NodeError(f"Action {run.data.get('action_id')} not found in Application {slug}")
    connection = account.connections.get(slug)
    if connection is None or connection.expired:
        raise NodeError(f"Application {slug} is not connected for linked account {account.account_id}")
    params = run.data.get("params")
    answer = run_action(
        run.context.ledger, account, app, chosen, params if isinstance(params, Mapping) else {}
    )
    await run.pause(answer.delay)
    if not answer.ok:
        raise NodeError(f"Action {chosen.action_id} failed: {answer.data}")
    return answer.data


async def delay(run: NodeRun) -> object:
    """Sleep for the `seconds` of the payload, or else of the node's data."""
    payload = run.execution.payload
    asked = payload.get("seconds") if isinstance(payload, Mapping) else None
    seconds = asked if isinstance(asked, int | float) else run.data.get("seconds", 1)
    if not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
        raise NodeError(f"seconds is not a number from 0 to 3600: {seconds}")
    await run.pause(seconds)
    return {"waited": seconds}


async def error(run: NodeRun) -> object:
    """Fail with the node's `message`."""
    raise NodeError(str(run.data.get("message", "Failed as asked")))


async def response(run: NodeRun) -> object:
    """Return `body`, or the `output_of` a node (of the first: the payload), with `status_code`."""
    source = run.data.get("output_of")
    outputs = run.execution.outputs
    value = run.data.get("body") if source is None else outputs.get(str(source))
    run.execution.return_value = value
    status = run.data.get("status_code", 200)
    run.execution.status_code = status if isinstance(status, int) and 200 <= status <= 599 else 200
    return value


async def batch(run: NodeRun) -> object:
    """Process `items` in batches of `size`."""
    items, size = (_count(run.data.get(name), default) for name, default in (("items", 100), ("size", 50)))
    batches = run.execution.batches[str(run.node["id"])] = []
    run.record["is_batch"] = True
    for index, first in enumerate(range(0, items, size)):
        await run.pause(BATCH_SECONDS)
        output = {"processed": min(size, items - first)}
        batches.append({"batch_index": index, "status": "Success", "output": output})
    return {"batches": len(batches)}


async def human_task(run: NodeRun) -> object:
    """Add a task and wait until it is submitted."""
    submitted: asyncio.Queue[Mapping[str, object]] = asyncio.Queue()
    tasks = run.execution.account.organisation.own(HumanTaskStore)
    task = tasks.create(listener=submitted.put_nowait)
    run.record.update(node_status="Waiting", latest_output={"task_id": task["_id"]})
    # Polled through `pause`: a plain `await submitted.get()` would not end when the execution stops.
    while submitted.empty():
        await run.pause(0.01)
    return {"task_id": task["_id"], "data": submitted.get_nowait()}


def _count(value: object, default: int) -> int:
    return value if isinstance(value, int) and 0 < value <= 100_000 else default


KINDS: Mapping[str, Callable[[NodeRun], Awaitable[object]]] = {
    "start": start,
    "action": action,
    "delay": delay,
    "error": error,
    "response": response,
    "batch": batch,
    "human_task": human_task,
}
