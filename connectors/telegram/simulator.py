"""Telegram's platform, imitated: updates with their secret token, or held for polling; and the Bot API, strictly."""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.parser import BytesParser
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.telegram.settings import TelegramSettings
from connectors.telegram.simulate import origin
from connectors.testing.provider import WAIT, Call, Delivery, Media, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import milliseconds
from contracts.content import Audio, ContactCard, File, Image, Location, Part, Postback, Sticker, Text, Video

TEXT_UNITS: Final = 4_096
CAPTION_UNITS: Final = 1_024
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "sendMessage": ("text",),
    "sendPhoto": ("photo",),
    "sendVideo": ("video",),
    "sendAnimation": ("animation",),
    "sendAudio": ("audio",),
    "sendVoice": ("voice",),
    "sendDocument": ("document",),
    "sendSticker": ("sticker",),
    "sendLocation": ("latitude", "longitude"),
    "sendVenue": ("latitude", "longitude", "title", "address"),
    "sendContact": ("phone_number", "first_name"),
    "sendMediaGroup": ("media",),
    "setMessageReaction": ("message_id", "reaction"),
}
"""What a call that sends must have beside the chat."""


class TelegramSimulator(ProviderSimulator[TelegramSettings]):
    """One bot on Telegram's platform."""

    customer = "4242"
    # At once, then doubling up to a minute or two (WebhookActor.cpp).
    retries_s = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

    def __init__(self, settings: TelegramSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.blocked: set[str] = set()
        """Chats whose people blocked the bot."""
        self.moved: dict[str, int] = {}
        """Groups that became supergroups, and their new ids."""
        self.answered_buttons: list[str] = []
        self.posts = True
        """A webhook is set."""
        self._messages = 100
        self._updates = 800_000_000

    def begin(self, number: int) -> None:
        super().begin(number)
        self._messages = self._updates = number

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {"token": "123456:TEST-token", "secret_token": "secret-of-the-webhook", "api_base": url}

    # -- updates ------------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        if isinstance(part, Postback):
            shown = {"message_id": 1, **origin(customer), "date": milliseconds(self.now) // 1_000}
            pressed = {"id": f"press-{number}", "from": shown["from"], "message": shown, "chat_instance": "1"}
            return self.update("callback_query", {**pressed, "data": part.value})
        content = self._content(part, number)
        return None if content is None else self.update("message", self.message(customer, **content))

    def message(self, chat: str, **content: Any) -> dict[str, Any]:
        """A message in that chat; numbers go up as they do at Telegram."""
        self._messages += 1
        return {"message_id": self._messages, **origin(chat), "date": milliseconds(self.now) // 1_000, **content}

    def update(self, kind: str, content: dict[str, Any]) -> bytes:
        """An update, the next in order."""
        self._updates += 1
        return msgspec.json.encode({"update_id": self._updates, kind: content})

    def stored(self, number: int, media_type: str = "image/jpeg") -> dict[str, Any]:
        """A file of a customer, at Telegram's."""
        name = f"file-{number}"
        self.media.setdefault(name, Media(b"\xff\xd8\xff", media_type))
        return {"file_id": name, "file_unique_id": f"u{number}", "file_size": 3}

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"text": part.text}
            case Image():
                photo = {**self.stored(number), "width": 90, "height": 60}
                return {"photo": [photo], "caption": part.caption or ""}
            case Video():
                return {"video": {**self.stored(number), "width": 9, "height": 9, "duration": 3}}
            case Audio():
                return {"voice": {**self.stored(number), "duration": 3, "mime_type": "audio/ogg"}}
            case File():
                return {"document": {**self.stored(number), "file_name": part.attachment.name or "file"}}
            case Location():
                return {"location": {"latitude": part.latitude, "longitude": part.longitude}}
            case ContactCard():
                return {"contact": {"phone_number": (*part.phones, "1")[0], "first_name": part.name}}
            case Sticker():
                size = {"width": 512, "height": 512, "type": "regular", "is_animated": False, "is_video": False}
                return {"sticker": {**self.stored(number), **size, "emoji": part.text or "👍"}}
            case _:
                return None

    def signed(self, webhook: Webhook) -> Request:
        secret = self.settings.secret_token
        headers = {"content-type": "application/json"}
        if secret is not None:
            headers["x-telegram-bot-api-secret-token"] = secret.reveal()
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    def taken(self, webhook: Webhook, response: ProviderResponse) -> bool:
        if response.body and response.status == 200:  # a method in our answer is carried out
            answer = msgspec.json.decode(response.body)
            if answer.get("method") == "answerCallbackQuery":
                self.answered_buttons.append(answer["callback_query_id"])
        return super().taken(webhook, response)

    # -- the Bot API --------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return _method(call) in _FIELDS

    def answer(self, call: Call) -> ProviderResponse:
        token = self.settings.token.reveal()
        match call.segments:
            case ["file", bot, *path] if bot == f"bot{token}":
                return self._file(unquote("/".join(path)))
            case [bot, method] if bot == f"bot{token}":
                return self._method(method, {**call.query, **_fields(call)}, call.at)
            case _:
                return self._no(401, "Unauthorized")

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        more = {} if retry_after_s is None else {"retry_after": int(retry_after_s)}
        return json_answer(429, {**_error(429, "Too Many Requests: retry later"), "parameters": more})

    def _method(self, method: str, fields: dict[str, Any], at: datetime) -> ProviderResponse:
        if method in _FIELDS:
            return self._send(method, fields)
        match method:
            case "getMe":
                return _ok({"id": 123456, "is_bot": True, "first_name": "Bot", "username": "sample_bot"})
            case "getChat":
                known = self.profiles.get(str(fields.get("chat_id")))
                return _ok(known) if known is not None else json_answer(400, _error(400, "Bad Request: chat not found"))
            case "getFile":
                name = str(fields.get("file_id"))
                return _ok({"file_id": name, "file_path": f"photos/{name}"}) if name in self.media else self._gone()
            case "answerCallbackQuery":
                self.answered_buttons.append(str(fields.get("callback_query_id")))
                return _ok(True)
            case "sendChatAction":
                return _ok(True)
            case "deleteWebhook":
                self.posts = False
                return _ok(True)
            case "getUpdates" if self.posts:
                return self._no(409, "Conflict: can't use getUpdates method while webhook is active")
            case "getUpdates":
                return self._poll(int(fields.get("offset", 0)), int(fields.get("timeout", 0)), at)
            case _:
                return self._no(404, "Not Found")

    def due(self, now: datetime) -> list[Delivery]:
        """Without a webhook nothing is posted: it waits for the poller."""
        self.now = now
        return super().due(now) if self.posts else []

    def _poll(self, offset: int, hold_s: int, since: datetime) -> ProviderResponse:
        """What waits, from the offset on; what lies before it is confirmed. With nothing there the call is held."""
        found = []
        for webhook in self.webhooks:
            number = msgspec.json.decode(webhook.body)["update_id"]
            if webhook.state == "waiting" and webhook.due <= self.now and number >= offset:
                found.append(msgspec.Raw(webhook.body))
            elif number < offset:
                webhook.state = "taken"
        if not found and (self.now - since).total_seconds() < hold_s:
            return WAIT
        return _ok(found[:100])

    def _file(self, path: str) -> ProviderResponse:
        found = self.file(path.removeprefix("photos/"))
        if found is None:
            return self._gone()
        return ProviderResponse(200, {"content-type": "application/octet-stream"}, found.data)

    def _send(self, method: str, fields: dict[str, Any]) -> ProviderResponse:
        chat = str(fields.get("chat_id", ""))
        wrong = self._wrong(method, fields)
        if wrong is not None:
            return self._no(400, f"Bad Request: {wrong}")
        if chat in self.moved:
            body = _error(400, "Bad Request: group chat was upgraded to a supergroup chat")
            return json_answer(400, {**body, "parameters": {"migrate_to_chat_id": self.moved[chat]}})
        if chat in self.blocked:
            return json_answer(403, _error(403, "Forbidden: bot was blocked by the user"))
        if method == "setMessageReaction":
            self.reach(chat, "", fields)
            return _ok(True)
        items = fields["media"] if method == "sendMediaGroup" else [fields]
        sent = [self._sent(chat, method, item) for item in items]
        return _ok(sent if method == "sendMediaGroup" else sent[0])

    def _sent(self, chat: str, method: str, item: dict[str, Any]) -> dict[str, Any]:
        self._messages += 1
        self.reach(chat, item.get("text") or item.get("caption") or "", {"method": method, **item}, str(self._messages))
        return {"message_id": self._messages, "date": 0, "chat": {"id": int(chat), "type": "private"}}

    def _wrong(self, method: str, fields: dict[str, Any]) -> str | None:
        """What Telegram would say against a send; None: nothing."""
        if not str(fields.get("chat_id", "")).removeprefix("-").isdecimal():
            return "chat not found"
        missing = [name for name in _FIELDS[method] if fields.get(name) in (None, "")]
        if missing:
            return f"{missing[0]} is empty"
        if _units(fields.get("text", "")) > TEXT_UNITS:
            return "message is too long"
        items = fields["media"] if method == "sendMediaGroup" else [fields]
        if method == "sendMediaGroup" and not 2 <= len(items) <= 10:
            return "wrong number of media in the album"
        if any(_units(item.get("caption", "")) > CAPTION_UNITS for item in items):
            return "message caption is too long"
        return _wrong_buttons(fields)

    def _gone(self) -> ProviderResponse:
        return json_answer(400, _error(400, "Bad Request: invalid file_id"))

    def _no(self, status: int, why: str) -> ProviderResponse:
        return self.refuse(status, _error(status, why), f"Telegram: {why}")


def _wrong_buttons(fields: dict[str, Any]) -> str | None:
    for row in fields.get("reply_markup", {}).get("inline_keyboard", []):
        for button in row:
            data = button.get("callback_data")
            if not button.get("text") or (data is None) == ("url" not in button):
                return "inline keyboard button is wrong"
            if data is not None and not 1 <= len(data.encode()) <= 64:
                return "BUTTON_DATA_INVALID"
    return None


def _fields(call: Call) -> dict[str, Any]:
    """From JSON, or from a form, whose values may be JSON."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return call.json() or {}
    head = f"content-type: {kind}\r\n\r\n".encode()
    found: dict[str, Any] = {}
    for part in BytesParser(policy=policy.HTTP).parsebytes(head + call.body).iter_parts():
        name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        found[str(name)] = data if part.get_filename() else _value(bytes(data))
    return found


def _value(data: bytes) -> Any:
    try:
        value = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode()
    return value if isinstance(value, dict | list) else data.decode()


def _method(call: Call) -> str:
    return call.segments[-1]


def _ok(result: Any) -> ProviderResponse:
    return json_answer(200, {"ok": True, "result": result})


def _error(code: int, why: str) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": why}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
