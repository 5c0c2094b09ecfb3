"""Reports the progress of a call to the log and the hooks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from refold_async._core import requests, retries
from refold_async._core.prepared import PreparedCall
from refold_async._core.requests import Request
from refold_async._core.sessions import Session
from refold_async.errors import Fate, RefoldError, name_error, particulars
from refold_async.hooks import CallFacts, Hooks, WaitReason, listening, safely

_logger: Final = logging.getLogger("refold_async")


class Observer:
    """Reports what happens to one call, to the log alone."""

    __slots__ = ("_prepared", "_session", "_started")

    def __init__(self, session: Session, prepared: PreparedCall[Any], started: float) -> None:
        self._session = session
        self._prepared = prepared
        self._started = started

    def began(self) -> None:
        """Report that the call begins."""

    def waited(self, reason: WaitReason, seconds: float) -> None:
        """Report that the call waited."""

    def sending(self, attempt: int, request: Request) -> Request:  # noqa: ARG002 - for subclasses
        """Report that an attempt is sent, and return the request to send."""
        return request

    def answered(self, attempt: int, status: int) -> None:
        """Report that the call succeeded."""
        if _logger.isEnabledFor(logging.DEBUG):
            self._log(
                logging.DEBUG, f"answered {status}",
                attempts=attempt, elapsed=self._elapsed(), status=status,
            )  # fmt: skip

    def failed(self, attempt: int, error: RefoldError, status: int | None) -> None:
        """Report that an attempt failed."""

    def retrying(self, attempt: int, error: RefoldError, wait: float) -> None:
        """Report that the call will be retried."""
        if _logger.isEnabledFor(logging.INFO):
            self._log(
                logging.INFO, f"failed with {name_error(error)}, retrying in {wait:.2f} s",
                attempts=attempt, wait=wait, status=error.status, fate=error.fate,
            )  # fmt: skip

    def ended(self, attempt: int, error: BaseException, fate: Fate) -> None:
        """Report that the call failed."""
        known = error if isinstance(error, RefoldError) else None
        exhausted = known is not None and attempt > 1 and retries.is_transient(known)
        # A cancelled write may have been done: whoever cancelled it will see no error that says so.
        interrupted = (
            self._prepared.effect == "write" and fate == "unknown" and not isinstance(error, Exception)
        )
        level = logging.WARNING if exhausted or interrupted else logging.DEBUG
        if _logger.isEnabledFor(level):
            self._log(
                level, f"failed with {name_error(error)}", attempts=attempt, elapsed=self._elapsed(),
                status=None if known is None else known.status, fate=fate,
            )  # fmt: skip

    def _log(
        self, level: int, text: str, *, attempts: int, elapsed: float | None = None,
        status: int | None = None, fate: Fate | None = None, wait: float | None = None,
    ) -> None:  # fmt: skip
        call = self.facts()
        progress = {"attempts": attempts, "elapsed": elapsed, "status": status, "fate": fate, "wait": wait}
        fields = msgspec.structs.asdict(call) | progress
        known = {name: value for name, value in fields.items() if value is not None}
        details = ", ".join(particulars(attempts, elapsed, fate=fate))
        _logger.log(level, "%s: %s (%s)", call, text, details or "1 attempt", extra={"refold": known})

    def _elapsed(self) -> float:
        return self._session.loop.time() - self._started

    def facts(self) -> CallFacts:
        """Return what the log and the hooks learn about the call."""
        operation = self._prepared.operation
        parameters = dict(zip(requests.parameters_of(operation.path), self._prepared.path, strict=True))
        return CallFacts(
            operation=operation.name,
            method=operation.method,
            path=operation.path,
            server=self._session.base_url,
            effect=self._prepared.effect,
            slug=parameters.get("slug"),
            action_id=parameters.get("action_id"),
            linked_account_id=self._prepared.linked_account_id or parameters.get("linked_account_id"),
        )


class _HooksObserver(Observer):
    """Reports to hooks as well."""

    __slots__ = ("_call", "_hooks", "_sent_at")

    def __init__(
        self, hooks: Sequence[Hooks], session: Session, prepared: PreparedCall[Any], started: float
    ) -> None:
        super().__init__(session, prepared, started)
        self._hooks = hooks
        self._call = super().facts()
        self._sent_at: float | None = None

    def facts(self) -> CallFacts:
        return self._call

    def began(self) -> None:
        for hooks in self._hooks:
            safely(hooks.on_call, self._call)

    def waited(self, reason: WaitReason, seconds: float) -> None:
        for hooks in self._hooks:
            safely(hooks.on_wait, self._call, reason, seconds)

    def sending(self, attempt: int, request: Request) -> Request:
        added = [safely(hooks.on_request, self._call, attempt) for hooks in self._hooks]
        self._sent_at = self._elapsed()
        for headers in added:
            if headers:
                request = safely(_with_headers, request, headers) or request
        return request

    def answered(self, attempt: int, status: int) -> None:
        super().answered(attempt, status)
        self._response(attempt, status, None)
        self._done(attempt, None, None)

    def failed(self, attempt: int, error: RefoldError, status: int | None) -> None:
        self._response(attempt, status, error)

    def retrying(self, attempt: int, error: RefoldError, wait: float) -> None:
        super().retrying(attempt, error, wait)
        for hooks in self._hooks:
            safely(hooks.on_retry, self._call, attempt, error, wait)

    def ended(self, attempt: int, error: BaseException, fate: Fate) -> None:
        super().ended(attempt, error, fate)
        self._done(attempt, error, fate)

    def _response(self, attempt: int, status: int | None, error: RefoldError | None) -> None:
        """Report the end of an attempt, if its start was reported."""
        if self._sent_at is None:
            return
        seconds = self._elapsed() - self._sent_at
        self._sent_at = None
        for hooks in self._hooks:
            safely(hooks.on_response, self._call, attempt, status, error, seconds)

    def _done(self, attempts: int, error: BaseException | None, fate: Fate | None) -> None:
        elapsed = self._elapsed()
        for hooks in self._hooks:
            safely(hooks.on_done, self._call, attempts, error, fate, elapsed)


def logs_success() -> bool:
    """Whether the log shows calls that succeed."""
    return _logger.isEnabledFor(logging.DEBUG)


def observer_of(
    hooks: Hooks | Sequence[Hooks] | None, session: Session, prepared: PreparedCall[Any], started: float
) -> Observer:
    """Return the observer of a call."""
    if not hooks:
        return Observer(session, prepared, started)
    return _HooksObserver(listening(hooks), session, prepared, started)


def _with_headers(request: Request, added: Mapping[str, str]) -> Request:
    """Return the request with a hook's headers, which replace none of its own.

    Raises:
        InvalidCallError: If a header cannot be sent, or may not be set by a hook.
    """
    headers = requests.added_headers(added, taken=request.headers)
    return msgspec.structs.replace(request, headers={**request.headers, **headers})
