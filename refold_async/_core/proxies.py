"""Which proxy a base URL is reached through: the setting's, or the environment's with `trust_env`.

An entry of `NO_PROXY` excludes the host of its name and the hosts below it (`example.com`, `.example.com`),
an address (`10.0.0.1`, `::1`, `[::1]`), or a network (`10.0.0.0/8`, `fc00::/7`), each at one port if it names
one; `*` excludes all.
"""

from __future__ import annotations

import contextlib
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from refold_async._core.checks import check_url
from refold_async._core.credentials import Secret
from refold_async.settings import Settings


def proxy_for(base_url: str, settings: Settings) -> str | None:
    """Return the URL of the proxy for a base URL, or `None`.

    The environment is read only with `trust_env`.

    Raises:
        SettingsError: If the environment's proxy cannot be used.
    """
    # Read here, as aiohttp's own `trust_env` also reads netrc, and sends its password instead of the token.
    if settings.proxy is not None or not settings.trust_env:
        return settings.proxy
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.hostname is None or _excluded(parts.hostname, port, parts.netloc):
        return None
    proxy = _from_environment(parts.scheme)
    if proxy is not None:
        check_url(f"the environment's proxy for {parts.scheme}", proxy, credentials=True)
    return proxy


def _from_environment(scheme: str) -> Secret | None:
    """Return the environment's proxy; like curl's, one without a scheme is an `http://` one."""
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy:
        return None
    return Secret(proxy if "://" in proxy else f"http://{proxy}")


def _excluded(host: str, port: int, netloc: str) -> bool:
    # `proxy_bypass` knows the settings of macOS and Windows too, but no networks and no bare IPv6 addresses.
    return excludes(getproxies().get("no", ""), host, port) or bool(proxy_bypass(netloc))


def excludes(no_proxy: str, host: str, port: int) -> bool:
    """Whether a value of `NO_PROXY` excludes a host.

    Args:
        no_proxy: The value; an entry that is malformed excludes nothing.
        host: The name or address, without brackets.
        port: The port.
    """
    addresses = _addresses(host)
    for entry in filter(None, re.split(r"[,\s]+", no_proxy)):
        name, only = _split(entry)
        if only not in {None, port}:
            continue
        if name == "*" or (_holds(name, addresses) if addresses else _is_below(host, name)):
            return True
    return False


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    """Return the address that a host is, and the IPv4 address that it maps; nothing for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return []
    mapped = getattr(address, "ipv4_mapped", None)
    return [address] if mapped is None else [address, mapped]


_WITH_PORT = re.compile(r"\[(?P<six>.*)\](?::(?P<port>\d{1,5}))?|(?P<name>[^:]*):(?P<number>\d{1,5})")


def _split(entry: str) -> tuple[str, int | None]:
    """Return the name or network of an entry, and its port if it names one."""
    found = _WITH_PORT.fullmatch(entry)
    if found is None:
        return entry.replace("[", "").replace("]", ""), None
    port = found["port"] or found["number"]
    return found["six"] or found["name"] or "", None if port is None else int(port)


def _holds(name: str, addresses: list[IPv4Address | IPv6Address]) -> bool:
    with contextlib.suppress(ValueError):
        network = ip_network(name, strict=False)
        return any(address in network for address in addresses)
    return False


def _is_below(host: str, name: str) -> bool:
    host, name = host.lower().rstrip("."), name.lower().lstrip("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
