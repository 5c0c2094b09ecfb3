"""Makes calls with one credential, for the organisation or for one linked account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from refold_async._core import checks, requests, responses
from refold_async._core.checks import check_timeout
from refold_async._core.credentials import Credential
from refold_async._core.encoding import EncodedJSON, encode
from refold_async._core.operation import Effect, Operation
from refold_async._core.pipeline import CallAttempts, start_call
from refold_async._core.prepared import PreparedCall, Reader, describe
from refold_async._core.requests import Request, Scalar
from refold_async._core.sessions import Session, Sessions
from refold_async._core.uploads import Upload
from refold_async.errors import ClosedError, InvalidCallError
from refold_async.settings import Settings

T = TypeVar("T")

_JSON: Final = {"Content-Type": "application/json"}


class Requester:
    """Calls operations with one credential, for one linked account if it has one."""

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
        self._headers = requests.headers_of({"linked_account_id": linked_account_id})
        self.linked_account_id = self._headers.get("linked_account_id")
        self._json_headers = {**self._headers, **_JSON}

    def __repr__(self) -> str:
        return f"Requester({self._base_url!r}, linked_account_id={self.linked_account_id!r})"

    def for_account(self, linked_account_id: str) -> Requester:
        """Return a requester for one customer, on the same connections.

        Raises:
            InvalidCallError: If the id cannot be sent as a header.
        """
        return Requester(self._sessions, self._settings, self._base_url, self._credential, linked_account_id)

    def for_token(self, token: str) -> Requester:
        """Return a requester that calls with a token instead, on connections of its own.

        Raises:
            SettingsError: If it cannot be a token.
        """
        return Requester(self._sessions, self._settings, self._base_url, Credential("token", token))

    @property
    def timeout(self) -> float:
        """The default timeout of a call, in seconds."""
        return self._settings.timeout

    async def session(self) -> Session:
        """Return the session of the running event loop, opened on first use.

        Raises:
            ClosedError: If the client was closed.
        """
        session = self._sessions.get(self._base_url, self._credential)
        return session or await self._sessions.open(self._base_url, self._credential)

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
        """Check and encode the arguments of a call.

        Args:
            operation: The operation to call.
            answer: The type to decode a successful response into.
            path: The values of its path parameters, in order.
            query: Query parameters; `None` leaves one out.
            headers: Headers in addition to the linked account's; `None` leaves one out.
            body: The JSON body, or one that is encoded; an `Upload` is sent as a multipart form; `None`
                sends no body.
            effect: What running it twice does; default: as the operation declares.
            timeout: Seconds for the whole call with its retries; default: the client's.
            read: Reads the response; default: into `answer`, as JSON.

        Raises:
            InvalidCallError: If a value cannot be sent, or `effect` is not an effect.
        """
        seconds = self._settings.timeout if timeout is None else check_timeout(timeout)
        upload = body if isinstance(body, Upload) else None
        own = self._headers if body is upload else self._json_headers
        try:
            if effect is not None:
                checks.check_effect(effect)
            request = requests.build(
                operation,
                path,
                query=query,
                headers=own if headers is None else own | requests.headers_of(headers),
                body=None if body is upload else body.json if type(body) is EncodedJSON else encode(body),
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

    def prepare_json(
        self,
        operation: Operation,
        answer: type[T],
        path: tuple[str, ...],
        target: str,
        body: bytes,
        *,
        effect: Effect,
        timeout: float | None,
        read: Reader[T],
    ) -> PreparedCall[T]:
        """Prepare a call whose target, body and effect are known; see `prepare`, which takes longer.

        Raises:
            SettingsError: If the timeout is not a positive number.
        """
        return PreparedCall(
            operation,
            answer,
            path,
            Request(operation.method, target, self._json_headers, body),
            effect,
            read,
            self._settings.timeout if timeout is None else check_timeout(timeout),
            self.linked_account_id,
        )

    def try_start(self, prepared: PreparedCall[T]) -> CallAttempts[T] | None:
        """Start a call if its session is open, without the cost of a coroutine; else return `None`."""
        session = self._sessions.get(self._base_url, self._credential)
        return None if session is None else start_call(session, self._settings, prepared)

    async def start(self, prepared: PreparedCall[T]) -> CallAttempts[T]:
        """Start a call; its deadline counts from here.

        Raises:
            ClosedError: If the client was closed.
        """
        try:
            session = await self.session()
        except ClosedError as error:
            describe(error, prepared.operation, prepared.path, prepared.linked_account_id)
            error.effect = prepared.effect
            raise
        return start_call(session, self._settings, prepared)

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
        """Call an operation and return its answer; see `prepare` for the arguments.

        Raises:
            RefoldError: If the call failed; see `errors`.
        """
        prepared = self.prepare(
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
        attempts = self.try_start(prepared) or await self.start(prepared)
        return await attempts.run()
