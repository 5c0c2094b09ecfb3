"""What an action answered, and the error where it did not succeed."""

from __future__ import annotations

from types import UnionType
from typing import Any, Final, TypeVar, overload

import msgspec

from refold_async._core.decoding import decode_any, decode_into
from refold_async._core.operation import Effect
from refold_async.errors import Fate, RefoldError, UnreadableReplyError

T = TypeVar("T")


CallNames = tuple[tuple[str, str], str | None, Effect]
"""A call's slug and action id, its linked account id, and its effect."""


class ActionResult:
    """What an action answered. Its data is decoded only when it is asked for.

    Attributes:
        node_status: How the action ended; `Success` on every result that `execute` returns.
        http_status: The connected app's own HTTP status, where the service tells it.
        raw: The data's JSON as it came, not decoded: `bytes(result.raw)` copies it, any buffer
            reader (`msgspec.json.decode`, `file.write`) takes it as it is.
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

    def _key(self) -> tuple[str, int | None, bytes]:
        return self.node_status, self.http_status, bytes(self.raw)

    @property
    def data(self) -> Any:
        """The data as dicts, lists, texts and numbers: decoded at the first use, then kept.

        Raises:
            UnreadableReplyError: The data is not JSON. The action itself was done.
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
        """Decode the data straight into a type of yours.

        Args:
            kind: Any type that msgspec decodes: a Struct, a dataclass, a TypedDict, `list[Contact]`,
                `Contact | Company`, …

        Raises:
            UnreadableReplyError: The data does not fit the type; the message says where. The
                action itself was done.
        """
        try:
            return decode_into(self.raw, kind)
        except UnreadableReplyError as error:
            self._describe(error)
            raise

    def _describe(self, error: UnreadableReplyError) -> None:
        error.operation = "actions.execute"
        if self._call is not None:
            (error.slug, error.action_id), error.linked_account_id, error.effect = self._call


def of_call(result: ActionResult, call: CallNames) -> ActionResult:
    """Note on a result whose it is, for the errors of its data to say; gives it back."""
    result._call = call  # noqa: SLF001 - nobody else is to set it
    return result


def restored(node_status: str, http_status: int | None, raw: bytes) -> ActionResult:
    """Make a result of what one was taken apart into."""
    return ActionResult(node_status, http_status, msgspec.Raw(raw))


class ActionFailed(RefoldError):
    """HTTP 200 and a `node_status` that is not `Success`.

    Attributes:
        result: The whole result: its `node_status`, `http_status` and data.

    Its `fate` is `rejected` where the result's `http_status` says that the app refused
    (4xx), else `unknown`.
    """

    def __init__(self, message: str, *, result: ActionResult, fate: Fate) -> None:
        super().__init__(message, fate=fate)
        self.result = result

    @property
    def needs_reconnect(self) -> bool:
        """Whether the app refused the customer's credentials (401 or 403)."""
        return self.result.http_status in {401, 403}
