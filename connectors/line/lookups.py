"""LINE's other calls: profiles, media, typing, read marks, and the probe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.api import ProviderRequest, ProviderResponse, Quota
from connectors.kit.json import BadJson, read
from connectors.line.settings import LineSettings
from contracts.attachment import Attachment
from contracts.identity import Profile

TYPING_SECONDS: Final = 20
PLACES: Final = {"C": "group", "R": "room"}


class ProfileAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """A user's profile, or a group's summary."""

    display_name: str | None = None
    group_name: str | None = None
    picture_url: str | None = None
    status_message: str | None = None
    language: str | None = None


class QuotaAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Either of the two answers about the month's quota."""

    type: str | None = None
    value: int | None = None
    total_usage: int | None = None


_quota: Final = msgspec.json.Decoder(QuotaAnswer)
_profile: Final = msgspec.json.Decoder(ProfileAnswer)


def profile_request(settings: LineSettings, address: str, author: str | None) -> ProviderRequest | None:
    """A user, a member of a group or room, or, without an author, a group itself (a room has no name)."""
    place = PLACES.get(address[:1])
    if place is None:
        return _get(settings, f"/v2/bot/profile/{_segment(address)}")
    if author is not None:
        return _get(settings, f"/v2/bot/{place}/{_segment(address)}/member/{_segment(author)}")
    return _get(settings, f"/v2/bot/group/{_segment(address)}/summary") if place == "group" else None


def read_profile(response: ProviderResponse) -> Profile | None:
    """None for whoever blocked us or never agreed (404)."""
    if response.failure is not None or response.status != 200:
        return None
    told = read(response.body, _profile)
    if isinstance(told, BadJson):
        return None
    return Profile(told.display_name or told.group_name, told.language, told.picture_url, told.status_message)


def media_request(settings: LineSettings, attachment: Attachment) -> ProviderRequest | None:
    """From LINE's data host; 202 means that LINE still transcodes, try again. External media come without our token."""
    if attachment.source is None:
        return None
    if attachment.source.startswith(("https://", "http://")):
        return ProviderRequest("GET", attachment.source, timeout_s=60.0)
    url = f"{settings.data_base}/v2/bot/message/{_segment(attachment.source)}/content"
    return ProviderRequest("GET", url, secret_headers=_token(settings), timeout_s=60.0)


def typing_request(settings: LineSettings, address: str, on: bool) -> ProviderRequest | None:
    """The loading animation; only for single users, and it ends by itself or with our next message."""
    if not on or not address.startswith("U"):
        return None
    return _post(settings, "/v2/bot/chat/loading/start", {"chatId": address, "loadingSeconds": TYPING_SECONDS})


def read_request(settings: LineSettings, extra: dict[str, Any]) -> ProviderRequest | None:
    """Marks everything up to the message as read."""
    token = extra.get("mark_as_read_token")
    return _post(settings, "/v2/bot/chat/markAsRead", {"markAsReadToken": token}) if token else None


def probe_request(settings: LineSettings) -> ProviderRequest:
    """The bot's own card."""
    return _get(settings, "/v2/bot/info")


def quota_requests(settings: LineSettings) -> list[ProviderRequest]:
    """The month's quota of pushed messages, and how much of it is used."""
    return [_get(settings, "/v2/bot/message/quota"), _get(settings, "/v2/bot/message/quota/consumption")]


def read_quota(responses: Sequence[ProviderResponse]) -> Quota | None:
    """Accounts without a limit have a quota of type ``none``."""
    if len(responses) != 2 or any(each.status != 200 for each in responses):
        return None
    quota, used = read(responses[0].body, _quota), read(responses[1].body, _quota)
    if isinstance(quota, BadJson) or isinstance(used, BadJson) or used.total_usage is None:
        return None
    return Quota(used.total_usage, quota.value)


def _get(settings: LineSettings, path: str) -> ProviderRequest:
    return ProviderRequest("GET", settings.api_base + path, secret_headers=_token(settings), idempotent=True)


def _post(settings: LineSettings, path: str, body: dict[str, Any]) -> ProviderRequest:
    headers = {"content-type": "application/json"}
    return ProviderRequest(
        "POST", settings.api_base + path, headers, _token(settings), msgspec.json.encode(body), idempotent=True
    )


def _token(settings: LineSettings) -> dict[str, str]:
    return {"authorization": f"Bearer {settings.channel_access_token.reveal()}"}


def _segment(text: str) -> str:
    return quote(text, safe="")
