"""Which pages may talk to us: the ``Origin`` that browsers set and scripts cannot forge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit


def allowed(origins: Sequence[str], headers: Mapping[str, str]) -> bool:
    """May this page use the chat? ``headers`` with lower-case names.

    A listed origin, or the very host that is asked. A missing or ``null`` origin (a program, a sandboxed frame)
    only where ``*`` was said.
    """
    if "*" in origins:
        return True
    origin = headers.get("origin", "").lower()
    return origin in origins or _same_host(origin, headers.get("host", ""))


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that let an admitted page of another origin read the answer. No cookies are involved."""
    origin = headers.get("origin")
    return {"Vary": "Origin"} | ({"Access-Control-Allow-Origin": origin} if origin else {})


def _same_host(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host.lower()
