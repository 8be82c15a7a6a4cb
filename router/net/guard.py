"""The guard against being sent to our own network: names are resolved once, every address is checked, and the
connection goes to an address that was checked. There is no second look-up that could answer otherwise (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORBIDDEN: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_V6: Final = ipaddress.ip_network("2000::/3")
_FORBIDDEN_V6: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo (2001::/32) and ORCHID among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address that is not looked at
        "3fff::/20",
    )
)
_PORTS: Final = frozenset({80, 443})


class Forbidden(OSError):
    """The address is in a network that outside URLs must not reach."""


class UrlRefused(ValueError):
    """The URL cannot be one of a public endpoint; the message says why."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet. Mapped, tunnelled and translated IPv4 addresses are not."""
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _FORBIDDEN)
    # Only global unicast is let through: so v4-mapped, NAT64, ULA, link-local, loopback and multicast are out.
    return found in _GLOBAL_V6 and not any(found in network for network in _FORBIDDEN_V6)


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Raises UrlRefused unless it is https on the usual port, without a login, and no address of a private network."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(f"this is no URL: {error}") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise UrlRefused("the URL must begin with https://")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise UrlRefused("the URL needs a host, and no login in it")
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or len(url) > 2_000:
        raise UrlRefused("the URL has spaces or control characters, or is longer than 2,000 characters")
    if not allow_private:
        _check_host(parts.hostname, port)


def _check_host(host: str, port: int | None) -> None:
    if port is not None and port not in _PORTS:
        raise UrlRefused("only the ports 443 and 80 are allowed")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise UrlRefused("this is a host of a private network")
    if _looks_numeric(host) and not is_public(host):
        raise UrlRefused("this is an address of a private network, or not written in the usual form")


def _looks_numeric(host: str) -> bool:
    # 127.1, 0x7f000001 and 017700000001 are addresses to some resolvers.
    return ":" in host or host.rsplit(".", 1)[-1].lower().removeprefix("0x").isdigit() or host.lower().startswith("0x")


class GuardedResolver(AbstractResolver):
    """Resolves like the one within, and refuses a name when any of its addresses is not public."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses. Raises Forbidden."""
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(one["host"]) for one in found):
            raise Forbidden("the name leads into a private network")
        return found

    async def close(self) -> None:
        """Closes the one within."""
        await self._inner.close()


def _guarded_socket(info: Any) -> socket.socket:
    """Called with the very address about to be connected to: a literal, which no resolver saw, is caught here."""
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise Forbidden("the address is in a private network")
    found = socket.socket(family, kind, protocol)
    found.setblocking(False)
    return found


def connector(
    *, allow_private: bool = False, resolver: AbstractResolver | None = None, limit: int = 100
) -> aiohttp.TCPConnector:
    """A connector for URLs that others chose. ``allow_private`` is for development and tests."""
    if allow_private:
        return aiohttp.TCPConnector(limit=limit, resolver=resolver)
    return aiohttp.TCPConnector(
        limit=limit, resolver=GuardedResolver(resolver), use_dns_cache=False, socket_factory=_guarded_socket
    )


def session(*, allow_private: bool = False, timeout_s: float = 15.0, limit: int = 100) -> aiohttp.ClientSession:
    """A session over a guarded connector, without cookies; callers pass ``allow_redirects=False``."""
    return aiohttp.ClientSession(
        connector=connector(allow_private=allow_private, limit=limit),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout_s, connect=min(10.0, timeout_s)),
        auto_decompress=False,
    )
