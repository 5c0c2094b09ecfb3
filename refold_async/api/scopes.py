"""What the organisation's client and one customer's account share: closing, and calling any path."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from refold_async._core.operation import Effect, Method
from refold_async._core.requester import Requester
from refold_async._core.requests import Scalar
from refold_async._core.sessions import Sessions

if TYPE_CHECKING:
    from refold_async.api.raw_calls import RawAnswer


class Closing:
    """Opens with `async with`, and closes with it or with `aclose`."""

    _sessions: Sessions
    _owns: bool

    async def __aenter__(self) -> Self:
        if self._owns:
            self._sessions.reopen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close the connections that this object opened; those that it was lent stay open.

        Calls under way fail with `ClosedError`. To close again is harmless.

        Args:
            drain: Seconds to let calls under way end by themselves first; default 0.
        """
        if self._owns:
            await self._sessions.aclose(drain=drain)


class Scope(Closing):
    """Calls for an organisation, or for one customer."""

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
        """Call any path of the service, also one that this SDK does not know.

        The call has all that others have: the credential, the linked account of its scope, its turn
        by the rate limit, retries by effect, one deadline. A body that tells of a failure under a
        status of success, as an action's `node_status` does, is yours to read.

        Calls the path that you name, as `GET /api/v2/public/workflow`.

        Args:
            method: The HTTP method.
            path: The path on the client's base URL, from its `/` on, with `%` escapes where an id
                needs them.
            query: Query parameters; `None` leaves one out.
            headers: Further headers, as `config_id`; none that says who calls, for whom or where to.
            body: What is written as the JSON body, `msgspec.Raw` as it is; `None` for no body.
            effect: What running it twice does; default: what is known of the operation at this path,
                else a `GET` reads, and all else writes, and is never sent twice.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            InvalidCallError: The path is a whole URL, or something of it cannot be sent.
            RefoldError: Any other failure of a call.
        """
        from refold_async.api.raw_calls import call  # noqa: PLC0415 - loaded by who makes one

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
