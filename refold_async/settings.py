"""The settings of a client, checked when they are constructed."""

from __future__ import annotations

import inspect
import math
import os
import ssl as ssl_module
import warnings
from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypedDict, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from yarl import URL

from refold_async._core.checks import (
    check_count,
    check_seconds,
    check_timeout,
    check_type,
    check_url,
    invalid_url,
    is_number,
)
from refold_async._core.credentials import Secret, hide
from refold_async.errors import SettingsError
from refold_async.hooks import Hooks

T = TypeVar("T")


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How failed calls are retried: exponential backoff with full jitter.

    The wait after attempt n is random between 0 and `min(cap, base * 2 ** (n - 1))` seconds, and never
    shorter than the response's `Retry-After`.

    Args:
        attempts: The most attempts of one call, including the first; 1 turns retries off.
        base: The longest first wait, in seconds.
        cap: The longest wait, in seconds.
        attempt_timeout: Seconds after which a *read* without a response is retried; a write waits until the
            call's deadline.
        budget: The retry budget of a session: each retry costs 14, or 5 after a 429; a first attempt that
            succeeds refunds 1, a retry that succeeds refunds its cost.
        throttled_writes: Whether a 429 from Refold itself proves that a write was not done, so that it is
            retried; if false, it is not, and its fate is `unknown`.

    Raises:
        SettingsError: If a value is out of range.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 20.0
    attempt_timeout: float = 30.0
    budget: int = 500
    throttled_writes: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        check_count("Retry: attempts", self.attempts)
        check_count("Retry: budget", self.budget, least=0)
        for name in ("base", "cap"):
            value = getattr(self, name)
            if not (is_number(value) and math.isfinite(value) and value >= 0):
                raise SettingsError(f"Retry: {name} must be a finite number of at least 0, not {value!r}")
        check_seconds("Retry: attempt_timeout", self.attempt_timeout)
        if not isinstance(self.throttled_writes, bool):
            raise SettingsError(
                f"Retry: throttled_writes must be True or False, not {self.throttled_writes!r}"
            )


class RateLimit(msgspec.Struct, frozen=True):
    """How many calls a credential may start.

    Args:
        per_second: Calls per second, on average.
        burst: Calls that may start at once. Without it, calls are evenly spaced, and up to three that start
            late are made up for, so the service must allow a burst of 5; `burst=1` makes up for none.

    Raises:
        SettingsError: If `per_second` is not a finite positive number, or `burst` is below 1.
    """

    per_second: float
    burst: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        rate = self.per_second
        if not (is_number(rate) and rate > 0 and math.isfinite(rate) and math.isfinite(1 / rate)):
            raise SettingsError(f"RateLimit: per_second must be a positive number, not {rate!r}")
        if self.burst is not None:
            check_count("RateLimit: burst", self.burst)


class RateLimiter(Protocol):
    """Decides when the calls of one session may start; the SDK's own is a token bucket in the process."""

    def try_acquire(self) -> bool:
        """Acquire a slot without waiting; return false if that is not possible."""
        ...

    async def acquire(self, deadline: float) -> None:
        """Wait for a slot, in order of arrival; a cancelled waiter uses none.

        Args:
            deadline: When to give up, by the event loop's clock; `math.inf` for never.

        Raises:
            DeadlineExceededError: If the deadline cannot be met; `retry_after` is the wait.
        """

    def delay(self) -> float:
        """Return the seconds until the next slot, not counting those who wait for one."""
        ...

    def pause(self, seconds: float) -> None:
        """Hold all calls back, as the service requested."""

    def on_response(self, throttled: bool) -> None:  # noqa: FBT001 - one argument, which its name explains
        """Learn from a response: whether it was a 429 of Refold itself."""

    async def aclose(self) -> None:
        """Release what the limiter holds. Idempotent."""


class RateLimiterFactory(Protocol):
    """Opens rate limiters, e.g. `refold_async.fleet.SharedLimit`."""

    def open(self, base_url: str, identity: str | None) -> RateLimiter:
        """Return the rate limiter of a new session.

        Args:
            base_url: Where the calls go.
            identity: A hash of the API key or token; `None` if that comes from a callable.
        """
        ...


HOSTED_LIMIT: Final = RateLimit(20, burst=5)
"""The limit that the hosted service documents."""


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """How action lists and schemas are cached.

    Args:
        lifetime: Seconds that an entry is valid; default 300.
        size: The most entries; the least recently used is evicted first; default 1,000.

    Raises:
        SettingsError: If a value is out of range.
    """

    lifetime: float = 300.0
    size: int = 1000

    def __post_init__(self) -> None:
        """Check the values."""
        check_seconds("Cache: lifetime", self.lifetime)
        check_count("Cache: size", self.size)


HOSTED: Final = "https://app.refold.ai"
"""The base URL of the hosted service."""

DEFAULT_TIMEOUT: Final = 60.0
DEFAULT_MAX_CONNECTIONS: Final = 100
DEFAULT_MAX_CONNECTION_AGE: Final = 300.0
DEFAULT_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024


class Options(TypedDict, total=False):
    """The keyword settings of `Refold`, `SessionManager` and `Account.from_token`.

    Keys:
        base_url: The URL of Refold; default: `REFOLD_BASE_URL`, else the hosted service.
        timeout: Seconds for a whole call, including waits and retries; default 60. `math.inf` for none.
        retry: How failed calls are retried; default `Retry()`.
        rate_limit: A `RateLimit`; `None` for no limit; a `RateLimiterFactory`, e.g. a `SharedLimit`; or
            `"auto"` (default): 20 per second with a burst of 5 for the hosted service, learnt from 429s
            for other servers.
        max_connections: Concurrent requests per credential; default 100.
        max_connection_age: Seconds after which a connection is replaced by a new one, give or take a fifth,
            so that a busy client follows DNS; default 300. `math.inf` for never.
        max_response_bytes: The largest response that is read, before and after decompression; default
            64 MiB.
        ssl: `True` (default) verifies certificates with the system's authorities; an `ssl.SSLContext`;
            `False` verifies nothing, and warns.
        proxy: The URL of an `http://` proxy; default none.
        trust_env: Whether to use `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; default no.
        cache: A `Cache` for action lists and schemas; default none.
        hooks: One `Hooks` or several; default none.
    """

    base_url: str | None
    timeout: float
    retry: Retry
    rate_limit: RateLimit | RateLimiterFactory | Literal["auto"] | None
    max_connections: int
    max_connection_age: float
    max_response_bytes: int
    ssl: bool | ssl_module.SSLContext
    proxy: str | None
    trust_env: bool
    cache: Cache | None
    hooks: Hooks | Sequence[Hooks] | None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Checked settings; see `Options` for what each means.

    Raises:
        SettingsError: If a setting cannot work; the message says which, and why.
    """

    base_url: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    retry: Retry = Retry()
    rate_limit: RateLimit | RateLimiterFactory | Literal["auto"] | None = "auto"
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    max_connection_age: float = DEFAULT_MAX_CONNECTION_AGE
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    ssl: bool | ssl_module.SSLContext = True
    proxy: str | None = None
    trust_env: bool = False
    cache: Cache | None = None
    hooks: Hooks | Sequence[Hooks] | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        # First: any error below shows `self`.
        for name in ("base_url", "proxy"):
            msgspec.structs.force_setattr(self, name, hide_login(getattr(self, name)))
        check_timeout(self.timeout)
        check_count("max_connections", self.max_connections)
        check_seconds("max_connection_age", self.max_connection_age)
        check_count("max_response_bytes", self.max_response_bytes)
        check_type("retry", self.retry, Retry)
        check_type("trust_env", self.trust_env, bool)
        _check_ssl(self.ssl)
        if not (self.rate_limit is None or self.rate_limit == "auto" or self.limiter_factory is not None):
            check_type("rate_limit", self.rate_limit, RateLimit)
        if self.hooks is not None:
            _check_hooks(self.hooks)
        if self.cache is not None:
            check_type("cache", self.cache, Cache)
        if self.proxy is not None:
            check_url("proxy", self.proxy, credentials=True)

    @property
    def limiter_factory(self) -> RateLimiterFactory | None:
        """What opens the rate limiters, if that is not the SDK itself."""
        given = self.rate_limit
        return None if isinstance(given, RateLimit | str) or not hasattr(given, "open") else given

    def limit_for(self, base_url: str) -> RateLimit | None:
        """Return the rate limit for a base URL, if it is known."""
        if isinstance(self.rate_limit, RateLimit):
            return self.rate_limit
        hosted = urlsplit(base_url).hostname == urlsplit(HOSTED).hostname
        return HOSTED_LIMIT if self.rate_limit == "auto" and hosted else None

    def learns_for(self, base_url: str) -> bool:
        """Whether the rate limit for a base URL is to be learnt."""
        return self.rate_limit == "auto" and self.limit_for(base_url) is None


def hide_login(url: T) -> T:
    """Return a URL as a `Secret` if it may contain a password; other values as they are."""
    if not isinstance(url, str) or isinstance(url, Secret):
        return url
    plain = str.__str__(url)  # aiohttp takes no member of an enum
    return cast("T", hide(plain) if "@" in plain else plain)


def hide_logins(options: Options) -> None:
    """Replace URLs that may contain a password in a client's keyword arguments."""
    if "base_url" in options:
        options["base_url"] = hide_login(options["base_url"])
    if "proxy" in options:
        options["proxy"] = hide_login(options["proxy"])


def resolve_base_url(given: str | None) -> str:
    """Return the base URL: the given one, else `REFOLD_BASE_URL`, else the hosted one.

    It is returned as it is sent: the host in ASCII (IDNA), the path percent-encoded.

    Raises:
        SettingsError: If it is not an http or https URL, or contains credentials, a query or a fragment.
    """
    given = hide_login(given)
    name, url = ("base_url", given) if given is not None else ("REFOLD_BASE_URL", _environment_base_url())
    check_url(name, url, credentials=False)
    try:
        return str(URL(url)).rstrip("/")
    except ValueError:
        raise invalid_url(name) from None


def _environment_base_url() -> str:
    return hide_login(os.environ.get("REFOLD_BASE_URL")) or HOSTED


def resolve_api_key() -> str:
    """Return the API key of the environment.

    Raises:
        SettingsError: If `REFOLD_API_KEY` is not set, or has whitespace around it.
    """
    key = hide(os.environ.get("REFOLD_API_KEY"))
    if not key:
        raise SettingsError("no API key: pass one to Refold(...), or set REFOLD_API_KEY")
    if key != key.strip():
        raise SettingsError("REFOLD_API_KEY starts or ends with whitespace or a line break")
    return key


def _check_hooks(value: Hooks | Sequence[Hooks]) -> None:
    for hook in value if isinstance(value, Sequence) else (value,):
        check_type("hooks", hook, Hooks)
        for name in dir(Hooks):
            if name.startswith("on_") and inspect.iscoroutinefunction(getattr(hook, name)):
                raise SettingsError(
                    f"{type(hook).__name__}.{name} must be a plain function: hooks are not awaited"
                )


def _check_ssl(value: object) -> None:
    if not isinstance(value, bool | ssl_module.SSLContext):
        raise SettingsError(f"ssl must be True, False or an SSLContext, not {type(value).__name__}")
    if value is False:
        warnings.warn(
            "ssl=False: certificates are not verified, so anyone on the network path can read the API key",
            # The caller's line: through Settings.__post_init__, its __init__, SessionManager and Refold.
            stacklevel=5,
        )
