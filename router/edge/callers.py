"""Who calls, and how often: the address behind trusted proxies, and the count of new sockets from it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from router.net.guard import is_public

_WINDOW_S: Final = 60.0
_MOST_HOPS: Final = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Callers:
    """``per_minute``: new sockets from one public address. Private addresses are not counted: they are proxies nearly
    always, and then all visitors have the same one. ``trusted``: addresses and networks whose X-Forwarded-For counts.
    """

    def __init__(self, per_minute: int, trusted: Sequence[str] = ()) -> None:
        self._per_minute = per_minute
        self._trusted: list[Network] = [ipaddress.ip_network(each, strict=False) for each in trusted]
        self._counts: Counter[str] = Counter()
        self._until = 0.0

    def address_of(self, request: web.BaseRequest) -> str | None:
        """The address of whoever calls: the last one that no trusted proxy has added itself."""
        address = request.remote
        if not self._trusted or address is None or not self._trusts(address):
            return address
        forwarded = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        for hop in reversed(forwarded[-_MOST_HOPS:]):
            if not _is_address(hop):
                break
            address = hop
            if not self._trusts(hop):
                break
        return address

    def admits(self, address: str | None, now: float) -> bool:
        """Whether another socket from there may be opened, ``now`` in seconds of any steady clock."""
        if now >= self._until:
            self._counts.clear()
            self._until = now + _WINDOW_S
        if address is None or not is_public(address):
            return True
        self._counts[address] += 1
        return self._counts[address] <= self._per_minute

    def _trusts(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
