"""The API key or token that authenticates a call."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Literal, SupportsIndex, TypeVar, cast

from refold_async._core.checks import check_secret
from refold_async.errors import SettingsError

T = TypeVar("T")

KeySource = Callable[[], Awaitable[str]]
"""An async callable that returns the API key, e.g. from a secrets manager."""


class Secret(str):
    """A string that no repr shows, nor a slice of it: logs and tracebacks with locals cannot leak it."""

    __slots__ = ()

    # A plain `str` slice would show its part of the key in a traceback with locals.
    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))

    def __repr__(self) -> str:
        return "'***'"


def hide(value: T) -> T:
    """Return a string as a `Secret`, which no traceback with locals shows; other values as they are.

    A function that is given a secret replaces its argument first: an error further on shows all frames.
    """
    if not isinstance(value, str) or isinstance(value, Secret):
        return value
    # `str(value)` of an enum's member is its name (`Keys.TEST`).
    return cast("T", Secret(str.__str__(value)))


NO_SECRET: Final = Secret("")
"""The placeholder for a secret that is not known yet."""


class Credential:
    """An API key or a token, given directly or by a source.

    Args:
        kind: `"key"` for an API key, `"token"` for a session token or personal access token.
        source: The secret itself, or an async callable that returns it.

    Attributes:
        identity: Equal for two credentials that are the same one.

    Raises:
        SettingsError: If the secret is not a non-empty string that can be sent as a header.
    """

    __slots__ = ("_source", "identity", "kind")

    def __init__(self, kind: Literal["key", "token"], source: str | KeySource) -> None:
        source = hide(source)
        self.kind: Final = kind
        if not isinstance(source, str):
            if not callable(source):
                raise SettingsError(
                    f"{_NAMES[kind]} must be a string or an async callable, not {type(source).__name__}"
                )
            self._source: Secret | KeySource = source
        else:
            self._source = self._checked(source)
        # An unhashable source (e.g. a dataclass) would break the sessions' dict, so it equals only itself.
        self.identity: Final[Hashable] = (kind, self._source if isinstance(source, Hashable) else self)

    def __repr__(self) -> str:
        return f"Credential({self.kind!r}, ***)"

    @property
    def rotates(self) -> bool:
        """Whether the secret comes from a source, which may return another one next time."""
        return not isinstance(self._source, Secret)

    @property
    def fingerprint(self) -> str | None:
        """A hash of the secret, or `None` if that comes from a source."""
        if not isinstance(self._source, Secret):
            return None
        return hashlib.sha256(f"{self.kind}\0{self._source}".encode()).hexdigest()

    async def secret(self) -> Secret:
        """Return the secret, from its source if it has one.

        Raises:
            SettingsError: If the source raised, or returned something that cannot be a secret.
        """
        if isinstance(self._source, Secret):
            return self._source
        try:
            answer = hide(self._source())
            value = hide(await answer) if inspect.isawaitable(answer) else answer
        except Exception as error:
            # The source's own message is left out: it may quote the key.
            raise SettingsError(f"the {_NAMES[self.kind]} source raised {type(error).__name__}") from error
        return self._checked(value)

    def headers(self, secret: Secret) -> dict[str, str]:
        """Return the headers that carry the secret."""
        if self.kind == "key":
            return {"x-api-key": secret}
        return {"Authorization": Secret(f"Bearer {secret}")}

    def _checked(self, value: str) -> Secret:
        value = hide(value)
        return Secret(check_secret(_NAMES[self.kind], value))


_NAMES: Final = {"key": "api_key", "token": "token"}
