"""The other system behind a webhook account, imitated: it signs what it posts and checks what it gets."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.kit import standard_webhooks
from connectors.testing.provider import Call, Media, ProviderSimulator, Webhook, json_answer, posted
from connectors.webhook.settings import WebhookSettings
from contracts.codec import iso
from contracts.content import Audio, File, Image, Location, Part, Postback, Text, Video


class WebhookSimulator(ProviderSimulator[WebhookSettings]):
    """Somebody's own shop, say."""

    customer = "customer-1"

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "url": f"{url}/hook"}

    # -- what it posts ------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        content = self._content(part, number)
        if content is None:
            return None
        said = {"type": "message", "id": f"in-{number}", "sender": {"id": customer}, "sent_at": iso(self.now)}
        return msgspec.json.encode({**said, **content})

    def _content(self, part: Part, number: int) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"text": part.text}
            case Image() | Audio() | Video() | File():
                given = part.attachment
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", given.media_type))
                url = f"{self._base()}/files/{number}"
                return {"attachments": [{"url": url, "name": given.name, "media_type": given.media_type}]}
            case Location():
                return {"location": {"latitude": part.latitude, "longitude": part.longitude, "title": part.title}}
            case Postback():
                return {"postback": {"value": part.value, "label": part.label}}
            case _:
                return None

    def _base(self) -> str:
        return (self.settings.url or "").removesuffix("/hook")

    def signed(self, webhook: Webhook) -> Request:
        headers = standard_webhooks.headers(self.settings.keys(), f"msg_{webhook.number}", self.now, webhook.body)
        return posted(self.to, webhook.path, {"content-type": "application/json", **headers}, webhook.body, self.now)

    # -- what it takes ------------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> ProviderResponse:
        match (call.method, call.segments):
            case ("POST", ["hook"]):
                return self._take(call)
            case ("GET", ["files", name]):
                found = self.file(name)
                return (
                    ProviderResponse(404)
                    if found is None
                    else ProviderResponse(200, {"content-type": found.media_type}, found.data)
                )
            case _:
                return self.refuse(404, None, f"{call.method} {call.path} is not there")

    def _take(self, call: Call) -> ProviderResponse:
        wrong = standard_webhooks.fault(self.settings.keys(), call.headers, call.body, call.at)
        if wrong is not None:
            return self.refuse(401, {"error": wrong}, wrong)
        body = call.json()
        if not isinstance(body, dict) or body.get("type") != "message" or not body.get("parts"):
            return self.refuse(400, {"error": "no message"}, "a body that is not as documented")
        return self.once(call.headers["webhook-id"], call.body, lambda: self._reach(body))

    def _reach(self, body: dict[str, Any]) -> ProviderResponse:
        text = "\n".join(part["text"] for part in body["parts"] if part["kind"] == "text")
        reached = self.reach(body["to"], text, body)
        receipt = {"type": "receipt", "sender": {"id": body["to"]}, "id": reached, "sent_at": iso(self.now)}
        self.post(msgspec.json.encode({**receipt, "state": "delivered"}), after_s=1.0)
        return json_answer(200, {"id": reached})
