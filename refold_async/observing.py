"""Tells the log and the hooks how a call goes on; all but free where nobody listens."""

from __future__ import annotations

import logging
from typing import Any, Final, Literal

from refold_async import retries
from refold_async.errors import RefoldError
from refold_async.hooks import CallFacts, Hooks, safely
from refold_async.plan import Plan
from refold_async.wire import places_of

_logger: Final = logging.getLogger("refold_async")


class Observer:
    """Hears what happens to one call. This one writes only the log."""

    __slots__ = ("_plan", "_server")

    def __init__(self, server: str, plan: Plan[Any]) -> None:
        self._server = server
        self._plan = plan

    @staticmethod
    def of(hooks: Hooks | None, server: str, plan: Plan[Any]) -> Observer:
        """Give the observer of a call, with or without hooks."""
        return Observer(server, plan) if hooks is None else _Hooked(hooks, server, plan)

    def waited(self, reason: Literal["rate", "connection"], seconds: float) -> None:
        """The call waited."""

    def sending(self, attempt: int, elapsed: float) -> None:
        """An attempt goes out."""

    def answered(self, attempt: int, status: int, elapsed: float) -> None:
        """The call was answered."""
        if _logger.isEnabledFor(logging.DEBUG):
            self._log(
                logging.DEBUG, "%s answered %d", status, attempts=attempt, elapsed=elapsed, status=status
            )

    def failed(self, attempt: int, error: RefoldError) -> None:
        """An attempt failed."""

    def retrying(self, attempt: int, error: RefoldError, wait: float) -> None:
        """The call is to be tried again."""
        if _logger.isEnabledFor(logging.INFO):
            self._log(
                logging.INFO, "%s failed with %s, and is tried again", type(error).__name__,
                attempts=attempt, wait=wait, status=error.status, fate=error.fate,
            )  # fmt: skip

    def ended(self, attempt: int, error: BaseException, elapsed: float) -> None:
        """The call ended without an answer."""
        ours = error if isinstance(error, RefoldError) else None
        exhausted = ours is not None and attempt > 1 and retries.is_transient(ours)
        level = logging.WARNING if exhausted else logging.DEBUG
        if _logger.isEnabledFor(level):
            self._log(
                level, "%s failed with %s", type(error).__name__,
                attempts=attempt, elapsed=elapsed, status=ours and ours.status, fate=ours and ours.fate,
            )  # fmt: skip

    def _log(self, level: int, text: str, what: object, **fields: object) -> None:
        call = self.facts()
        named = {name: getattr(call, name) for name in call.__struct_fields__}
        known = {name: value for name, value in (named | fields).items() if value is not None}
        _logger.log(level, text, call.operation, what, extra={"refold": known})

    def facts(self) -> CallFacts:
        """Give what the log and the hooks are told of the call."""
        operation = self._plan.operation
        places = dict(zip(places_of(operation.path), self._plan.path, strict=True))
        return CallFacts(
            operation=operation.name,
            method=operation.method,
            path=operation.path,
            server=self._server,
            slug=places.get("slug"),
            action_id=places.get("action_id"),
            linked_account_id=self._plan.linked_account_id or places.get("linked_account_id"),
        )


class _Hooked(Observer):
    """Tells hooks as well."""

    __slots__ = ("_call", "_hooks", "_sent_at")

    def __init__(self, hooks: Hooks, server: str, plan: Plan[Any]) -> None:
        super().__init__(server, plan)
        self._hooks = hooks
        self._call = self.facts()
        self._sent_at = 0.0
        safely(hooks.on_call, self._call)

    def waited(self, reason: Literal["rate", "connection"], seconds: float) -> None:
        safely(self._hooks.on_wait, self._call, reason, seconds)

    def sending(self, attempt: int, elapsed: float) -> None:
        self._sent_at = elapsed
        safely(self._hooks.on_request, self._call, attempt)

    def answered(self, attempt: int, status: int, elapsed: float) -> None:
        super().answered(attempt, status, elapsed)
        safely(self._hooks.on_response, self._call, attempt, status, None, elapsed - self._sent_at)
        safely(self._hooks.on_done, self._call, attempt, None, elapsed)

    def failed(self, attempt: int, error: RefoldError) -> None:
        seconds = (error.elapsed or 0.0) - self._sent_at
        safely(self._hooks.on_response, self._call, attempt, error.status, error, seconds)

    def retrying(self, attempt: int, error: RefoldError, wait: float) -> None:
        super().retrying(attempt, error, wait)
        safely(self._hooks.on_retry, self._call, attempt, error, wait)

    def ended(self, attempt: int, error: BaseException, elapsed: float) -> None:
        super().ended(attempt, error, elapsed)
        safely(self._hooks.on_done, self._call, attempt, error, elapsed)
