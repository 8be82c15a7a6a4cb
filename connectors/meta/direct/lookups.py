"""The other calls of Messenger and Instagram: profiles, media, typing, read marks."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.meta import graph
from connectors.meta.direct.dialect import Dialect
from connectors.meta.direct.settings import DirectSettings
from contracts.attachment import Attachment
from contracts.identity import Profile

MEDIA_TIMEOUT_S: Final = 60.0


class ProfileAnswer(msgspec.Struct, frozen=True):
    """A person, as far as they let us see."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    profile_pic: str | None = None


_profile: Final = msgspec.json.Decoder(ProfileAnswer)


def profile_request(settings: DirectSettings, address: str, fields: str) -> ProviderRequest:
    """The person by the id that they have for us."""
    return graph.get(settings, graph.segment(address), fields=fields)


def read_profile(response: ProviderResponse) -> Profile | None:
    """None for whoever blocked us or may not be seen. The picture's link expires."""
    if response.failure is not None or response.status != 200:
        return None
    told = read(response.body, _profile)
    if isinstance(told, BadJson):
        return None
    name = told.name or " ".join(filter(None, (told.first_name, told.last_name))) or told.username
    return Profile(name, picture=told.profile_pic) if name or told.profile_pic else None


def media_request(attachment: Attachment) -> ProviderRequest | None:
    """From Meta's CDN, by a link that needs no token and expires."""
    source = attachment.source
    return None if source is None else ProviderRequest("GET", source, timeout_s=MEDIA_TIMEOUT_S)


def typing_request(settings: DirectSettings, dialect: Dialect, address: str, on: bool) -> ProviderRequest:
    """Shown for 20 seconds at most."""
    return _action(settings, dialect, address, "typing_on" if on else "typing_off")


def read_request(settings: DirectSettings, dialect: Dialect, extra: dict[str, Any]) -> ProviderRequest | None:
    """Marks the whole conversation as seen."""
    address = extra.get("from")
    return _action(settings, dialect, address, "mark_seen") if isinstance(address, str) else None


def _action(settings: DirectSettings, dialect: Dialect, address: str, action: str) -> ProviderRequest:
    body = {"recipient": {"id": address}, "sender_action": action}
    return graph.post(settings, f"{graph.segment(dialect.node)}/messages", body, idempotent=True)
