"""WhatsApp's other calls: media, typing, read marks, and the probe. There is no look-up of profiles."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.meta import graph
from connectors.meta.whatsapp.settings import WhatsAppSettings
from contracts.attachment import Attachment

MEDIA_TIMEOUT_S: Final = 60.0


class MediaAnswer(msgspec.Struct, frozen=True):
    """Where a file is, for the next five minutes."""

    url: str


_media: Final = msgspec.json.Decoder(MediaAnswer)


def media_request(settings: WhatsAppSettings, attachment: Attachment) -> ProviderRequest | None:
    """First a question where the file is: its id is good for seven days."""
    source = attachment.source
    if source is None:
        return None
    if _is_link(source):
        return _download(settings, source)
    return graph.get(settings, graph.segment(source), phone_number_id=settings.phone_number_id)


def media_location(
    settings: WhatsAppSettings, attachment: Attachment, response: ProviderResponse
) -> ProviderRequest | None:
    """Then the file."""
    if attachment.source is None or _is_link(attachment.source):
        return None
    told = read(response.body, _media)
    return None if isinstance(told, BadJson) else _download(settings, told.url)


def read_request(settings: WhatsAppSettings, extra: dict[str, Any]) -> ProviderRequest | None:
    """Marks the message, and all before it, as read."""
    message = extra.get("wamid")
    return _mark(settings, {"message_id": message}) if message else None


def typing_request(settings: WhatsAppSettings, message: str | None, on: bool) -> ProviderRequest | None:
    """Shown for 25 seconds or until we answer; it names the customer's last message, and marks it as read."""
    if not on or message is None:
        return None
    return _mark(settings, {"message_id": message, "typing_indicator": {"type": "text"}})


def probe_request(settings: WhatsAppSettings) -> ProviderRequest:
    """The number's own card."""
    fields = "display_phone_number,verified_name,quality_rating"
    return graph.get(settings, graph.segment(settings.phone_number_id), fields=fields)


def _mark(settings: WhatsAppSettings, what: dict[str, Any]) -> ProviderRequest:
    body = {"messaging_product": "whatsapp", "status": "read", **what}
    return graph.post(settings, f"{graph.segment(settings.phone_number_id)}/messages", body, idempotent=True)


def _is_link(source: str) -> bool:
    return source.startswith(("https://", "http://"))


def _download(settings: WhatsAppSettings, url: str) -> ProviderRequest:
    """With our token only where it belongs."""
    homes = (f"{settings.media_base}/", f"{settings.api_base}/")
    headers = graph.token(settings) if url.startswith(homes) else {}
    return ProviderRequest("GET", url, secret_headers=headers, timeout_s=MEDIA_TIMEOUT_S)
