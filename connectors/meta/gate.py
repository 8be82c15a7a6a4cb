"""The way in, the same for all of Meta: the check of the callback URL, and the signature over the raw bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.api import Refused, Request, Response, Verified
from connectors.kit.signatures import equal, hmac_sha256
from connectors.meta.settings import MetaSettings

HEADER: Final = "x-hub-signature-256"
_VERIFIED: Final = Verified()
_NOT_OURS: Final = Response(403)


def keys_of(settings: MetaSettings) -> tuple[bytes, ...]:
    """The keys that may sign, the present one first."""
    return tuple(secret.key() for secret in (settings.app_secret, *settings.more_app_secrets))


def handshake(settings: MetaSettings, request: Request) -> Response | None:
    """The challenge back to whoever knows the verify token; Meta asks by GET, with names that have dots."""
    if request.method != "GET":
        return None
    query = request.query
    knows = equal(settings.verify_token.key(), query.get("hub.verify_token"))
    if query.get("hub.mode") != "subscribe" or not knows:
        return _NOT_OURS
    return Response(200, query.get("hub.challenge", "").encode("utf-8", "replace"))


def verify(keys: Sequence[bytes], request: Request) -> Verified | Refused:
    """HMAC-SHA256 of the body by any of the keys. It covers no time: a replay is stopped by message ids alone."""
    given = request.headers.get(HEADER)
    if given is None:
        return Refused(f"no {HEADER}")
    for key in keys:
        if equal(signature(key, request.body), given):
            return _VERIFIED
    return Refused(f"{HEADER} does not match the body")


def signature(key: bytes, body: bytes) -> bytes:
    """The header's value."""
    return b"sha256=" + hmac_sha256(key, body).hex().encode()
