"""The base classes of clients and accounts: closing, and calling any path."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from refold_async._core.operation import Effect, Method
from refold_async._core.requester import Requester
from refold_async._core.requests import Scalar
from refold_async._core.sessions import Sessions

if TYPE_CHECKING:
    from refold_async.api.raw_calls import RawAnswer


C = TypeVar("C", bound="Closing")


class Closing:
    """An async context manager that closes its connections."""

    _sessions: Sessions
    _owns: bool

    # Not `Self`, which jedi takes for this class: it would complete nothing of the client in `async with`.
    async def __aenter__(self: C) -> C:  # noqa: PYI019
        if self._owns:
            self._sessions.reopen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    if not TYPE_CHECKING:  # type checkers report this use themselves

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__} is asynchronous; use `async with`")

        def __exit__(self, *_: object) -> None:
            pass

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close the connections that this object owns; shared ones stay open. Idempotent.

        Calls under way fail with `ClosedError`, also those of other event loops.

        Args:
            drain: Seconds to wait for calls under way first; default 0.
        """
        if self._owns:
            await self._sessions.aclose(drain=drain)


class Scope(Closing):
    """The base class of the organisation's client and a customer's account."""

    _requester: Requester

    async def call(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, Scalar] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> RawAnswer:
        """Call any path of the service, including one that this SDK does not know.

        The call works like any other: it has the credential, the linked account, the rate limit, retries by
        effect, and one deadline. A failure in the body of a successful response, e.g. an action's
        `node_status`, is yours to check.

        Calls the path that you name, e.g. `GET /api/v2/public/workflow`.

        Args:
            method: The HTTP method.
            path: The path, relative to the base URL and starting with `/`; percent-encode ids that need it.
            query: Query parameters; `None` leaves one out.
            headers: Additional headers, e.g. `config_id`; not those that the client sets itself.
            body: The JSON body, `msgspec.Raw` as it is; `None` sends no body.
            effect: What running it twice does; default: that of the documented operation at this path, else
                `"read"` for a `GET` and `"write"` for any other method.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            InvalidCallError: If the path is a whole URL, or something cannot be sent.
            RefoldError: If the call failed; see `errors`.
        """
        from refold_async.api.raw_calls import call  # noqa: PLC0415 - loaded on first use

        return await call(
            self._requester,
            method,
            path,
            query=query,
            headers=headers,
            body=body,
            effect=effect,
            timeout=timeout,
        )
