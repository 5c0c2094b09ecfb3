"""The rate limit that all processes of a key share, as users configure it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from refold_async._core.checks import check_choice, check_count, check_type
from refold_async._core.credentials import Secret
from refold_async.errors import SettingsError
from refold_async.fleet.shared_limiter import SharedLimiter
from refold_async.hooks import Hooks, listening
from refold_async.settings import RateLimit

WhenAway = Literal["share", "wait", "error"]

_SCHEMES: Final = ("redis", "rediss", "unix")


class SharedLimit:
    """A rate limit that all processes with one key share, in a Redis (6 or later) or Valkey.

    Pass the same `SharedLimit` as `rate_limit=` in every process.

    Args:
        url: The URL of the Redis, e.g. `redis://cache.internal/0`; `rediss://` for TLS.
        limit: The limit of all processes together.
        processes: How many processes there are at most. While Redis is away, each starts
            `per_second / processes` calls a second.
        name: What the limit is called in Redis; default: a hash of the base URL and the key. Required if the
            key comes from a callable.
        when_away: What to do while Redis is away or does not answer within 250 ms: `"share"` continues with
            this process's share, `"wait"` starts no calls, `"error"` fails them as not sent.
        hooks: Whose `on_rate_limit` is called with whether the rate is `shared` or this process's `share`.

    Raises:
        SettingsError: If a setting cannot work, or the package `redis` is missing.
    """

    __slots__ = ("_hooks", "_limit", "_name", "_processes", "_url", "_when_away")

    def __init__(
        self,
        url: str,
        limit: RateLimit,
        *,
        processes: int,
        name: str | None = None,
        when_away: WhenAway = "share",
        hooks: Hooks | Sequence[Hooks] | None = None,
    ) -> None:
        if not isinstance(url, str) or urlsplit(url).scheme not in _SCHEMES:
            # The URL itself is not shown: it may contain a password.
            raise SettingsError("SharedLimit: url must be a redis://, rediss:// or unix:// URL")
        check_type("SharedLimit: limit", limit, RateLimit)
        check_count("SharedLimit: processes", processes)
        if name is not None and not (isinstance(name, str) and name):
            raise SettingsError(f"SharedLimit: name must be a non-empty string, not {name!r}")
        check_choice("SharedLimit: when_away", when_away, get_args(WhenAway))
        _import_redis()
        self._url = Secret(url)
        self._limit = limit
        self._processes = processes
        self._name = name
        self._when_away: WhenAway = when_away
        self._hooks = listening(hooks)

    def __repr__(self) -> str:
        return f"SharedLimit({self._limit!r}, processes={self._processes}, when_away={self._when_away!r})"

    def open(self, base_url: str, identity: str | None) -> SharedLimiter:
        """Return the rate limiter of a new session; see `RateLimiterFactory`.

        Raises:
            SettingsError: If the key comes from a callable, and there is no `name`.
        """
        name = self._name
        if name is None:
            if identity is None:
                raise SettingsError(
                    "SharedLimit: the API key comes from a callable: pass name=, the same in every process"
                )
            name = hashlib.sha256(f"{base_url}\0{identity}".encode()).hexdigest()[:32]
        from refold_async.fleet.reservations import RedisReservations  # noqa: PLC0415 - needs the extra

        return SharedLimiter(
            RedisReservations(self._url, f"refold:rate:{name}", self._limit, self._processes),
            self._limit,
            self._processes,
            when_away=self._when_away,
            server=base_url,
            hooks=self._hooks,
        )


def _import_redis() -> None:
    """Import the extra when the limit is constructed: within a call, it would block the event loop."""
    try:
        import refold_async.fleet.reservations  # noqa: F401, PLC0415 - needs the extra
    except ImportError as error:
        raise SettingsError("SharedLimit needs redis: pip install 'refold-async[redis]'") from error
