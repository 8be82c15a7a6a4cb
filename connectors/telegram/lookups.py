"""Telegram's other calls: profiles, media, typing and the probe."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from connectors.api import ProviderRequest, ProviderResponse
from connectors.kit.json import BadJson, read
from connectors.telegram import payload as telegram
from connectors.telegram.outbound import chat_of, thread_of
from connectors.telegram.settings import TelegramSettings
from contracts.attachment import Attachment
from contracts.conversation import Reach
from contracts.identity import Profile

_answer: Final = msgspec.json.Decoder(telegram.Answer)
_chat: Final = msgspec.json.Decoder(telegram.Chat)
_file: Final = msgspec.json.Decoder(telegram.FileAnswer)


def profile_request(settings: TelegramSettings, address: str, author: str | None) -> ProviderRequest:
    """A person, a group or a channel: all are chats. A group's member too, if they ever began with the bot."""
    return call(settings, "getChat", {"chat_id": chat_of(author or address)})


def read_profile(response: ProviderResponse) -> Profile | None:
    """None for whoever the bot cannot see. (The picture has no address that could be passed on.)"""
    chat = _result(response, _chat)
    return None if chat is None else Profile(chat.name, status=chat.bio or chat.description)


def media_request(settings: TelegramSettings, attachment: Attachment) -> ProviderRequest | None:
    """The first step: where the file is. The way is good for an hour."""
    return call(settings, "getFile", {"file_id": attachment.source}) if attachment.source is not None else None


def media_location(settings: TelegramSettings, response: ProviderResponse) -> ProviderRequest | None:
    """The second: the bytes themselves."""
    found = _result(response, _file)
    if found is None:
        return None
    token = settings.token.reveal()
    url = f"{settings.api_base}/file/bot{token}/{quote(found.file_path)}"
    return ProviderRequest("GET", url, timeout_s=60.0, idempotent=True, secret_part=token)


def typing_request(settings: TelegramSettings, reach: Reach, on: bool) -> ProviderRequest | None:
    """Shown for five seconds, or until our next message; it cannot be taken back."""
    if not on:
        return None
    thread = thread_of(reach.thread)
    topic = {} if thread is None else {"message_thread_id": thread}
    return call(settings, "sendChatAction", {"chat_id": chat_of(reach.address), "action": "typing", **topic})


def probe_request(settings: TelegramSettings) -> ProviderRequest:
    """The bot's own card."""
    return call(settings, "getMe", {})


def call(settings: TelegramSettings, method: str, fields: dict[str, Any]) -> ProviderRequest:
    """A call that may be repeated."""
    token = settings.token.reveal()
    query = f"?{urlencode(fields)}" if fields else ""
    url = f"{settings.api_base}/bot{token}/{method}{query}"
    return ProviderRequest("GET", url, idempotent=True, secret_part=token)


def _result(response: ProviderResponse, decoder: Any) -> Any:
    """What a good answer holds; None of any other."""
    if response.failure is not None or response.status != 200:
        return None
    answer = read(response.body, _answer)
    if isinstance(answer, BadJson) or not answer.ok:
        return None
    result = read(bytes(answer.result), decoder)
    return None if isinstance(result, BadJson) else result
