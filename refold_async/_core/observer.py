"""Tells the log and the hooks how a call goes on; all but free where nobody listens."""

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
    """Hears what happens to one call. This one writes only the log."""

    __slots__ = ("_plan", "_session", "_started")

    def __init__(self, session: Session, plan: PreparedCall[Any], started: float) -> None:
        self._session = session
        self._plan = plan
        self._started = started

    @staticmethod
    def of(
        hooks: Hooks | Sequence[Hooks] | None, session: Session, plan: PreparedCall[Any], started: float
    ) -> Observer | None:
        """Give the observer of a call; `None` where nobody listens to a call that goes well."""
        if not hooks:
            return Observer(session, plan, started) if _logger.isEnabledFor(logging.DEBUG) else None
        return _Hooked(listening(hooks), session, plan, started)

    def began(self) -> None:
        """The call begins."""

    def waited(self, reason: WaitReason, seconds: float) -> None:
        """The call waited."""

    def sending(self, attempt: int, request: Request) -> Request:  # noqa: ARG002 - hooks are told it
        """An attempt goes out; gives what to send."""
        return request

    def answered(self, attempt: int, status: int) -> None:
        """The call was answered."""
        if _logger.isEnabledFor(logging.DEBUG):
            self._log(
                logging.DEBUG, f"answered {status}",
                attempts=attempt, elapsed=self._elapsed(), status=status,
            )  # fmt: skip

    def failed(self, attempt: int, error: RefoldError, status: int | None) -> None:
        """An attempt failed."""

    def retrying(self, attempt: int, error: RefoldError, wait: float) -> None:
        """The call is to be tried again."""
        if _logger.isEnabledFor(logging.INFO):
            self._log(
                logging.INFO, f"failed with {name_error(error)}, and is tried again in {wait:.2f} s",
                attempts=attempt, wait=wait, status=error.status, fate=error.fate,
            )  # fmt: skip

    def ended(self, attempt: int, error: BaseException, fate: Fate) -> None:
        """The call ended without an answer."""
        ours = error if isinstance(error, RefoldError) else None
        exhausted = ours is not None and attempt > 1 and retries.is_transient(ours)
        broken_off = self._plan.effect == "write" and fate == "unknown" and not isinstance(error, Exception)
        level = logging.WARNING if exhausted or broken_off else logging.DEBUG
        if _logger.isEnabledFor(level):
            self._log(
                level, f"failed with {name_error(error)}", attempts=attempt, elapsed=self._elapsed(),
                status=None if ours is None else ours.status, fate=fate,
            )  # fmt: skip

    def _log(
        self, level: int, text: str, *, attempts: int, elapsed: float | None = None,
        status: int | None = None, fate: Fate | None = None, wait: float | None = None,
    ) -> None:  # fmt: skip
        call = self.facts()
        how = {"attempts": attempts, "elapsed": elapsed, "status": status, "fate": fate, "wait": wait}
        told = msgspec.structs.asdict(call) | how
        known = {name: value for name, value in told.items() if value is not None}
        went = ", ".join(particulars(attempts, elapsed, fate=fate))
        _logger.log(level, "%s: %s (%s)", call, text, went or "1 attempt", extra={"refold": known})

    def _elapsed(self) -> float:
        return self._session.loop.time() - self._started

    def facts(self) -> CallFacts:
        """Give what the log and the hooks are told of the call."""
        operation = self._plan.operation
        places = dict(zip(requests.places_of(operation.path), self._plan.path, strict=True))
        return CallFacts(
            operation=operation.name,
            method=operation.method,
            path=operation.path,
            server=self._session.base_url,
            effect=self._plan.effect,
            slug=places.get("slug"),
            action_id=places.get("action_id"),
            linked_account_id=self._plan.linked_account_id or places.get("linked_account_id"),
        )


class _Hooked(Observer):
    """Tells hooks as well."""

    __slots__ = ("_call", "_hooks", "_sent_at")

    def __init__(
        self, hooks: Sequence[Hooks], session: Session, plan: PreparedCall[Any], started: float
    ) -> None:
        super().__init__(session, plan, started)
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
        for headers in filter(None, added):
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
        """Tell of the attempt's end, where its beginning was told."""
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


def _with_headers(request: Request, added: Mapping[str, str]) -> Request:
    """Add headers of a hook that replace none of the request's own.

    Raises:
        InvalidCallError: A header cannot be sent, or is not a hook's to set.
    """
    headers = requests.added_headers(added, taken=request.headers)
    return msgspec.structs.replace(request, headers={**request.headers, **headers})
