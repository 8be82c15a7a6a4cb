"""Our messages into Twilio's calls, and the meaning of its answers, the same for SMS and WhatsApp. Pure.

Each piece is a call of its own. There is no idempotency key: a lost answer is uncertain until a status comes, whose
URL has our own id in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from connectors.api import Failed, MediaLink, MediaRule, Outbound, Outcome, ProviderRequest, ProviderResponse, problem
from connectors.twilio import rest
from connectors.twilio.errors import MESSAGING
from connectors.twilio.messaging.inbound import MESSAGE
from connectors.twilio.messaging.settings import MessagingSettings
from contracts.content import Audio, File, Image, Part, Video

TEXT_LIMIT: Final = 1_600
STATUS_PATH: Final = "/status"
MEGABYTE: Final = 1_048_576

Fields = list[tuple[str, str]]
Content = list[Fields]
"""What a piece becomes: the fields of each message that says it."""


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="pascal"):
    """What ``provider_extra`` may hold, in Twilio's own spelling."""

    validity_period: int | None = None
    """Seconds after which a message that is still queued is dropped."""
    smart_encoded: bool | None = None
    """Signs that would make the whole message UCS-2 are replaced by similar ones."""
    send_as_mms: bool | None = None


def render(
    settings: MessagingSettings, outbound: Outbound, prefix: str, say: Callable[[Part], Content | Failed]
) -> Sequence[ProviderRequest] | Failed:
    """The calls for what is left of the message; ``say`` tells the content of a piece."""
    extra = _extra(outbound)
    if isinstance(extra, Failed):
        return extra
    calls: list[ProviderRequest] = []
    for piece in outbound.pieces[outbound.done :]:
        content = say(piece)
        if isinstance(content, Failed):
            return content
        last = len(content) - 1
        # What it says comes first: two messages of a kind begin alike.
        common = [*_target(settings, outbound, prefix), *extra, *_callback(settings, outbound)]
        calls += [
            rest.post(settings, "/Messages.json", [*each, *common], covers=int(at == last))
            for at, each in enumerate(content)
        ]
    return calls


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What Twilio's answer means; see the table in the README."""
    return rest.outcome_of(MESSAGING, request, response)


def fits(link: MediaLink, rule: MediaRule) -> bool:
    """Whether a file may go as what it is."""
    return (not rule.types or link.media_type in rule.types) and (rule.max_bytes is None or link.size <= rule.max_bytes)


def file_fields(piece: Image | Video | Audio | File, link: MediaLink) -> Fields:
    """A file with its words."""
    caption = getattr(piece, "caption", None)
    return [("MediaUrl", link.url), *([("Body", caption)] if caption else [])]


def _target(settings: MessagingSettings, outbound: Outbound, prefix: str) -> Fields:
    sender: Fields = []
    if settings.messaging_service_sid is not None:
        sender.append(("MessagingServiceSid", settings.messaging_service_sid))
    if settings.phone_number is not None:
        sender.append(("From", f"{prefix}{settings.phone_number}"))
    return [("To", f"{prefix}{outbound.reach.address}"), *sender]


def _callback(settings: MessagingSettings, outbound: Outbound) -> Fields:
    if settings.webhook_url is None:
        return []
    query = urlencode({MESSAGE: outbound.message})
    return [("StatusCallback", f"{settings.webhook_url}{STATUS_PATH}?{query}")]


def _extra(outbound: Outbound) -> Fields | Failed:
    try:
        extra = msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    told = msgspec.to_builtins(extra)
    return [(name, _written(value)) for name, value in told.items() if value is not None]


def _written(value: int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
