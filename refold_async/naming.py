"""How a line of the log names a call and an error: in words of the SDK's own, and none that were sent."""

from __future__ import annotations

from typing import Final

from refold_async.errors import (
    ClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    JournalError,
    RefoldError,
    ReplyTooLargeError,
    SettingsError,
)

_IN_OUR_WORDS: Final = (
    ClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    JournalError,
    ReplyTooLargeError,
    SettingsError,
)
"""Errors whose messages quote nothing that the service or the connected app wrote."""


def name_call(
    operation: str | None, slug: str | None, action_id: str | None, linked_account_id: str | None
) -> str:
    """Name a call, as `actions.execute hubspot/get_contact, account 'demo-user-1'`."""
    target = "/".join(part for part in (slug, action_id) if part)
    name = " ".join(part for part in (operation or "a call", target) if part)
    return name if linked_account_id is None else f"{name}, account {linked_account_id!r}"


def name_error(error: BaseException) -> str:
    """Name an error by its class, its status, and its message where that may quote nobody."""
    name = type(error).__name__
    if isinstance(error, _IN_OUR_WORDS):
        return f"{name}: {error.message}"
    status = error.status if isinstance(error, RefoldError) else None
    return name if status is None else f"{name} {status}"
