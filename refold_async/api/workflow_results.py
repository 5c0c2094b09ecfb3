"""Reading what a workflow gave that was waited for, and the error where it did not complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from refold_async._core import responses
from refold_async._core.decoding import convert_leniently, decode_any, read_as
from refold_async._core.responses import Response
from refold_async.api.execution_models import Execution
from refold_async.api.workflow_models import WorkflowResult
from refold_async.errors import RefoldError, UnreadableReplyError

_SIGNS: Final = frozenset({"execution_id", "return_value", "errored", "execution_error"})
"""What the service's account of a run holds, and no error of its own does."""


class WorkflowFailed(RefoldError):
    """An execution of a workflow ended, and did not complete. Parts of it may have run.

    Attributes:
        execution: What is known of it: a `WorkflowResult`, or the `Execution` that was followed.
    """

    def __init__(self, message: str, *, execution: WorkflowResult | Execution) -> None:
        super().__init__(message, fate="unknown")
        self.execution = execution


def read_result(_: type[WorkflowResult], reply: Response, secret: str = "") -> WorkflowResult:
    """Read the reply of a workflow that was waited for.

    A workflow may choose the reply's status, also one that is no success, and its whole body.

    Raises:
        WorkflowFailed: The workflow failed.
        StatusError: The service did not run it.
        UnreadableReplyError: The body is not JSON.
    """
    account = _account_of(reply)
    if account is None:
        if not responses.is_success(reply.status):
            raise responses.status_error(reply, secret=secret)
        return WorkflowResult(
            return_value=decode_any(reply.body) if reply.body else None, status_code=reply.status
        )
    result: WorkflowResult = convert_leniently(WorkflowResult, {"status_code": reply.status, **account})
    if result.errored or result.execution_error:
        raise _failure(_without(secret, result))
    return result


def _failure(result: WorkflowResult) -> WorkflowFailed:
    said = responses.bounded(str(result.execution_error or result.message))
    return WorkflowFailed(f"the workflow failed: {said}", execution=result)


def _without(secret: str, result: WorkflowResult) -> WorkflowResult:
    """Give a result that repeats the credential nowhere, since its error may be logged or pickled."""
    clean = responses.redact(msgspec.json.encode(result).decode(), secret)
    return read_as(WorkflowResult, clean.encode())


def _account_of(reply: Response) -> Mapping[str, Any] | None:
    """Give the service's account of the run, where the body is one."""
    try:
        body = decode_any(reply.body)
    except UnreadableReplyError:
        if responses.is_success(reply.status) and reply.body:
            raise
        return None
    return body if isinstance(body, Mapping) and not _SIGNS.isdisjoint(body) else None
