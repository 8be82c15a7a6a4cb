"""HTTP as values: what came in, and what goes out. Connectors are functions of these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec


class Request(msgspec.Struct, frozen=True):
    """A request on a connector's path, body already read and limited; nothing is decoded.

    ``path`` is what follows ``/in/<account>`` (empty, or beginning with ``/``). ``headers`` is asked with
    lower-case names; of a repeated header it gives the first. ``url`` is the public URL as configured, with the query:
    what a provider signed, whatever the proxy in between did.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    url: str
    remote: str | None = None
    supplied: Mapping[str, bytes] = {}
    """What the host has of the connector's supplies, by name."""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path!r}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True):
    """What the host answers. The default is an empty 200."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}


class ProviderRequest(msgspec.Struct, frozen=True):
    """One HTTP call to a provider. ``secret_headers`` are sent and never logged.

    ``covers``: how many of the message's pieces (see :func:`connectors.api.Connector.render`) this call says.
    ``uses_token``: it spends the reply token.
    """

    method: str
    url: str
    headers: Mapping[str, str] = {}
    secret_headers: Mapping[str, str] = {}
    body: bytes = b""
    covers: int = 1
    uses_token: bool = False
    idempotent: bool = False
    """A repeat with the same key does nothing twice at the provider, so an unclear outcome may be sent again."""
    timeout_s: float = 15.0
    memo: Any = None
    """The connector's own note for ``interpret``; sent to nobody."""
    secret_part: str = ""
    """What in ``url`` is a secret (a token in the path): shown as stars."""
    needs: tuple[str, ...] = ()
    """Supplies that ``authorise`` puts into it; they are fetched before it is made."""

    def __repr__(self) -> str:
        # Neither headers, body nor query: they hold tokens and what people wrote.
        shown = self.url.partition("?")[0]
        if self.secret_part:
            shown = shown.replace(self.secret_part, "***")
        return f"ProviderRequest({self.method} {shown}, {len(self.body)} bytes)"


class ProviderResponse(msgspec.Struct, frozen=True):
    """What the provider answered; at most 1 MiB of body. ``failure`` instead when there was no answer:

    ``unreachable`` (nothing was sent), ``timeout`` or ``reset`` (it may have been sent).
    """

    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""
    failure: str | None = None

    def __repr__(self) -> str:
        return f"ProviderResponse({self.failure or self.status}, {len(self.body)} bytes)"
