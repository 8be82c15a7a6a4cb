"""LINE's platform, imitated: webhooks signed and redelivered as LINE does it, and its Messaging API, strictly."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.kit.signatures import hmac_sha256_base64
from connectors.line.settings import LineSettings
from connectors.line.simulate import BOT, source, ulid
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import milliseconds
from contracts.content import Audio, File, Image, Location, Part, Postback, Sticker, Text, Video
from contracts.ids import digest

REPLY_LIFE_S: Final = 60.0
MOST: Final = 5
TEXT_UNITS: Final = 5_000
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "text": frozenset({"text"}),
    "textV2": frozenset({"text"}),
    "image": frozenset({"originalContentUrl", "previewImageUrl"}),
    "video": frozenset({"originalContentUrl", "previewImageUrl"}),
    "audio": frozenset({"originalContentUrl", "duration"}),
    "location": frozenset({"title", "address", "latitude", "longitude"}),
    "sticker": frozenset({"packageId", "stickerId"}),
    "template": frozenset({"altText", "template"}),
    "flex": frozenset({"altText", "contents"}),
    "imagemap": frozenset({"altText", "baseUrl", "baseSize", "actions"}),
}
"""What a message of each type must have."""


class LineSimulator(ProviderSimulator[LineSettings]):
    """One official account on LINE's platform."""

    customer = "U" + "4" * 32
    # LINE does not document its intervals; these are of the order that is seen.
    retries_s = (60.0, 300.0, 900.0, 3_600.0)

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "channel_secret": "8c570fa6dd201bb328f1c1eac23a96d8",
            "channel_access_token": "token-of-the-channel",
            "api_base": url,
            "data_base": url,
        }

    # -- webhooks -----------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        identifier = str(500_000_000_000_000_000 + number)
        what = self._event(part, identifier)
        if what is None:
            return None
        at = milliseconds(self.now)
        seed = digest(customer, identifier, str(at))
        token = digest(seed, "reply")
        self.grant(token, customer, REPLY_LIFE_S, uses=1)
        event = {
            **what,
            "webhookEventId": ulid(at, seed),
            "deliveryContext": {"isRedelivery": False},
            "timestamp": at,
            "source": source(customer),
            "replyToken": token,
            "mode": "active",
        }
        return msgspec.json.encode({"destination": self.settings.bot_user_id or BOT, "events": [event]})

    def _event(self, part: Part, identifier: str) -> dict[str, Any] | None:
        if isinstance(part, Postback):
            return {"type": "postback", "postback": {"data": part.value}}
        message = self._message(part)
        if message is None:
            return None
        if message["type"] in ("image", "audio", "video", "file"):
            self.media.setdefault(identifier, Media(b"\xff\xd8\xff", "image/jpeg"))
        return {"type": "message", "message": {"id": identifier, **message}}

    def _message(self, part: Part) -> dict[str, Any] | None:
        provided = {"contentProvider": {"type": "line"}}
        match part:
            case Text():
                return {"type": "text", "quoteToken": digest(part.text, "quote"), "text": part.text}
            case Image():
                return {"type": "image", "quoteToken": "q", **provided}
            case Audio():
                return {"type": "audio", "duration": part.duration_ms or 1_000, **provided}
            case Video():
                return {"type": "video", "quoteToken": "q", "duration": part.duration_ms or 1_000, **provided}
            case File():
                return {"type": "file", "fileName": part.attachment.name or "file", "fileSize": 3}
            case Location():
                place = {"latitude": part.latitude, "longitude": part.longitude}
                return {"type": "location", "title": part.title or "", "address": part.address or "", **place}
            case Sticker():
                resource = {"stickerResourceType": "STATIC", "quoteToken": "q"}
                return {"type": "sticker", "packageId": part.package, "stickerId": part.sticker, **resource}
            case _:
                return None

    def signed(self, webhook: Webhook) -> Request:
        body = webhook.body
        if webhook.attempt > 1 or webhook.again:
            payload = msgspec.json.decode(body)
            for event in payload["events"]:
                event["deliveryContext"]["isRedelivery"] = True
            body = msgspec.json.encode(payload)
        signature = hmac_sha256_base64(self.settings.channel_secret.key(), body).decode()
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "LineBotWebhook/2.0",
            "x-line-signature": signature,
        }
        return posted(self.to, webhook.path, headers, body, self.now)

    # -- the Messaging API --------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.method == "POST" and call.path.startswith("/v2/bot/message/")

    def answer(self, call: Call) -> ProviderResponse:
        if call.headers.get("authorization") != f"Bearer {self.settings.channel_access_token.reveal()}":
            return self._no(401, "Authentication failed. Confirm that the access token is valid.")
        match (call.method, call.segments):
            case ("POST", ["v2", "bot", "message", "reply"]):
                return self._reply(call)
            case ("POST", ["v2", "bot", "message", "push"]):
                return self._push(call)
            case ("POST", ["v2", "bot", "chat", "loading", "start"]):
                return json_answer(202, {})
            case ("POST", ["v2", "bot", "chat", "markAsRead"]):
                return json_answer(200, {})
            case ("GET", ["v2", "bot", "info"]):
                card = {"userId": self.settings.bot_user_id or BOT, "basicId": "@fake", "displayName": "Fake"}
                return json_answer(200, card)
            case ("GET", ["v2", "bot", "message", content, "content"]):
                return self._content(content)
            case ("GET", ["v2", "bot", "profile", user] | ["v2", "bot", "group" | "room", _, "member", user]):
                known = self.profiles.get(user)
                return json_answer(404, {"message": "Not found"}) if known is None else json_answer(200, known)
            case ("GET", ["v2", "bot", "group", _, "summary"]):
                return json_answer(404, {"message": "Not found"})
            case _:
                return self._no(404, "Not found")

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        return json_answer(429, {"message": "The API rate limit has been exceeded. Try again later."})

    def _reply(self, call: Call) -> ProviderResponse:
        if "x-line-retry-key" in call.headers:
            return self._no(400, "The retry key is not allowed here")
        body = call.json() or {}
        wrong = self._wrong(body, "replyToken")
        if wrong is not None:
            return self._no(400, wrong)
        to = self.spend(body["replyToken"])
        return json_answer(400, {"message": "Invalid reply token"}) if to is None else self._accept(to, body)

    def _push(self, call: Call) -> ProviderResponse:
        body = call.json() or {}
        key = call.headers.get("x-line-retry-key")
        wrong = "Invalid retry key" if key is not None and not _is_uuid(key) else self._wrong(body, "to")
        if wrong is not None:
            return self._no(400, wrong)
        return self.once(key, call.body, lambda: self._accept(body["to"], body), _repeated)

    def _accept(self, to: str, body: dict[str, Any]) -> ProviderResponse:
        sent = [
            {"id": self.reach(to, message.get("text", ""), message, str(461_230_966_842_000_001 + len(self.reached)))}
            for message in body["messages"]
        ]
        answer = {"sentMessages": [{**each, "quoteToken": "q"} for each in sent]}
        return json_answer(200, answer, **{"x-line-request-id": "simulated"})

    def _wrong(self, body: dict[str, Any], target: str) -> str | None:
        """What LINE would say against the body of a send; None: nothing."""
        messages = body.get("messages")
        if not isinstance(body.get(target), str) or not isinstance(messages, list):
            return "The request body has 1 error(s)"
        if not 1 <= len(messages) <= MOST:
            return f"Size must be between 1 and {MOST}"
        return next((wrong for each in messages if (wrong := _wrong_message(each)) is not None), None)

    def _content(self, content: str) -> ProviderResponse:
        found = self.file(content)
        if found is None:
            return json_answer(404, {"message": "Not found"})
        if found.pending:
            return ProviderResponse(202)
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)

    def _no(self, status: int, why: str) -> ProviderResponse:
        return self.refuse(status, {"message": why}, f"LINE: {why}")


def _wrong_message(message: dict[str, Any]) -> str | None:
    wanted = _FIELDS.get(str(message.get("type")))
    if wanted is None:
        return f"unknown message type {message.get('type')!r}"
    missing = sorted(wanted - set(message))
    if missing:
        return f"{message['type']}: {missing[0]} must be specified"
    if len(message.get("text", "x").encode("utf-16-le")) // 2 not in range(1, TEXT_UNITS + 1):
        return f"Length must be between 1 and {TEXT_UNITS}"
    links = [value for name, value in message.items() if name.endswith("Url")]
    return next((f"{link}: invalid uri scheme" for link in links if not link.startswith("https://")), None)


def _is_uuid(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def _repeated(first: ProviderResponse) -> ProviderResponse:
    sent = msgspec.json.decode(first.body)["sentMessages"]
    return json_answer(409, {"message": "The retry key is already accepted", "sentMessages": sent})
