"""Refusals as the resources word them: in the service's envelope, or in the bare body of its older parts."""

import msgspec

from refold_async.sandbox.replies import CodeField, Refused, Reply, envelope


def refused(
    status: int, message: str, code: str = "SERVER_ERROR", field: CodeField = "error_code"
) -> Refused:
    """An error envelope, to raise; ``field`` is where its documented body has the internal code."""
    return Refused(envelope(status, message, code=code, code_field=field))


def refused_bare(status: int, message: str) -> Refused:
    """The body of two fields that datastores and the execution of workflows answer with, to raise."""
    return Refused(Reply(status, msgspec.json.encode({"message": "Server Error", "error": message})))


def not_in_sandbox(what: str) -> Refused:
    """The honest answer to a corner whose behaviour nothing documents."""
    return refused(501, f"{what} is not available in the sandbox")
