"""Slack's other calls: profiles, media and the probe."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.slack import payload as slack
from connectors.slack.outbound import post, token
from connectors.slack.parts import LOOK_UP
from connectors.slack.settings import SlackSettings
from contracts.attachment import Attachment
from contracts.identity import Profile

_answer: Final = msgspec.json.Decoder(slack.Answer)
_person: Final = msgspec.json.Decoder(slack.Person)
_named: Final = msgspec.json.Decoder(slack.Named)
_stored: Final = msgspec.json.Decoder(slack.StoredFile)


def profile_request(settings: SlackSettings, address: str, author: str | None) -> ProviderRequest:
    """A person, of our workspace or of another one (Slack Connect), or a channel."""
    who = author or address
    if who[:1] in ("U", "W"):
        return _get(settings, "users.info", {"user": who, "include_locale": "true"})
    if who[:1] == "B":
        return _get(settings, "bots.info", {"bot": who})
    return _get(settings, "conversations.info", {"channel": who})


def read_profile(response: ProviderResponse) -> Profile | None:
    """None for whoever the app may not see."""
    answer = _good(response)
    if answer is None:
        return None
    person = read(msgspec.json.encode(answer.user), _person)
    if not isinstance(person, BadJson):
        told = person.profile
        name = told.display_name or told.real_name or person.real_name or person.name
        return Profile(name, person.locale, told.image_192, told.title or told.status_text or None)
    channel = read(msgspec.json.encode(answer.channel), _named)
    return Profile(f"#{channel.name}") if not isinstance(channel, BadJson) and channel.name else None


def media_request(settings: SlackSettings, attachment: Attachment) -> ProviderRequest | None:
    """The file itself, or first its card, where the event had no address. Our token goes to Slack only."""
    source = attachment.source
    if source is None:
        return None
    if source.startswith(LOOK_UP):
        return _get(settings, "files.info", {"file": source.removeprefix(LOOK_UP)})
    return _file(settings, source)


def media_location(
    settings: SlackSettings, attachment: Attachment, response: ProviderResponse
) -> ProviderRequest | None:
    """Where the file is that ``files.info`` told of."""
    if not (attachment.source or "").startswith(LOOK_UP):
        return None
    answer = _good(response)
    file = read(msgspec.json.encode(None if answer is None else answer.file), _stored)
    if isinstance(file, BadJson):
        return None
    url = file.url_private_download or file.url_private
    return _file(settings, url) if url is not None else None


def media_problem(attachment: Attachment, response: ProviderResponse) -> str | None:
    """To whoever may not read a file Slack shows its log-in page, with 200."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html" != attachment.media_type:
        return "Slack gave its log-in page instead: the scope files:read is missing, or the file is not ours to see"
    if kind == "application/json" != attachment.media_type and (attachment.source or "").startswith(LOOK_UP):
        return "Slack did not tell where the file is"
    return None


def probe_request(settings: SlackSettings) -> ProviderRequest:
    """Who we are."""
    return post(settings, "auth.test", {}, idempotent=True)


def _file(settings: SlackSettings, url: str) -> ProviderRequest:
    host, own = urlsplit(url).hostname or "", urlsplit(settings.api_base).hostname
    ours = host == own or host.endswith(".slack.com")
    return ProviderRequest("GET", url, {}, token(settings) if ours else {}, idempotent=True, timeout_s=60.0)


def _get(settings: SlackSettings, method: str, fields: dict[str, str]) -> ProviderRequest:
    url = f"{settings.api_base}/api/{method}?{urlencode(fields)}"
    return ProviderRequest("GET", url, {}, token(settings), idempotent=True)


def _good(response: ProviderResponse) -> slack.Answer | None:
    """The body of an answer that is ``ok``; None of any other."""
    if response.failure is not None or response.status != 200:
        return None
    answer = read(response.body, _answer)
    return None if isinstance(answer, BadJson) or not answer.ok else answer
