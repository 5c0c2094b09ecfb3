"""Actions: what can be done in a customer's app, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from msgspec.structs import replace

from refold_async._core.cache import ResponseCache
from refold_async._core.checks import check_effect
from refold_async._core.effects import effect_of_action
from refold_async._core.encoding import EncodedJSON, encode
from refold_async._core.operation import Effect
from refold_async._core.prepared import PreparedCall, describe
from refold_async._core.requester import Requester
from refold_async._core.requests import target_of
from refold_async.api import operations
from refold_async.api.action_replies import read_result
from refold_async.api.common import ApiModel
from refold_async.api.resource import Resource
from refold_async.errors import (
    DeadlineExceededError,
    InvalidCallError,
    RefoldError,
)
from refold_async.results import ActionResult, of_call

if TYPE_CHECKING:
    from refold_async.api.action_schema import ActionSchema
    from refold_async.walks.pages import ActionPages
    from refold_async.walks.paging import Paging

T = TypeVar("T")


class Action(ApiModel, frozen=True, kw_only=True):
    """An action that an app has.

    Attributes:
        action_id: Its identifier in `schema` and `execute`.
        name: Its display name.
        description: What it does.
        tag: The service's tag of it, e.g. `v2`.
    """

    action_id: str | None = None
    name: str | None = None
    description: str | None = None
    tag: str | None = None

    @property
    def effect(self) -> Effect:
        """Whether executing it counts as a read or a write."""
        return effect_of_action(self.action_id or "")


class Actions(Resource):
    """The actions of one customer's apps: `account.actions`."""

    __slots__ = ()

    async def list(self, slug: str, *, timeout: float | None = None) -> list[Action]:
        """List the actions that an app has.

        Calls `GET /api/v2/integration-schema/{slug}/actions`. With a `Cache` in the client's
        settings, an answer that is recent enough is reused.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such app.
            RefoldError: If the call fails in any other way.
        """
        return [
            *await self._kept(
                self._requester.prepare(operations.ACTIONS_LIST, list[Action], slug, timeout=timeout)
            )
        ]

    async def schema(self, slug: str, action_id: str, *, timeout: float | None = None) -> ActionSchema:
        """Fetch the parameters that an action takes.

        Calls `GET /api/v2/integration-schema/{slug}/actions/{action_id}`. With a `Cache` in the
        client's settings, an answer that is recent enough is reused.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            action_id: The action's id, e.g. `create_contact`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such app or action.
            RefoldError: If the call fails in any other way.
        """
        from refold_async.api.action_schema import ActionParameter, ActionSchema  # noqa: PLC0415 - for schemas only

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
        validate: bool = False,
        timeout: float | None = None,
    ) -> ActionResult:
        """Run an action in the customer's app.

        Calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`.

        A read is retried after any transient failure; a write only if it certainly did not run:
        nothing of it was sent, or Refold answered 429.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            action_id: The action's id, e.g. `create_contact`.
            params: The action's parameters, by name; default: none.
            effect: What running it twice does, if you know better than its name suggests: `"read"`,
                `"idempotent"` or `"write"`.
            validate: Whether to check `params` against the action's schema first, which is fetched once and
                kept for a while, so that a misspelt parameter is an error.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The result, whose `node_status` is `Success`.

        Raises:
            ActionFailed: If the service answered 200, but the action did not succeed.
            InvalidCallError: If `params` is not a mapping, cannot be encoded or does not fit the schema, or
                an id cannot be sent.
            ReconnectRequiredError: If the customer must connect its app again.
            RefoldError: If the call fails in any other way; see its `fate`.
        """
        plan = prepare_execute(self._requester, slug, action_id, params, effect=effect, timeout=timeout)
        if validate:
            plan = await self._validate(plan)
        try:
            attempts = self._requester.try_start(plan) or await self._requester.start(plan)
            result = await attempts.run()
        except RefoldError as error:
            account = self._requester.linked_account_id
            if account is not None and plan.request.body is not None:
                from refold_async.calls import Call  # noqa: PLC0415 - for errors only

                # The bytes that were sent: `params` may have changed since.
                sent: Any = EncodedJSON(plan.request.body)
                error.call = Call(account, slug, action_id, sent, effect=effect)
            raise
        return of_call(result, (plan.path, plan.linked_account_id, plan.effect))

    @overload
    def walk(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        into: type[T],
        paging: Paging | None = None,
        records: str | None = None,
        effect: Effect | None = None,
        resume: str | None = None,
        timeout: float | None = None,
    ) -> ActionPages[T]: ...

    @overload
    def walk(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        into: UnionType | None = None,
        paging: Paging | None = None,
        records: str | None = None,
        effect: Effect | None = None,
        resume: str | None = None,
        timeout: float | None = None,
    ) -> ActionPages[Any]: ...

    def walk(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        into: Any = None,
        paging: Paging | None = None,
        records: str | None = None,
        effect: Effect | None = None,
        resume: str | None = None,
        timeout: float | None = None,
    ) -> ActionPages[Any]:
        """Read all pages of an action: iterate over the result for records, over its `pages()` for pages.

        Each page calls `POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute`. How the
        action is paged is found in its first answer and, if that says that there is more, its schema. A
        walk yields every record once or raises: it never ends early without an error.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            action_id: The action's id, e.g. `get_contact`.
            params: The action's parameters, by name, sent with every page; default: none.
            into: The type of a record, as in `ActionResult.into`; default: dicts, lists, strings and numbers.
            paging: How the action is paged: a `Cursor`, `Offset`, `PageNumber` or `NextLink` of
                `refold_async.walks`; default: found.
            records: Where the records are in an answer, e.g. `results`; default: the only list of objects.
            effect: `"read"` if the action changes nothing although its name does not say so.
            resume: Where to begin, as `IncompleteWalkError.resume` or `WalkPage.resume` says; default: at
                the beginning.
            timeout: Deadline of each page's call, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: If an argument cannot be sent, or the action may change something.
            IncompleteWalkError: If there is more that cannot be read, while it is iterated.
            RefoldError: If a call fails, while it is iterated; the next step asks for the same page again.
        """
        from refold_async.walks.pages import ActionPages  # noqa: PLC0415 - loaded on first use
        from refold_async.walks.walk import Walk  # noqa: PLC0415

        account = self._requester.linked_account_id or ""
        walk = Walk(
            account,
            slug,
            action_id,
            params,
            into=into,
            paging=paging,
            records=records,
            effect=effect,
            resume=resume,
            timeout=timeout,
        )
        return ActionPages(walk, self)

    async def _validate(self, plan: PreparedCall[ActionResult]) -> PreparedCall[ActionResult]:
        """Check an execute's parameters against its schema; return it with the time that is left."""
        from refold_async.api.action_schema import (  # noqa: PLC0415 - for schemas only
            ActionParameter,
            ActionSchema,
            problems_error,
        )

        schema_plan = self._requester.prepare(
            operations.ACTIONS_SCHEMA, list[ActionParameter], *plan.path, timeout=plan.timeout
        )
        session = await self._requester.session()
        due = session.loop.time() + plan.timeout
        try:
            parameters = await self._kept(schema_plan, session.schemas)
        except RefoldError as error:
            error.fate = "not_sent"
            raise
        if problems := ActionSchema(parameters).check(EncodedJSON(plan.request.body or b"{}").decode()):
            refusal = problems_error(problems)
            describe(refusal, plan.operation, plan.path, plan.linked_account_id)
            refusal.effect = plan.effect
            raise refusal
        return replace(plan, timeout=due - session.loop.time())

    async def _kept(self, plan: PreparedCall[T], cache: ResponseCache | None = None) -> T:
        """Return the call's answer from a cache: the given one, or the session's if there is one."""
        attempts = await self._requester.start(plan)
        session = await self._requester.session()
        cache = session.cache if cache is None else cache  # an empty cache is falsy
        if cache is None:
            return await attempts.run()
        key = (plan.operation.name, plan.path, self._requester.linked_account_id)
        try:
            return await cache.get(key, attempts.run, due=attempts.deadline)
        except DeadlineExceededError as error:
            describe(error, plan.operation, plan.path, plan.linked_account_id)
            raise


_PARAMS: Final = (dict, Mapping)  # the most frequent type comes first


def prepare_execute(
    requester: Requester,
    slug: str,
    action_id: str,
    params: Mapping[str, object] | EncodedJSON | None = None,
    *,
    effect: Effect | None = None,
    timeout: float | None = None,
) -> PreparedCall[ActionResult]:
    """Prepare an execute; see `Actions.execute` for the arguments. `params` may be encoded already."""
    try:
        body = params.json if isinstance(params, EncodedJSON) else _encoded(params)
        try:
            path, target, known = _address(slug, action_id)
        except TypeError:
            # An unhashable value cannot be looked up in the cache; uncached, it gets a proper error.
            path, target, known = _address.__wrapped__(slug, action_id)
        if effect is not None:
            check_effect(effect)
        return requester.prepare_json(
            operations.ACTIONS_EXECUTE,
            ActionResult,
            path,
            target,
            body,
            effect=effect or known,
            timeout=timeout,
            read=_read_result,
        )
    except InvalidCallError as error:
        describe(error, operations.ACTIONS_EXECUTE, (slug, action_id), requester.linked_account_id)
        raise


@lru_cache(maxsize=4096)
def _address(slug: str, action_id: str) -> tuple[tuple[str, str], str, Effect]:
    """Return the path parameters and the target of an execute, and its effect as far as its name tells."""
    path = (slug, action_id)
    return path, target_of(operations.ACTIONS_EXECUTE, path), effect_of_action(action_id)


def _encoded(params: object) -> bytes:
    if params is None:
        return b"{}"
    if not isinstance(params, _PARAMS):
        raise InvalidCallError(f"params must be a mapping, not {type(params).__name__}")
    return encode(params, "params")


_read_result: Final = cast("Any", read_result)
