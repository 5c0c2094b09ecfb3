"""Actions: what can be done in a customer's app, and doing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import msgspec

from refold_async._core.decoding import read_as
from refold_async._core.effects import effect_of_action
from refold_async._core.operation import Effect
from refold_async._core.prepared import PreparedCall, describe
from refold_async._core.requester import Requester
from refold_async._core.responses import Response, bounded, is_success, redact, status_error
from refold_async.api import operations
from refold_async.api.action_schema import ActionParameter, ActionSchema
from refold_async.api.resource import Resource
from refold_async.errors import (
    DeadlineExceededError,
    Fate,
    InvalidCallError,
    UnreadableReplyError,
)
from refold_async.results import ActionFailed, ActionResult, of_call, restored

T = TypeVar("T")


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An action that an app has.

    Attributes:
        action_id: What names it in `schema` and `execute`.
        name: Its name for people.
        description: What it does.
        tag: The service's tag of it, as `v2`.
    """

    action_id: str | None = None
    name: str | None = None
    description: str | None = None
    tag: str | None = None

    @property
    def effect(self) -> Effect:
        """Whether executing it is taken for a read or a write."""
        return effect_of_action(self.action_id or "")


class _Envelope(msgspec.Struct):
    node_status: Any = None
    http_status: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelopes: Final = msgspec.json.Decoder(_Envelope)

SUCCESS: Final = "Success"


def read_result(_: type[ActionResult], reply: Response, secret: str = "") -> ActionResult:
    """Read the reply to an execute.

    Raises:
        StatusError: The reply's status is not a success.
        ActionFailed: The status is a success, and `node_status` is not.
        UnreadableReplyError: The body is no result of an action.
    """
    if not is_success(reply.status):
        raise status_error(reply, secret=secret)
    envelope = _envelope_of(reply.body)
    status = envelope.node_status
    if not isinstance(status, str):
        raise UnreadableReplyError(
            "the answer has no node_status, so it is no action's result", fate="unknown"
        )
    result = ActionResult(status, _number(envelope.http_status), envelope.data)
    if status != SUCCESS:
        raise _failure(result, secret)
    return result


def _envelope_of(body: bytes) -> _Envelope:
    try:
        return _envelopes.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return read_as(_Envelope, body)


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9]\d{2}", value) else None


def _failure(result: ActionResult, secret: str) -> ActionFailed:
    result = _without(secret, result)
    refused = result.http_status is not None and 400 <= result.http_status < 500
    fate: Fate = "rejected" if refused else "unknown"
    told = f", http_status {result.http_status}" if result.http_status is not None else ""
    said = bounded(bytes(memoryview(result.raw)[:2000]).decode(errors="replace"))
    return ActionFailed(
        f"the action ended as {bounded(result.node_status)}{told}: {said}", result=result, fate=fate
    )


def _without(secret: str, result: ActionResult) -> ActionResult:
    """Give a result that repeats the credential nowhere, since its error may be logged or pickled."""
    raw = bytes(result.raw)
    clean = raw.replace(secret.encode(), b"***") if secret else raw
    return restored(redact(result.node_status, secret), result.http_status, clean)


class Actions(Resource):
    """The actions of one customer's apps: `account.actions`."""

    __slots__ = ()

    async def list(self, slug: str, *, timeout: float | None = None) -> list[Action]:
        """List the actions that an app has.

        Calls `GET /api/v2/integration-schema/{slug}/actions`. With a `Cache` in the client's
        settings, an answer that is not too old serves again.

        Args:
            slug: The app, as `hubspot`.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such app.
            RefoldError: Any other failure of a call.
        """
        return [
            *await self._kept(
                self._requester.prepare(operations.ACTIONS_LIST, list[Action], slug, timeout=timeout)
            )
        ]

    async def schema(self, slug: str, action_id: str, *, timeout: float | None = None) -> ActionSchema:
        """Fetch the parameters that an action takes.

        Calls `GET /api/v2/integration-schema/{slug}/actions/{action_id}`. With a `Cache` in the
        client's settings, an answer that is not too old serves again.

        Args:
            slug: The app, as `hubspot`.
            action_id: The action, as `create_contact`.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such app or action.
            RefoldError: Any other failure of a call.
        """
        parameters = await self._kept(
            self._requester.prepare(
                operations.ACTIONS_SCHEMA, list[ActionParameter], slug, action_id, timeout=timeout
            )
        )
        return ActionSchema(parameters)

    async def execute(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> ActionResult:
        """Run an action in the customer's app.

        Calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`.

        A read is tried again after any transient failure; a write only where it surely did not
        run: nothing of it was sent, or Refold answered 429.

        Args:
            slug: The app, as `hubspot`.
            action_id: The action, as `create_contact`.
            params: The action's parameters, by name; default: none.
            effect: What running it twice does, where you know better than its name tells: `"read"`,
                `"idempotent"` or `"write"`.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            The result, whose `node_status` is `Success`.

        Raises:
            ActionFailed: The service answered 200, and the action did not succeed.
            InvalidCallError: `params` is no mapping or holds what JSON cannot say, or an id cannot be sent.
            ReconnectRequiredError: The customer must connect its app again.
            RefoldError: Any other failure; its `fate` says what became of the call.
        """
        plan = prepare_execute(self._requester, slug, action_id, params, effect=effect, timeout=timeout)
        result = await (await self._requester.start(plan)).run()
        return of_call(result, ((slug, action_id), plan.linked_account_id, plan.effect))

    async def _kept(self, plan: PreparedCall[T]) -> T:
        """Give the plan's answer from the session's cache where there is one."""
        trip = await self._requester.start(plan)
        session = await self._requester.session()
        if session.cache is None:
            return await trip.run()
        key = (plan.operation.name, plan.path, self._requester.linked_account_id)
        try:
            return await session.cache.get(key, trip.run, due=trip.deadline)
        except DeadlineExceededError as error:
            describe(error, plan.operation, plan.path, plan.linked_account_id)
            raise


_PARAMS: Final = (dict, type(None), Mapping)  # what most calls give is told first


def prepare_execute(
    requester: Requester,
    slug: str,
    action_id: str,
    params: Mapping[str, object] | None = None,
    *,
    effect: Effect | None = None,
    timeout: float | None = None,
) -> PreparedCall[ActionResult]:
    """Make an execute ready to go; see `Actions.execute` for the arguments."""
    given: object = params
    if not isinstance(given, _PARAMS):
        error = InvalidCallError(f"params must be a mapping, not {type(given).__name__}")
        describe(error, operations.ACTIONS_EXECUTE, (slug, action_id), requester.linked_account_id)
        raise error
    return requester.prepare(
        operations.ACTIONS_EXECUTE,
        ActionResult,
        slug,
        action_id,
        body={} if params is None else params,
        effect=effect_of_action(action_id) if effect is None and isinstance(action_id, str) else effect,
        timeout=timeout,
        read=cast("Any", read_result),
    )
