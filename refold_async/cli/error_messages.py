"""Error messages for people: what failed, for which account, its fate, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from refold_async._core.operation import Effect
from refold_async.api.workflow_models import WorkflowFailed
from refold_async.cli.exits import is_throttled
from refold_async.errors import (
    AuthenticationError,
    BadRequestError,
    CertificateError,
    ConnectionFailedError,
    DeadlineExceededError,
    Fate,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    RedirectError,
    RefoldError,
    SettingsError,
    UnprocessableError,
)
from refold_async.results import ActionFailed

_FATES: Final[dict[Fate, str]] = {
    "not_sent": "not_sent: the request never reached Refold",
    "rejected": "rejected: it was not done",
    "unknown": "unknown: it may have been done",
    "done": "done: only its data could not be read",
}


def error_lines(error: RefoldError) -> Iterator[str]:
    """Yield the lines that describe a failed call."""
    code = " ".join(str(part) for part in (error.status, error.error_code) if part is not None)
    yield f"error: {code + ': ' if code else ''}{error.message}"
    if where := " ".join(_target(error)):
        yield f"  call:  {where}"
    if not isinstance(error, SettingsError | JournalError):
        yield f"  fate:  {fate_words(error.fate, error.effect)}"
    if tried := ", ".join(_tried(error)):
        yield f"  tried: {tried}"
    if next_step := hint_for(error):
        yield f"  next:  {next_step}"


def fate_words(fate: Fate, effect: Effect | None) -> str:
    """Return a fate in words. A read is never "done"."""
    if fate == "unknown" and effect == "read":
        return "unknown, but harmless: the call only reads"
    return _FATES[fate]


def _target(error: RefoldError) -> Iterator[str]:
    if error.operation:
        yield error.operation
    if error.slug:
        yield f"{error.slug}/{error.action_id}" if error.action_id else error.slug
    yield from (f"{name} {value}" for name, value in error.ids.items())
    if error.linked_account_id is not None:
        yield f"for account {error.linked_account_id}"


def _tried(error: RefoldError) -> Iterator[str]:
    if error.attempts:
        yield "once" if error.attempts == 1 else f"{error.attempts} times"
    if error.elapsed is not None:
        yield f"{error.elapsed:.2f} s"
    if error.request_id:
        yield f"request {error.request_id}"


def hint_for(error: RefoldError) -> str | None:
    """Return what to do next, or `None` if the message already says it."""
    if isinstance(error, WorkflowFailed):
        return "check which node failed and what the earlier nodes did before running it again"
    if error.fate == "unknown" and error.effect not in {"read", "idempotent"}:
        return "check in the app whether it was done before running it again"
    if error.needs_reconnect:
        return (
            f"the customer must reconnect {error.slug or 'the app'}; until then every call fails the same way"
        )
    if isinstance(error, NotFoundError) and error.error_code == "MISSING_REQUIRED_FIELD":
        return error.hint
    if is_throttled(error):
        return _later(error.retry_after)
    return _by_class(error)


def _later(seconds: float | None) -> str:
    return "run it again later" if seconds is None else f"run it again after {seconds:.0f} s"


def _by_class(error: RefoldError) -> str | None:
    if error.fate == "unknown":
        return "run it again"
    if error.fate == "done":
        return "do not run it again; --json prints the data as it came"
    words = next((words for kind, words in _NEXT if isinstance(error, kind)), None)
    if words is None or ("{account}" in words and None in {error.linked_account_id, error.action_id}):
        return error.hint
    account = shlex.quote(error.linked_account_id or "")
    host = error.host or "the base URL"
    return words.format(slug=error.slug, action_id=error.action_id, account=account, host=host)


_PARAMETERS: Final = "see its parameters: refold schema {slug} {action_id} --account {account}"
_NEXT: Final[tuple[tuple[type[RefoldError], str], ...]] = (
    (AuthenticationError, "check REFOLD_API_KEY, and that it is a key of {host}"),
    (PermissionDeniedError, "the key is valid but lacks permission; ask whoever manages it at Refold"),
    (
        NotFoundError,
        "see what exists at {host}: refold accounts list; refold actions {slug} --account {account}",
    ),
    (BadRequestError, _PARAMETERS),
    (UnprocessableError, _PARAMETERS),
    (ActionFailed, _PARAMETERS),
    (RedirectError, "check the base URL: it redirects, and redirects are never followed"),
    (CertificateError, "check the base URL, and the machine's clock and certificates"),
    (ConnectionFailedError, "check the base URL and the network, then run it again"),
    (DeadlineExceededError, "run it again, with a larger --timeout"),
)
