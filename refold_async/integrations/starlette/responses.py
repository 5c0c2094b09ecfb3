"""Responses for handlers: an action's own JSON, or problem details for an error."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic

import msgspec
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from refold_async.errors import RefoldError, name_call, name_error, particulars
from refold_async.integrations.starlette.lifespan import get_refold
from refold_async.integrations.starlette.middleware import only_reads
from refold_async.integrations.starlette.problems import HTTPProblem, kind_of, problem_of
from refold_async.integrations.starlette.settling import SCOPE_KEY, SettleMiddleware
from refold_async.results import ActionResult

if TYPE_CHECKING:  # a type parameter with a default: `ActionResponse` alone stays complete for type checkers
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)

    class _Typed(Response, Generic[T]): ...

else:

    class _Typed(Response):
        def __class_getitem__(cls, model: object) -> type:
            return cls


_logger: Final = logging.getLogger("refold_async")


class ActionResponse(_Typed["T"]):
    """Returns an action's data byte for byte, without decoding it.

    As `ActionResponse[Contact]`, FastAPI's document describes the data as that type; nothing is checked.

    Attributes:
        model: The type of the data, if it is named.

    Args:
        result: The result of `actions.execute`.
        status_code: The HTTP status; default 200.
        headers: Additional headers.
        background: A task to run after the response is sent.
    """

    media_type = "application/json"
    model: ClassVar[Any] = None

    if not TYPE_CHECKING:

        def __class_getitem__(cls, model: Any) -> type:
            """Return the class with a type for its data: a class too, as FastAPI needs."""
            return _with_model(cls, model)

    def __init__(
        self,
        result: ActionResult,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(bytes(result.raw), status_code, headers, background=background)


@lru_cache(maxsize=512)
def _with_model(cls: type, model: Any) -> type:
    named = f"{cls.__name__}[{getattr(model, '__name__', model)}]"
    return type(named, (cls,), {"model": model, "__module__": cls.__module__})


class ProblemResponse(Response):
    """A response with problem details (RFC 9457)."""

    media_type = "application/problem+json"

    def __init__(self, problem: HTTPProblem) -> None:
        headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
        super().__init__(msgspec.json.encode(problem), problem.status, headers)


def answer_error(request: Request, error: Exception) -> Response:
    """Return the response to an SDK error that no handler caught; see `problem_of`.

    A 5xx response is logged as a warning, a misconfiguration as an error, and anything else at `DEBUG`,
    with the `instance` of the response.

    Raises:
        Exception: `error` itself, if it is not the SDK's.
    """
    if not isinstance(error, RefoldError):
        raise error
    problem = problem_of(error)
    _log(request, error, problem)
    return ProblemResponse(problem)


async def answer_and_settle(request: Request, error: Exception) -> Response:
    """Return the response of `answer_error`, and begin to settle a write of unknown fate if configured to."""
    response = answer_error(request, error)
    settling = request.scope.get(SCOPE_KEY)
    if not (isinstance(settling, SettleMiddleware) and isinstance(error, RefoldError)):
        return response
    if kind_of(error) == "unknown-outcome":
        location = settling.begin(request, get_refold(request), error)
        if location is not None:
            response.headers["Location"] = location
    return response


async def answer_with_link(request: Request, error: Exception) -> Response:
    """Return the response of `answer_and_settle`, with a link if the customer must reconnect an app."""
    if not isinstance(error, RefoldError) or kind_of(error) != "reconnect-required":
        return await answer_and_settle(request, error)
    problem = problem_of(error)
    _log(request, error, problem)  # before the link is in it: it contains a token
    return ProblemResponse(await _with_link(request, error, problem))


async def _with_link(request: Request, error: RefoldError, problem: HTTPProblem) -> HTTPProblem:
    """Add the link to a problem. A failure to create one is logged and hides nothing of the first error."""
    try:
        link = await get_refold(request).reconnect_link(error)
    except RefoldError as failure:
        _logger.warning("no reconnect link: %s", name_error(failure))
        return problem
    return msgspec.structs.replace(problem, reconnect_url=link.hosted_url)


def answer_group(request: Request, group: Exception) -> Response:
    """Return the response to a task group's first error, if all are the SDK's and the handler only read.

    The group's errors do not include writes that it cancelled, so a response could not report their fate.

    Raises:
        Exception: `group` itself, otherwise.
    """
    ours, others = group.split(RefoldError) if isinstance(group, ExceptionGroup) else (None, group)
    if ours is None or others is not None or not only_reads():
        raise group
    return answer_error(request, next(_leaves(ours)))


def _leaves(group: ExceptionGroup[RefoldError]) -> Iterator[RefoldError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _level_of(problem: HTTPProblem) -> int:
    if problem.type == "urn:refold-async:misconfigured":
        return logging.ERROR
    return logging.WARNING if problem.status >= 500 else logging.DEBUG


def _log(request: Request, error: RefoldError, problem: HTTPProblem) -> None:
    level = _level_of(problem)
    if not _logger.isEnabledFor(level):
        return
    known = {**msgspec.structs.asdict(problem), "linked_account_id": error.linked_account_id}
    route = request.scope.get("route")
    known["route"] = getattr(route, "path", None)
    fields = {name: value for name, value in known.items() if value is not None}
    _logger.log(
        level, "answered %d, %s, %s: %s: failed with %s (%s)",
        problem.status, problem.type.rpartition(":")[2], problem.instance,
        name_call(error.operation, error.slug, error.action_id, error.linked_account_id), name_error(error),
        ", ".join(particulars(error.attempts, error.elapsed, problem.request_id, error.fate)),
        extra={"refold": fields},
    )  # fmt: skip


def add_exception_handlers(app: Starlette, *, reconnect_links: bool = False) -> None:
    """Add exception handlers for the SDK's errors, including those of task groups that only read.

    Args:
        app: The application.
        reconnect_links: Whether a 409 for an app to reconnect carries the link to do so; see `install`.
    """
    app.add_exception_handler(RefoldError, answer_with_link if reconnect_links else answer_and_settle)
    app.add_exception_handler(ExceptionGroup, answer_group)
