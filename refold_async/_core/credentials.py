"""What proves to Refold who calls: an API key, or a session token."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Literal, SupportsIndex

from refold_async.errors import SettingsError

KeySource = Callable[[], Awaitable[str]]
"""An async callable that gives the API key: a secrets manager, a rotation."""


class Secret(str):
    """A text that no repr shows, nor that of a part, and so neither a log nor a traceback with locals."""

    __slots__ = ()

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))

    def __repr__(self) -> str:
        return "'***'"


NO_SECRET: Final = Secret("")
"""What stands for a secret that is not known yet."""


class Credential:
    """An API key or a token, given or asked for.

    Args:
        kind: `"key"` for an API key, `"token"` for a session token or personal access token.
        source: The secret itself, or an async callable that gives it.

    Attributes:
        identity: What two credentials share where they are the same one.

    Raises:
        SettingsError: The secret is no text, empty, or cannot stand in a header.
    """

    __slots__ = ("_source", "identity", "kind")

    def __init__(self, kind: Literal["key", "token"], source: str | KeySource) -> None:
        self.kind: Final = kind
        if not isinstance(source, str):
            if not callable(source):
                raise SettingsError(
                    f"{_NAMES[kind]} must be a text or an async callable, not {type(source).__name__}"
                )
            self._source: Secret | KeySource = source
        else:
            self._source = self._checked(source)
        # A source that cannot be hashed, as a dataclass, is the same as no other credential's.
        self.identity: Final[Hashable] = (kind, self._source if isinstance(source, Hashable) else self)

    def __repr__(self) -> str:
        return f"Credential({self.kind!r}, ***)"

    @property
    def rotates(self) -> bool:
        """Whether the secret is asked for, and may be another one next time."""
        return not isinstance(self._source, Secret)

    async def secret(self) -> Secret:
        """Give the secret, asking its source where it has one.

        Raises:
            SettingsError: The source failed, or gave what is no secret.
        """
        if isinstance(self._source, Secret):
            return self._source
        try:
            answer = self._source()
            value = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            raise SettingsError(
                f"the source of the {_NAMES[self.kind]} failed with {type(error).__name__}"
            ) from error
        return self._checked(value)

    def headers(self, secret: Secret) -> dict[str, str]:
        """Give the headers that carry the secret."""
        if self.kind == "key":
            return {"x-api-key": secret}
        return {"Authorization": Secret(f"Bearer {secret}")}

    def _checked(self, value: str) -> Secret:
        name = _NAMES[self.kind]
        if not isinstance(value, str):
            raise SettingsError(f"{name} must be a text, not {type(value).__name__}")
        if not value.strip():
            raise SettingsError(f"{name} is empty")
        if value != value.strip() or not value.isascii() or not value.isprintable() or " " in value:
            raise SettingsError(
                f"{name} holds a character that cannot be in it: white space, a line break, or no ASCII"
            )
        return Secret(value)


_NAMES: Final = {"key": "api_key", "token": "token"}
