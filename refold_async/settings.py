"""The settings of a client, checked where they are given."""

from __future__ import annotations

import inspect
import os
import ssl as ssl_module
import warnings
from collections.abc import Sequence
from typing import Final, Literal, TypedDict
from urllib.parse import urlsplit

import msgspec
from yarl import URL

from refold_async.caching import Cache
from refold_async.checks import check_count, check_seconds
from refold_async.credentials import Secret
from refold_async.errors import SettingsError
from refold_async.hooks import Hooks
from refold_async.pacing import HOSTED_LIMIT, RateLimit
from refold_async.retries import Retry

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
        _check_type("retry", self.retry, Retry)
        _check_type("trust_env", self.trust_env, bool)
        _check_ssl(self.ssl)
        if self.rate_limit is not None and self.rate_limit != "auto":
            _check_type("rate_limit", self.rate_limit, RateLimit)
        if self.hooks is not None:
            _check_hooks(self.hooks)
        if self.cache is not None:
            _check_type("cache", self.cache, Cache)
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
        raise _no_url(name) from None


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


def check_timeout(seconds: float) -> float:
    """Give a time-out back if it is a number above 0; `math.inf` is one.

    Raises:
        SettingsError: It is not.
    """
    return check_seconds("timeout", seconds)


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise SettingsError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def _check_hooks(value: Hooks | Sequence[Hooks]) -> None:
    for listener in value if isinstance(value, Sequence) else (value,):
        _check_type("hooks", listener, Hooks)
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


def check_url(name: str, url: str, *, credentials: bool) -> None:
    """Refuse what is no URL of a server.

    Args:
        name: What it is the URL of, as the message names it.
        url: What was given.
        credentials: Whether it may hold a user name and a password.

    Raises:
        SettingsError: It cannot be used; the message does not repeat it.
    """
    _check_type(name, url, str)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or any(c.isspace() or not c.isprintable() for c in url)
    ):
        raise _no_url(name)
    if parts.query or parts.fragment:
        raise SettingsError(f"{name} may hold no query and no fragment")
    if not credentials and (parts.username is not None or parts.password is not None):
        raise SettingsError(f"{name} may hold no user name and no password")


def _no_url(name: str) -> SettingsError:
    return SettingsError(f"{name} must be an http:// or https:// URL with a host")
