"""Where the service listens."""

from __future__ import annotations

from collections.abc import Set

from router.settings.sections import Settings

ROLES = ("edge", "worker", "api")
_PORTS = {frozenset({"api"}): 8081, frozenset({"worker"}): 8082}


def listen_address(text: str) -> tuple[str, int] | None:
    """Host and port; a socket's path and 0 for ``unix:/path``; None when it is neither."""
    if text.startswith("unix:") and len(text) > 5:
        return text, 0
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65_535:
        return None
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    return (host or "0.0.0.0", int(port)) if ":" not in host else None


def address(settings: Settings, roles: Set[str]) -> tuple[str, int]:
    """Host and port for a process with these roles; ``("unix:/path", 0)`` for a socket."""
    given = settings.http.listen and listen_address(settings.http.listen)
    return given or ("127.0.0.1", _PORTS.get(frozenset(roles), 8080))
