"""The settings of a client, checked where they are given."""

from __future__ import annotations

import inspect
import math
import os
import ssl as ssl_module
import warnings
from collections.abc import Sequence
from typing import Final, Literal, TypedDict
from urllib.parse import urlsplit

import msgspec
from yarl import URL

from refold_async._core.checks import (
    check_count,
    check_seconds,
    check_timeout,
    check_type,
    check_url,
    is_number,
    no_url,
)
from refold_async._core.credentials import Secret
from refold_async.errors import (
    SettingsError,
)
from refold_async.hooks import Hooks


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How failed calls are tried again.

    The wait before try n + 1 is drawn evenly from 0 to `min(cap, base * 2 ** (n - 1))`
    seconds, and is never shorter than the `Retry-After` of the answer.

    Args:
        attempts: Tries of one call at most, the first included; 1 turns retries off.
        base: Seconds, the bound of the first wait.
        cap: Seconds, the bound of any wait.
        attempt_timeout: Seconds after which a *read* that got no answer is given up and tried
            again; a write is never given up before the call's deadline.
        budget: What the retries of one session may draw: each costs 14, or 5 after a 429; a
            success at the first try gives back 1, one after a retry what that retry cost.
        throttled_writes: Whether a 429 of Refold's own says that a write was not done, so that it is
            tried again; else it is not, and its fate is `unknown`.

    Raises:
        SettingsError: A number is out of its range.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 20.0
    attempt_timeout: float = 30.0
    budget: int = 500
    throttled_writes: bool = True

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work."""
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
        per_second: Calls a second, over time.
        burst: Calls that may start in the same instant.

    Raises:
        SettingsError: A number is not finite, `per_second` is not above 0, or `burst` is below 1.
    """

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that no limit can have."""
        rate = self.per_second
        if not (is_number(rate) and rate > 0 and math.isfinite(rate) and math.isfinite(1 / rate)):
            raise SettingsError(f"RateLimit: per_second must be a number above 0, not {rate!r}")
        check_count("RateLimit: burst", self.burst)


HOSTED_LIMIT: Final = RateLimit(20, burst=5)
"""The limit that the hosted service documents."""


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """How action lists and schemas are kept.

    Args:
        lifetime: Seconds for which an answer serves; default 300.
        size: Answers kept at most, the least recently used going first; default 1,000.

    Raises:
        SettingsError: A number is out of its range.
    """

    lifetime: float = 300.0
    size: int = 1000

    def __post_init__(self) -> None:
        """Refuse numbers that cannot work."""
        check_seconds("Cache: lifetime", self.lifetime)
        check_count("Cache: size", self.size)


HOSTED: Final = "https://app.refold.ai"
"""The base URL of the hosted service."""

DEFAULT_TIMEOUT: Final = 60.0
DEFAULT_MAX_CONNECTIONS: Final = 100
DEFAULT_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024


class Options(TypedDict, total=False):
    """The keyword settings of `Refold`, `SessionManager` and `Account.from_token`.

    Keys:
        base_url: Where Refold is; default: `REFOLD_BASE_URL`, else the hosted service.
        timeout: Seconds, one deadline for a whole call with its waits and retries; default 60.
            `math.inf` for none.
        retry: How failed calls are tried again; default `Retry()`.
        rate_limit: A `RateLimit`, `None` for no limit, or `"auto"` (default): 20 a second with a
            burst of 5 against the hosted service, none elsewhere.
        max_connections: Calls under way at once for each credential; default 100.
        max_response_bytes: The largest answer that is read, also once decompressed; default 64 MiB.
        ssl: `True` (default) verifies by the system's authorities; an `ssl.SSLContext` of your own;
            `False` verifies nothing, and warns.
        proxy: An `http://` proxy's URL; default none.
        trust_env: Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are heeded; default no.
        cache: A `Cache` for action lists and schemas; default none.
        hooks: One `Hooks`, or several, called as calls go on; default none.
    """

    base_url: str | None
    timeout: float
    retry: Retry
    rate_limit: RateLimit | Literal["auto"] | None
    max_connections: int
    max_response_bytes: int
    ssl: bool | ssl_module.SSLContext
    proxy: str | None
    trust_env: bool
    cache: Cache | None
    hooks: Hooks | Sequence[Hooks] | None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that were checked; see `Options` for what each means.

    Raises:
        SettingsError: A setting cannot work; its message says which, and why.
    """

    base_url: str | None = None
    timeout: float = DEFAULT_TIMEOUT
    retry: Retry = Retry()
    rate_limit: RateLimit | Literal["auto"] | None = "auto"
    max_connections: int = DEFAULT_MAX_CONNECTIONS
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    ssl: bool | ssl_module.SSLContext = True
    proxy: str | None = None
    trust_env: bool = False
    cache: Cache | None = None
    hooks: Hooks | Sequence[Hooks] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, in words."""
        check_timeout(self.timeout)
        check_count("max_connections", self.max_connections)
        check_count("max_response_bytes", self.max_response_bytes)
        check_type("retry", self.retry, Retry)
        check_type("trust_env", self.trust_env, bool)
        _check_ssl(self.ssl)
        if self.rate_limit is not None and self.rate_limit != "auto":
            check_type("rate_limit", self.rate_limit, RateLimit)
        if self.hooks is not None:
            _check_hooks(self.hooks)
        if self.cache is not None:
            check_type("cache", self.cache, Cache)
        if self.proxy is not None:
            check_url("proxy", self.proxy, credentials=True)
            if "@" in self.proxy:
                msgspec.structs.force_setattr(self, "proxy", Secret(self.proxy))

    def limit_for(self, base_url: str) -> RateLimit | None:
        """Give the rate limit that holds against a base URL."""
        if self.rate_limit == "auto":
            return HOSTED_LIMIT if urlsplit(base_url).hostname == urlsplit(HOSTED).hostname else None
        return self.rate_limit


def resolve_base_url(given: str | None) -> str:
    """Give the base URL to call: the given one, else `REFOLD_BASE_URL`, else the hosted one.

    It is written as it goes over the wire: the host in ASCII (IDNA), the path with `%` escapes.

    Raises:
        SettingsError: It is no http or https URL, or holds credentials, a query or a fragment.
    """
    name, url = ("base_url", given) if given is not None else ("REFOLD_BASE_URL", _base_url_around())
    check_url(name, url, credentials=False)
    try:
        return str(URL(url)).rstrip("/")
    except ValueError:
        raise no_url(name) from None


def _base_url_around() -> str:
    return os.environ.get("REFOLD_BASE_URL") or HOSTED


def resolve_api_key() -> str:
    """Give the API key of the environment.

    Raises:
        SettingsError: `REFOLD_API_KEY` is not set, or has white space around it.
    """
    key = os.environ.get("REFOLD_API_KEY")
    if not key:
        raise SettingsError("no API key: pass one to Refold(...), or set REFOLD_API_KEY")
    if key != key.strip():
        raise SettingsError("REFOLD_API_KEY starts or ends with white space, or a line break")
    return key


def _check_hooks(value: Hooks | Sequence[Hooks]) -> None:
    for listener in value if isinstance(value, Sequence) else (value,):
        check_type("hooks", listener, Hooks)
        for name in dir(Hooks):
            if name.startswith("on_") and inspect.iscoroutinefunction(getattr(listener, name)):
                raise SettingsError(
                    f"{type(listener).__name__}.{name} must be a plain function, which nobody awaits"
                )


def _check_ssl(value: object) -> None:
    if not isinstance(value, bool | ssl_module.SSLContext):
        raise SettingsError(f"ssl must be True, False or an SSLContext, not {type(value).__name__}")
    if value is False:
        warnings.warn(
            "ssl=False: certificates are not verified, and whoever sits in between can read the API key",
            stacklevel=5,
        )
