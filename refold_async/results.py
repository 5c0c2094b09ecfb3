"""The result of an action, and the error of one that did not succeed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, overload

import msgspec

from refold_async._core.decoding import decode_any, decode_into
from refold_async._core.operation import Effect
from refold_async._core.pydantic_types import adapter_of, decode_model, result_schema
from refold_async._core.slices import ListDecoder, Pause, raw_at
from refold_async.errors import Fate, RefoldError, UnreadableReplyError

T = TypeVar("T")


CallNames = tuple[tuple[str, ...], str | None, Effect]
"""A call's slug and action id, its linked account id, and its effect."""


class ActionResult:
    """The result of an action. Its data is decoded on first use.

    Attributes:
        node_status: How the action ended; `Success` on every result that `execute` returns.
        http_status: The connected app's own HTTP status, if the service reports it.
        raw: The data's JSON as it was received: `bytes(result.raw)` copies it; anything that accepts a
            buffer (`msgspec.json.decode`, `file.write`) takes it as it is.
    """

    __slots__ = ("_call", "_data", "http_status", "node_status", "raw")

    def __init__(self, node_status: str, http_status: int | None, raw: msgspec.Raw) -> None:
        self.node_status: Final = node_status
        self.http_status: Final = http_status
        self.raw: Final = raw
        self._data: Any = msgspec.UNSET
        self._call: CallNames | None = None

    def __repr__(self) -> str:
        size = len(memoryview(self.raw))
        return (
            f"ActionResult(node_status={self.node_status!r}, http_status={self.http_status!r}, {size} bytes)"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActionResult):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, self._key()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Return pydantic's schema: a FastAPI handler may return a result. Only pydantic calls this."""
        return result_schema(cls, handler)

    def _key(self) -> tuple[str, int | None, bytes]:
        return self.node_status, self.http_status, bytes(self.raw)

    if not TYPE_CHECKING:  # type checkers report these uses themselves

        def __getitem__(self, key: object) -> NoReturn:
            raise TypeError(f"an ActionResult has no items; use result.data[{key!r}]")

        def __iter__(self) -> NoReturn:
            raise TypeError("an ActionResult cannot be iterated over; use result.data")

    @property
    def data(self) -> Any:
        """The data as dicts, lists, strings and numbers, decoded on first use.

        Decoding holds the event loop, for about 8 ms per MB (75 ms for 10 MB, 760 ms for 50 MB), and takes
        5 to 6 times the size of the JSON in memory. Prefer `records` for lists of more than 2 MB.

        Raises:
            UnreadableReplyError: If the data is not JSON. The action itself was done.
        """
        if self._data is msgspec.UNSET:
            try:
                self._data = decode_any(memoryview(self.raw))
            except UnreadableReplyError as error:
                self._describe(error)
                raise
        return self._data

    @overload
    def into(self, kind: type[T]) -> T: ...

    @overload
    def into(self, kind: UnionType) -> Any: ...

    def into(self, kind: Any) -> Any:
        """Decode the data into a type of yours.

        Decoding holds the event loop, for about 6 ms per MB (60 ms for 10 MB, 600 ms for 50 MB). Prefer
        `records` for lists of more than 2 MB.

        Args:
            kind: A pydantic model, or any type that msgspec decodes: a Struct, a dataclass, an attrs class, a
                TypedDict, `list[Contact]`, `Contact | Company`.

        Raises:
            UnreadableReplyError: If the data does not fit the type; the message says where. The action
                itself was done.
        """
        try:
            if (adapter := adapter_of(kind)) is not None:
                return decode_model(adapter, bytes(self.raw))
            return decode_into(self.raw, kind)
        except UnreadableReplyError as error:
            self._describe(error)
            raise

    @overload
    def records(self, path: str = "") -> AsyncIterator[Any]: ...

    @overload
    def records(self, path: str = "", *, into: type[T]) -> AsyncIterator[T]: ...

    @overload
    def records(self, path: str = "", *, into: UnionType) -> AsyncIterator[Any]: ...

    async def records(self, path: str = "", *, into: Any = None) -> AsyncIterator[Any]:
        """Decode a list one record at a time, letting other tasks run meanwhile.

        Decoding 50 MB with `data` or `into` holds the event loop for most of a second. This holds it for the
        milliseconds that finding the records takes, and never has more than a slice of the records decoded.

        Args:
            path: Where the list is in the data, e.g. `results` or `data.items`; default: the whole data.
            into: The type of a record, as in `ActionResult.into`; default: dicts, lists, strings and numbers.

        Raises:
            UnreadableReplyError: If there is no list, or a record does not fit the type; the message says
                which and where. The action itself was done.
        """
        try:
            for records in ListDecoder(into).slices(raw_at(self.raw, path)):
                for record in records:
                    yield record
                await Pause()
        except UnreadableReplyError as error:
            self._describe(error)
            raise

    def _describe(self, error: UnreadableReplyError) -> None:
        """Note on an error of the data that the action was done, and which call it was."""
        error.fate, error.transient = "done", False
        error.message = f"the action was done, but {error.message}"
        error.args = (error.message,)
        error.operation = "actions.execute"
        if self._call is not None:
            (error.slug, error.action_id), error.linked_account_id, error.effect = self._call


def of_call(result: ActionResult, call: CallNames) -> ActionResult:
    """Record which call a result belongs to, for the errors of its data, and return it."""
    result._call = call  # noqa: SLF001 - set only here
    return result


def restored(node_status: str, http_status: int | None, raw: bytes) -> ActionResult:
    """Return a result made of the parts of another, e.g. a pickled one."""
    return ActionResult(node_status, http_status, msgspec.Raw(raw))


class ActionFailed(RefoldError):
    """HTTP 200 and a `node_status` that is not `Success`.

    Attributes:
        result: The whole result: its `node_status`, `http_status` and data.

    Its `fate` is `rejected` if the result's `http_status` says that the app refused the request (4xx but
    408, 429 and 499), and the action did not time out, wait or get stopped; else `unknown`.
    """

    def __init__(self, message: str, *, result: ActionResult, fate: Fate) -> None:
        super().__init__(message, fate=fate)
        self.result = result

    @property
    def needs_reconnect(self) -> bool:
        """Whether the app refused the customer's credentials (401 or 403)."""
        return self.result.http_status in {401, 403}
