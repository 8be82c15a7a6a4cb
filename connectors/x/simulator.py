"""X, imitated: webhooks of the X Activity API, and the API v2 with OAuth 1.0a, strictly."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlencode

from connectors.api import ProviderResponse, Request
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from connectors.x.oauth import header
from connectors.x.settings import XSettings
from connectors.x.simulate import activity, direct_message, signed
from connectors.x.weight import MOST, weight
from contracts.codec import milliseconds
from contracts.content import Image, Part, Postback, Text

_FIELD: Final = re.compile(r'(oauth_[a-z_]+)="([^"]*)"')
CLOCK_S: Final = 300


class XSimulator(ProviderSimulator[XSettings]):
    """One account on X."""

    customer = "2222222222222222222"
    retries_s = (1.0, 2.0, 4.0, 8.0)

    def __init__(self, settings: XSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.blocked: set[str] = set()
        """Whoever cannot be written to."""
        self.uploads: dict[str, bytes] = {}
        self._nonces: set[str] = set()
        self._ids = 2_080_000_000_000_000_000

    def begin(self, number: int) -> None:
        super().begin(number)
        self._ids = number

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "user_id": "1111111111111111111",
            "consumer_key": "consumer-key",
            "consumer_secret": "madoguchi_consumer_secret",
            "access_token": "1111111111111111111-token",
            "access_token_secret": "secret-of-the-token",
            "api_base": url,
        }

    # -- webhooks -----------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        content = self._content(part, number)
        return None if content is None else self.direct(customer, content)

    def direct(self, sender: str, content: dict[str, Any], kind: str = "dm.received") -> bytes:
        """A direct message."""
        me = self.settings.user_id
        to = me if sender != me else self.customer
        message = direct_message(sender, to, self._id(), milliseconds(self.now), content)
        people = {sender: {"data": {"id": sender, "name": "山田花子", "username": "hanako"}}}
        return activity(kind, me, {"direct_message_events": [message], "users": people}, self._ids)

    def mention(self, author: str, text: str, number: str | None = None) -> bytes:
        """A public post that mentions us."""
        me, identifier = self.settings.user_id, number or str(self._id())
        at = self.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        entities = {"mentions": [{"start": 0, "end": 5, "username": "shop", "id": me}]}
        post = {
            "id": identifier,
            "author_id": author,
            "text": text,
            "created_at": at,
            "entities": entities,
            "lang": "ja",
        }
        users = [{"id": author, "name": "山田花子", "username": "hanako"}]
        return activity("post.mention.create", me, post, self._ids, includes={"users": users})

    def read(self, reader: str) -> bytes:
        """Somebody has read everything up to now."""
        event = {"created_timestamp": str(milliseconds(self.now)), "sender_id": reader, "last_read_event_id": "1"}
        payload = {"direct_message_mark_read_events": [event]}
        return activity("dm.read", self.settings.user_id, payload, self._id())

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"text": part.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
            case Image():
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", "image/jpeg"))
                url = f"{self.settings.api_base}/1.1/ton/data/dm/1/2/{number}"
                media = {"media_url_https": url, "type": "photo", "url": "https://t.co/media"}
                return {"text": "https://t.co/media", "attachment": {"type": "media", "media": media}}
            case Postback():
                return {"text": part.label or part.value, "quick_reply_response": {"metadata": part.value}}
            case _:
                return None

    def signed(self, webhook: Webhook) -> Request:
        headers = signed(self.settings.consumer_secret.key(), webhook.body)
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    # -- the API ------------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.method == "POST" and call.segments[-1] in ("messages", "tweets")

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        date = datetime.fromtimestamp(int(self.now.timestamp()), UTC)
        reset = int(date.timestamp() + (retry_after_s or 1))
        headers = {"x-rate-limit-reset": str(reset), "date": date.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        return json_answer(
            429, {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank"}, **headers
        )

    def answer(self, call: Call) -> ProviderResponse:
        wrong = self._unsigned(call)
        if wrong is not None:
            return self.refuse(401, {"title": "Unauthorized", "detail": "Unauthorized"}, f"X: {wrong}")
        match (call.method, call.segments):
            case ("POST", ["2", "dm_conversations", "with", person, "messages"]):
                return self._say(person, call.json() or {})
            case ("POST", ["2", "tweets"]):
                return self._tweet(call.json() or {})
            case ("POST", ["2", "media", "upload", "initialize"]):
                identifier = str(self._id())
                self.uploads[identifier] = b""
                return json_answer(200, {"data": {"id": identifier, "media_key": f"3_{identifier}"}})
            case ("POST", ["2", "media", "upload", identifier, "append"]) if identifier in self.uploads:
                self.uploads[identifier] += call.body.partition(b"octet-stream\r\n\r\n")[2].rpartition(b"\r\n--")[0]
                return json_answer(200, {"data": {"expires_at": 0}})
            case ("POST", ["2", "media", "upload", identifier, "finalize"]) if identifier in self.uploads:
                return json_answer(200, {"data": {"id": identifier, "size": len(self.uploads[identifier])}})
            case ("GET", ["1.1", "ton", "data", "dm", _, _, name]):
                found = self.file(name)
                return ProviderResponse(404) if found is None else ProviderResponse(200, {}, found.data)
            case ("GET", ["2", "users", person]):
                known = self.profiles.get(person)
                return json_answer(200, {"data": known} if known else {"errors": [{"title": "Not Found Error"}]})
            case _:
                return self.refuse(404, {"title": "Not Found"}, f"X: {call.method} {call.path} is not there")

    def _say(self, person: str, body: dict[str, Any]) -> ProviderResponse:
        text, attached = body.get("text", ""), body.get("attachments", [])
        if (
            not (text or attached)
            or len(text) > 10_000
            or any(each["media_id"] not in self.uploads for each in attached)
        ):
            return self.refuse(400, {"title": "Invalid Request", "detail": "wrong message"}, "X: a wrong message")
        if person in self.blocked:
            return json_answer(403, {"title": "Forbidden", "detail": "You cannot send messages to this user."})
        sent = self.reach(person, text, body, str(self._id()))
        return json_answer(201, {"data": {"dm_conversation_id": f"{person}-1", "dm_event_id": sent}})

    def _tweet(self, body: dict[str, Any]) -> ProviderResponse:
        text = body.get("text", "")
        if not text or weight(text) > MOST or not body.get("reply", {}).get("in_reply_to_tweet_id"):
            return self.refuse(400, {"title": "Invalid Request"}, "X: a wrong post")
        sent = self.reach("public", text, body, str(self._id()))
        return json_answer(201, {"data": {"id": sent, "text": text}})

    def _unsigned(self, call: Call) -> str | None:
        """Why the call is not the account's; None when it is."""
        given = call.headers.get("authorization", "")
        fields = {name: unquote(value) for name, value in _FIELD.findall(given)}
        seconds, nonce = fields.get("oauth_timestamp", ""), fields.get("oauth_nonce", "")
        if not seconds.isdigit() or abs(int(seconds) - call.at.timestamp()) > CLOCK_S:
            return "a time that is too far from now"
        if not nonce or nonce in self._nonces:
            return "a nonce that was used before"
        self._nonces.add(nonce) if nonce != "0" * 32 else None
        url = self.settings.api_base + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        at = datetime.fromtimestamp(int(seconds), UTC)
        return None if given == header(self.settings, call.method, url, at, nonce) else "a wrong signature"

    def _id(self) -> int:
        self._ids += 1
        return self._ids
