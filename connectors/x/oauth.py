"""OAuth 1.0a with HMAC-SHA1 (RFC 5849) in the context of a user. Pure: time and nonce are the host's.

Our bodies are JSON or multipart, which are not signed; what is signed is the method, the URL and its query.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from connectors.x.settings import XSettings


def header(settings: XSettings, method: str, url: str, now: datetime, nonce: str) -> str:
    """The ``authorization`` header of a call."""
    fields = {
        "oauth_consumer_key": settings.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(now.timestamp())),
        "oauth_token": settings.access_token.reveal(),
        "oauth_version": "1.0",
    }
    key = f"{_encoded(settings.consumer_secret.reveal())}&{_encoded(settings.access_token_secret.reveal())}"
    digest = hmac.digest(key.encode(), base_string(method, url, fields).encode(), "sha1")
    signed = {**fields, "oauth_signature": base64.b64encode(digest).decode()}
    return "OAuth " + ", ".join(f'{name}="{_encoded(value)}"' for name, value in sorted(signed.items()))


def base_string(method: str, url: str, fields: dict[str, str]) -> str:
    """What is signed (RFC 5849, 3.4.1)."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in [*fields.items(), *query])
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    host = (parts.hostname or "") + (f":{parts.port}" if _odd_port(parts.scheme, parts.port) else "")
    return f"{method.upper()}&{_encoded(f'{parts.scheme}://{host}{parts.path}')}&{_encoded(joined)}"


def _odd_port(scheme: str, port: int | None) -> bool:
    return port is not None and port != {"https": 443, "http": 80}.get(scheme)


def _encoded(text: str) -> str:
    return quote(text, safe="~")
