"""A call and its result as the fields of a row, in the files of a command and of a job."""

from __future__ import annotations

from typing import Any

import msgspec

from refold_async.calls import Call, Done, written_params


class ResultRow(msgspec.Struct):
    """The columns of a row and their types, if they are fixed; `Any` is JSON, as text."""

    linked_account_id: str
    key: str | None
    params: Any
    index: int
    outcome: str
    attempts: int
    elapsed: float
    replayed: bool | None
    settled: bool | None
    node_status: str | None
    http_status: int | None
    data: Any
    reason: str | None
    fate: str | None
    error: Any
    verdict: str | None
    verdict_reason: str | None


def call_fields(call: Call) -> dict[str, object]:
    """Return the fields that name a call."""
    return {"linked_account_id": call.linked_account_id, "key": call.key, "params": written_params(call)}


def result_fields(outcome: Done) -> dict[str, object]:
    """Return the fields of a call's result."""
    result = outcome.result
    return {
        "replayed": outcome.replayed,
        "settled": outcome.settled,
        "node_status": result.node_status,
        "http_status": result.http_status,
        "data": result.raw,
    }


def done_fields(outcome: Done) -> dict[str, object]:
    """Return all fields of the row of a call that is done."""
    return {
        **call_fields(outcome.call),
        "index": outcome.index,
        "outcome": "done",
        "attempts": outcome.attempts,
        "elapsed": round(outcome.elapsed, 6),
        **result_fields(outcome),
    }
