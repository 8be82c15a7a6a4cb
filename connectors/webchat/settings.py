"""An account's settings, checked when they are read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from connectors.api import Secret

UPLOAD_TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/heic",
    "image/heif",
    "application/pdf",
    "text/plain",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/webm",
    "video/mp4",
    "video/quicktime",
    "video/webm",
)
"""Nothing that a browser would run: no HTML, no SVG, no XML."""

MAX_UPLOAD = 10 * 1024 * 1024
MIN_KEY = 16


class WebchatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator sets for one widget."""

    token_key: Secret
    """Signs visitor tokens, visitor ids and upload references. Another key means another set of visitors."""
    user_key: Secret | None = None
    """Shared with your backend, which signs who is logged in (see README). Without it nobody can claim to be anyone."""
    origins: tuple[str, ...] = ()
    """Pages that may open the chat, for example ``https://shop.example``. Empty: only pages of this very host.
    ``*`` admits every page, and programs that are no browser."""
    token_lifetime_s: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 3_600
    """Seconds a visitor token is good for; a fresh one is sent at half of it."""
    user_session_s: Annotated[int, msgspec.Meta(ge=300, le=604_800)] = 43_200
    """Seconds after which a logged-in user has to be signed for again."""
    text_limit: Annotated[int, msgspec.Meta(ge=64, le=16_384)] = 4_096
    """Bytes (UTF-8) of one message."""
    upload_limit: Annotated[int, msgspec.Meta(ge=0, le=MAX_UPLOAD)] = MAX_UPLOAD
    """Bytes of one file; 0 switches uploads off."""
    upload_types: tuple[str, ...] = UPLOAD_TYPES

    def __post_init__(self) -> None:
        for name, key in (("token_key", self.token_key), ("user_key", self.user_key)):
            if key is not None and len(key.key()) < MIN_KEY:
                raise ValueError(
                    f"{name} is too short: at least {MIN_KEY} bytes, for example from `openssl rand -hex 32`"
                )
        for origin in self.origins:
            if origin != "*" and not _is_origin(origin):
                raise ValueError(f"origins: {origin!r} is no origin; write it as https://shop.example")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.netloc) and text == f"{parts.scheme}://{parts.netloc.lower()}"
    )
