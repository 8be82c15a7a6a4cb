"""Teams' other calls: profiles, media, typing and the probe."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.teams import payload as teams
from connectors.teams.outbound import PERSON, call, conversation_url, service_of
from connectors.teams.settings import TeamsSettings
from connectors.teams.token import TOKEN, token_request
from contracts.attachment import Attachment
from contracts.conversation import Reach
from contracts.identity import Profile

_PERSONAL: Final = "a:"
"""How the ids of personal chats with a bot begin."""
_member: Final = msgspec.json.Decoder(teams.Member)
_members: Final = msgspec.json.Decoder(teams.Members)


def profile_request(settings: TeamsSettings, address: str, author: str | None) -> ProviderRequest | None:
    """A member of a conversation; in a personal chat there is only one."""
    url = conversation_url(service_of(settings, None), address)
    if author is not None:
        return call(f"{url}/members/{quote(author, safe='')}", None, method="GET", idempotent=True)
    if not address.startswith(_PERSONAL):
        return None
    return call(f"{url}/pagedmembers?pageSize=50", None, method="GET", idempotent=True)


def read_profile(response: ProviderResponse) -> Profile | None:
    """The member, or the only one of the list."""
    if response.failure is not None or response.status != 200:
        return None
    listed = read(response.body, _members)
    if not isinstance(listed, BadJson) and listed.members:
        return _profile(listed.members[0]) if len(listed.members) == 1 else None
    member = read(response.body, _member)
    return None if isinstance(member, BadJson) else _profile(member)


def _profile(member: teams.Member) -> Profile | None:
    return Profile(member.name, member.locale) if member.name else None


def media_request(settings: TeamsSettings, attachment: Attachment) -> ProviderRequest | None:
    """Pictures are Teams' own and want our token; files come by a link that is signed already."""
    if attachment.source is None:
        return None
    needs = (TOKEN,) if settings.serves(attachment.source) else ()
    return ProviderRequest("GET", attachment.source, timeout_s=60.0, idempotent=True, needs=needs)


def typing_request(settings: TeamsSettings, reach: Reach, on: bool) -> ProviderRequest | None:
    """Shown for some seconds, or until our next message."""
    place = reach.thread or reach.address
    if not on or place.startswith(PERSON):
        return None
    service = service_of(settings, reach.reply.via if reach.reply is not None else None)
    return call(f"{conversation_url(service, place)}/activities", {"type": "typing"}, idempotent=True)


def probe_request(settings: TeamsSettings) -> ProviderRequest:
    """A token of our own: the service itself has nothing harmless to be asked."""
    return token_request(settings)
