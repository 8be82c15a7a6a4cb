"""Three providers whose channels are nothing but configuration, imitated: the examples of the README.

``madoguchi simulate-provider mapped`` runs the chat app; tests run all three.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.kit import standard_webhooks
from connectors.mapped.proof import sign
from connectors.mapped.settings import MappedSettings
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import iso, milliseconds
from contracts.content import Audio, File, Image, Part, Postback, Text, Video


class MappedSimulator(ProviderSimulator[MappedSettings]):
    """What the three share."""

    blocked: ClassVar[str] = "blocked"
    """Whoever has this address does not want to hear from us."""

    def _url(self) -> str:
        """Where our calls go, as the settings have it."""
        scheme, _, rest = (self.settings.send.url if self.settings.send is not None else "").partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def _token(self) -> str:
        return self.settings.token.reveal() if self.settings.token is not None else ""

    def _signature(self, body: bytes, timestamp: str = "") -> str:
        how = self.settings.verify
        return how.prefix + sign(how, self.settings.keys()[0], body, timestamp, self.to).decode()

    def served(self, name: str) -> ProviderResponse:
        """A file of a customer."""
        found = self.file(name)
        if found is None:
            return ProviderResponse(404)
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)


class SmsSimulator(MappedSimulator):
    """An SMS gateway: forms both ways, errors within HTTP 200."""

    customer = "+818012345678"
    blocked = "+810000000000"

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "secret": "secret-shared-with-the-gateway",
            "token": "password-of-the-gateway",
            "verify": {"by": "hmac", "header": "X-Gateway-Signature", "algorithm": "sha256", "encoding": "hex"},
            "receive": {
                "format": "form", "id": "message_id", "sender": "from || to", "text": "text", "time": "sent",
                "time_in": "s", "kind": "event", "code": "error", "answer": "OK",
                "kinds": {"inbound": "message", "delivered": "delivered", "undelivered": "failed"},
            },
            "send": {
                "url": f"{url}/sms/send", "format": "form", "username": "shop", "text_limit": 670,
                "headers": {"Authorization": "Basic {basic}"},
                "body": {"from": "+815012345678", "to": "{to}", "text": "{text}", "reference": "{key}"},
                "answer": {
                    "id": "message_id", "good": "status=='0'", "code": "status", "reason": "error_text",
                    "errors": {"1": "throttled", "6": "recipient_gone", "7": "opted_out", "9": "config"},
                },
            },
        }  # fmt: skip

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        if not isinstance(part, Text):
            return None
        at = milliseconds(self.now) // 1_000
        fields = {"event": "inbound", "message_id": f"in-{number}", "from": customer, "text": part.text, "sent": at}
        return urlencode(fields).encode()

    def signed(self, webhook: Webhook) -> Request:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-gateway-signature": self._signature(webhook.body),
        }
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    def taken(self, webhook: Webhook, response: ProviderResponse) -> bool:
        return super().taken(webhook, response) and response.body == b"OK"

    def answer(self, call: Call) -> ProviderResponse:
        if (call.method, call.path) != ("POST", "/sms/send"):
            return self.refuse(404, None, f"{call.method} {call.path} is not there")
        basic = base64.b64encode(f"shop:{self._token()}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {basic}":
            return self.refuse(401, None, "who is it?")
        form = call.form()
        if not form.get("to") or not form.get("text") or len(form["text"]) > 670:
            return self.refuse(200, {"status": "2", "error_text": "missing or too long"}, "a wrong form")
        if form["to"] == self.blocked:
            return json_answer(200, {"status": "7", "error_text": "Number barred"})
        sent = self.reach(form["to"], form["text"], form)
        told = {"event": "delivered", "message_id": sent, "to": form["to"], "sent": milliseconds(self.now) // 1_000}
        self.post(urlencode(told).encode(), after_s=1.0)
        return json_answer(200, {"status": "0", "message_id": sent})


class ChatSimulator(MappedSimulator):
    """A chat app: JSON, many events in one request, a signed time, files and buttons, keys against repeats."""

    customer = "user-1"

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        file = {"file": {"link": "{file_url}", "title": "{file_name}", "type": "{file_type}"}, "comment": "{text}"}
        auth = {"Authorization": "Bearer {token}", "Idempotency-Key": "{key}"}
        return {
            "secret": "signing-secret-of-the-app",
            "token": "token-of-the-app",
            "verify": {
                "by": "hmac", "header": "X-Chat-Signature", "prefix": "v0=", "encoding": "base64",
                "signed": "v0:{timestamp}:{body}", "timestamp_header": "X-Chat-Time", "tolerance_s": 300,
            },
            "receive": {
                "each": "events", "id": "message.id", "sender": "chat.id", "author": "user.id", "name": "user.name",
                "text": "message.text", "time": "at", "time_in": "ms", "reply_to": "message.answers",
                "files": "message.files", "file": {"url": "link", "name": "title", "type": "type", "size": "bytes"},
                "picked": "message.button.value", "picked_label": "message.button.label", "emoji": "reaction.emoji",
                "ours": "user.bot", "kind": "type",
                "kinds": {
                    "message.new": "message", "message.changed": "edit", "message.gone": "unsend", "seen": "read",
                    "reaction": "reaction", "writing": "typing", "failed": "failed",
                },
            },
            "send": {
                "url": f"{url}/api/chats/{{to}}/messages", "headers": auth, "idempotent": True, "text_limit": 4000,
                "body": {"text": "{text}", "answers": "{reply_to}", "as": {"name": "{author}"}},
                "file": {"url": f"{url}/api/chats/{{to}}/files", "headers": auth, "body": file},
                "answer": {
                    "id": "message.id", "code": "error.code", "reason": "error.message",
                    "errors": {"chat_closed": "recipient_gone", "blocked": "opted_out", "too_long": "too_large"},
                },
            },
        }  # fmt: skip

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        content = self._content(part, number)
        return None if content is None else self.event("message.new", customer, {"id": f"in-{number}", **content})

    def event(self, kind: str, chat: str, message: dict[str, Any], **more: Any) -> bytes:
        """One thing that happened, told alone."""
        event = {"type": kind, "chat": {"id": chat}, "at": milliseconds(self.now), "message": message, **more}
        person = {"id": chat, "name": "山田花子", "bot": False}
        return msgspec.json.encode({"events": [{"user": person, **event}]})

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"text": part.text}
            case Image() | Audio() | Video() | File():
                given = part.attachment
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", given.media_type))
                link = f"{self._url()}/files/{number}"
                return {"files": [{"link": link, "title": given.name, "type": given.media_type}]}
            case Postback():
                return {"button": {"value": part.value, "label": part.label}}
            case _:
                return None

    def signed(self, webhook: Webhook) -> Request:
        at = str(int(self.now.timestamp()))
        signature = self._signature(webhook.body, at)
        headers = {"content-type": "application/json", "x-chat-time": at, "x-chat-signature": signature}
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    def answer(self, call: Call) -> ProviderResponse:
        if call.method == "GET" and call.segments[:1] == ["files"]:
            return self.served(call.segments[-1])
        if call.headers.get("authorization") != f"Bearer {self._token()}":
            return self.refuse(401, {"error": {"code": "who"}}, "who is it?")
        match (call.method, call.segments):
            case ("POST", ["api", "chats", chat, "messages" | "files"]):
                key = call.headers.get("idempotency-key")
                return self.once(key, call.body, lambda: self._take(chat, call.json() or {}))
            case _:
                return self.refuse(404, None, f"{call.method} {call.path} is not there")

    def _take(self, chat: str, body: dict[str, Any]) -> ProviderResponse:
        text = body.get("text") or body.get("comment") or ""
        if not text and "file" not in body:
            return self.refuse(422, {"error": {"code": "empty"}}, "nothing in it")
        if len(text) > 4_000:
            return self.refuse(422, {"error": {"code": "too_long"}}, "too long")
        if chat == self.blocked:
            return json_answer(403, {"error": {"code": "blocked", "message": "The user blocked this app"}})
        sent = self.reach(chat, text, body)
        self.post(self.event("seen", chat, {"id": sent}), after_s=1.0)
        return json_answer(200, {"message": {"id": sent}})


class TicketSimulator(MappedSimulator):
    """A ticket system: Standard Webhooks, a ticket is a thread, answers are comments on it."""

    customer = "requester-7"

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "token": "api-key-of-the-tickets",
            "verify": {"by": "standard"},
            "receive": {
                "when": "event=='ticket.created' || event=='comment.created'", "ours": "comment.author.staff",
                "id": "comment.id", "sender": "requester.id", "name": "requester.name", "email": "requester.email",
                "subject": "ticket.title", "thread": "ticket.number", "text": "comment.plain", "html": "comment.html",
                "time": "comment.created_at", "files": "comment.attachments",
                "file": {"url": "url", "type": "content_type"},
            },
            "send": {
                "method": "PUT", "url": f"{url}/v2/comments/{{key}}", "idempotent": True,
                "headers": {"X-Api-Key": "{token}"},
                "body": {
                    "ticket": "{thread}", "requester": "{to}",
                    "comment": {"plain": "{text}", "public": True, "signature": "{author}"},
                },
                "answer": {"id": "comment.id", "reason": "errors[0].detail", "errors": {"423": "window_closed"}},
            },
        }  # fmt: skip

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        match part:
            case Text():
                content: dict[str, Any] = {"plain": part.text}
            case Image() | File():
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", part.attachment.media_type))
                file = {"url": f"{self._url()}/files/{number}", "content_type": part.attachment.media_type}
                content = {"plain": "添付", "attachments": [file]}
            case _:
                return None
        comment = {"id": 7_000 + number, "created_at": iso(self.now), "author": {"staff": False}, **content}
        return self.event("comment.created", customer, comment)

    def event(self, kind: str, requester: str, comment: dict[str, Any], ticket: int = 4711) -> bytes:
        """What the system tells of a comment."""
        person = {"id": requester, "name": "山田花子", "email": "hanako@example.com"}
        about = {"requester": person, "ticket": {"number": ticket, "title": "届かない"}}
        return msgspec.json.encode({"event": kind, **about, "comment": comment})

    def signed(self, webhook: Webhook) -> Request:
        signed = standard_webhooks.headers(self.settings.keys(), f"evt_{webhook.number}", self.now, webhook.body)
        return posted(self.to, webhook.path, {"content-type": "application/json", **signed}, webhook.body, self.now)

    def is_send(self, call: Call) -> bool:
        return call.method == "PUT"

    def answer(self, call: Call) -> ProviderResponse:
        if call.method == "GET" and call.segments[:1] == ["files"]:
            return self.served(call.segments[-1])
        if call.headers.get("x-api-key") != self._token():
            return self.refuse(401, None, "who is it?")
        match (call.method, call.segments):
            case ("PUT", ["v2", "comments", key]):
                return self.once(key, call.body, lambda: self._take(call.json() or {}))
            case _:
                return self.refuse(404, None, f"{call.method} {call.path} is not there")

    def _take(self, body: dict[str, Any]) -> ProviderResponse:
        comment, requester = body.get("comment", {}), body.get("requester", "")
        if not comment.get("plain") or comment.get("public") is not True or body.get("ticket", "4711") != "4711":
            return self.refuse(422, {"errors": [{"detail": "plain is needed"}]}, "a wrong comment")
        sent = self.reach(requester, comment["plain"], body, str(9_000 + len(self.reached)))
        echo = {"id": int(sent), "plain": comment["plain"], "author": {"staff": True}, "created_at": iso(self.now)}
        self.post(self.event("comment.created", requester, echo), after_s=1.0)
        return json_answer(200, {"comment": {"id": int(sent)}})
