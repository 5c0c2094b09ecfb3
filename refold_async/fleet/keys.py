"""The clients of a shard: one, or one for each key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from refold_async._core.credentials import hide
from refold_async.errors import SettingsError

ClientSettings = Mapping[str, Any]
"""The keyword settings of a `Refold`."""

ClientOf = Callable[[str], ClientSettings]
"""Returns the settings of a customer's client, with its `api_key`."""

_IDENTITY: Final = ("api_key", "base_url")


class KeyGroup(NamedTuple):
    """What has one key in a shard.

    Attributes:
        settings: The settings of its client.
        items: The customers, or their calls or walks.
    """

    settings: dict[str, Any]
    items: Any


def group_by_key(client: ClientSettings | ClientOf, accounts: Sequence[str]) -> list[KeyGroup]:
    """Return the customers of each key: one group if all have the same settings.

    Raises:
        SettingsError: If a function of customers returns no settings.
    """
    if not callable(client):
        return [KeyGroup(dict(client), list(accounts))]
    groups: dict[Hashable, KeyGroup] = {}
    for account in accounts:
        settings = _settings_of(client, account)
        identity = tuple(
            value if isinstance(value := settings.get(name), Hashable) else id(value) for name in _IDENTITY
        )
        groups.setdefault(identity, KeyGroup(settings, [])).items.append(account)
    return list(groups.values())


def _settings_of(client: ClientOf, account: str) -> dict[str, Any]:
    given: object = client(account)
    if not isinstance(given, Mapping):
        # Not kept: it may be a key, and a traceback with locals shows it.
        kind, given = type(given).__name__, {}
        raise SettingsError(f"Job: client must return the settings of account {account!r}, not {kind}")
    return {name: hide(value) if name in _IDENTITY else value for name, value in given.items()}
