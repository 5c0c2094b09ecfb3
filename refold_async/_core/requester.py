"""Who calls: a credential, and the linked account that it calls for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from refold_async._core import checks, requests, responses
from refold_async._core.checks import check_timeout
from refold_async._core.credentials import Credential
from refold_async._core.operation import Effect, Operation
from refold_async._core.pipeline import CallAttempts
from refold_async._core.prepared import PreparedCall, Reader, describe
from refold_async._core.requests import Scalar
from refold_async._core.sessions import Session, Sessions
from refold_async._core.uploads import Upload
from refold_async.errors import ClosedError, InvalidCallError
from refold_async.settings import Settings

T = TypeVar("T")

_JSON: Final = {"Content-Type": "application/json"}


class Requester:
    """Calls operations with one credential, and for one linked account where there is one."""

    __slots__ = (
        "_base_url",
        "_credential",
        "_headers",
        "_json_headers",
        "_sessions",
        "_settings",
        "linked_account_id",
    )

    def __init__(
        self,
        sessions: Sessions,
        settings: Settings,
        base_url: str,
        credential: Credential,
        linked_account_id: str | None = None,
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._base_url = base_url
        self._credential = credential
        self.linked_account_id = linked_account_id
        self._headers = requests.headers_of({"linked_account_id": linked_account_id})
        self._json_headers = {**self._headers, **_JSON}

    def __repr__(self) -> str:
        return f"Caller({self._base_url!r}, linked_account_id={self.linked_account_id!r})"

    def for_account(self, linked_account_id: str) -> Requester:
        """Give a caller for one customer, on the same connections.

        Raises:
            InvalidCallError: The id cannot stand in a header.
        """
        return Requester(self._sessions, self._settings, self._base_url, self._credential, linked_account_id)

    @property
    def timeout(self) -> float:
        """The deadline of a call that names none, in seconds."""
        return self._settings.timeout

    async def session(self) -> Session:
        """Give the session of the running event loop, opened on first use.

        Raises:
            ClosedError: The client was closed.
        """
        return self._open_session() or await self._sessions.open(self._base_url, self._credential)

    def _open_session(self) -> Session | None:
        return self._sessions.get(self._base_url, self._credential)

    def prepare(
        self,
        operation: Operation,
        answer: type[T],
        *path: str,
        query: Mapping[str, Scalar] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
        effect: Effect | None = None,
        timeout: float | None = None,
        read: Reader[T] = responses.read,
    ) -> PreparedCall[T]:
        """Make a call ready to go.

        Args:
            operation: What to call.
            answer: The type to read a successful reply into.
            path: A value for each place of its path template, in order.
            query: Query parameters; `None` leaves one out.
            headers: Headers of this call beside those of the scope; `None` leaves one out.
            body: What is written as the JSON body; an `Upload` is sent as the form that it is;
                `None` for no body.
            effect: What running it twice does, where the caller knows better than the operation.
            timeout: Seconds; default: the client's.
            read: Reads the reply; default: into `answer`, as JSON.

        Raises:
            InvalidCallError: A value cannot be sent, or `effect` is none.
        """
        seconds = self._settings.timeout if timeout is None else check_timeout(timeout)
        upload = body if isinstance(body, Upload) else None
        own = self._headers if body is upload else self._json_headers
        try:
            checks.check_effect(effect)
            request = requests.build(
                operation,
                path,
                query=query,
                headers=own if headers is None else own | requests.headers_of(headers),
                body=None if body is upload else requests.body_of(body),
                upload=upload,
            )
        except InvalidCallError as error:
            describe(error, operation, path, self.linked_account_id)
            raise
        account = self.linked_account_id
        return PreparedCall(
            operation,
            answer,
            path,
            request,
            operation.effect if effect is None else effect,
            read,
            seconds,
            account,
        )

    async def start(self, plan: PreparedCall[T]) -> CallAttempts[T]:
        """Begin a call's trip; its deadline runs from here.

        Raises:
            ClosedError: The client was closed.
        """
        try:
            session = self._open_session() or await self.session()
        except ClosedError as error:
            describe(error, plan.operation, plan.path, plan.linked_account_id)
            error.effect = plan.effect
            raise
        return CallAttempts(session, self._settings, plan)

    async def call(
        self,
        operation: Operation,
        answer: type[T],
        *path: str,
        query: Mapping[str, Scalar] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
        effect: Effect | None = None,
        timeout: float | None = None,
        read: Reader[T] = responses.read,
    ) -> T:
        """Call an operation, and give its answer; see `prepare` for the arguments.

        Raises:
            RefoldError: Any of ours; see `errors`.
        """
        plan = self.prepare(
            operation,
            answer,
            *path,
            query=query,
            headers=headers,
            body=body,
            effect=effect,
            timeout=timeout,
            read=read,
        )
        trip = await self.start(plan)
        return await trip.run()
