"""X's other calls: profiles, media and the probe."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.x import payload as x
from connectors.x.settings import XSettings
from contracts.attachment import Attachment
from contracts.identity import Profile

MEDIA_HOSTS: Final = ("ton.twitter.com", "ton.x.com")
"""Where pictures of direct messages are: for those who took part, signed by OAuth 1.0a."""
_found: Final = msgspec.json.Decoder(x.Found)


def signs(settings: XSettings, url: str) -> bool:
    """Whether our signature may go there: the API itself, and the media of direct messages."""
    try:
        parts, own = urlsplit(url), urlsplit(settings.api_base)
    except ValueError:
        return False
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return True
    return parts.scheme == "https" and parts.netloc in MEDIA_HOSTS


def profile_request(settings: XSettings, address: str) -> ProviderRequest:
    """Whoever it is."""
    url = f"{settings.api_base}/2/users/{quote(address, safe='')}?user.fields=profile_image_url"
    return ProviderRequest("GET", url, idempotent=True)


def read_profile(response: ProviderResponse) -> Profile | None:
    """None for whoever is suspended or gone."""
    if response.failure is not None or response.status != 200:
        return None
    found = read(response.body, _found)
    if isinstance(found, BadJson) or not found.data.name:
        return None
    return Profile(found.data.name, picture=found.data.profile_image_url)


def media_request(attachment: Attachment) -> ProviderRequest | None:
    """The bytes; ``authorise`` signs where it may."""
    return (
        None
        if attachment.source is None
        else ProviderRequest("GET", attachment.source, timeout_s=60.0, idempotent=True)
    )


def probe_request(settings: XSettings) -> ProviderRequest:
    """The account's own card."""
    return ProviderRequest("GET", f"{settings.api_base}/2/users/me", idempotent=True)
