"""WhatsApp, imitated: its webhooks, its media, and its way of sending, strictly."""

from __future__ import annotations

from typing import Any, Final

from connectors.api import ProviderResponse
from connectors.meta.simulator import WINDOW_S, MetaSimulator
from connectors.meta.whatsapp.inbound import PHONE, USER_ID
from connectors.meta.whatsapp.settings import WhatsAppSettings
from connectors.meta.whatsapp.simulate import contact, enveloped, told, wamid
from connectors.testing.provider import Call, Media, json_answer
from contracts.codec import milliseconds
from contracts.content import Audio, ContactCard, File, Image, Location, Part, Postback, Reaction, Text, Video

_DELIVERED_AFTER_S: Final = 1.0
_LENGTHS: Final = {"text": ("body", 4_096), "image": ("caption", 1_024), "video": ("caption", 1_024)}
_WANTED: Final[dict[str, frozenset[str]]] = {
    "text": frozenset({"body"}),
    "image": frozenset({"link"}),
    "video": frozenset({"link"}),
    "audio": frozenset({"link"}),
    "document": frozenset({"link", "filename"}),
    "location": frozenset({"latitude", "longitude"}),
    "reaction": frozenset({"message_id", "emoji"}),
    "interactive": frozenset({"type", "body", "action"}),
    "template": frozenset({"name", "language"}),
}
"""What a message of each type must have; contacts are a list."""


class WhatsAppSimulator(MetaSimulator[WhatsAppSettings]):
    """One business phone number."""

    customer = "819012345678"

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "phone_number_id": "106540352242922", "phone_number": "+15550783881"}

    # -- webhooks -----------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        made = self._made(part, number)
        if made is None:
            return None
        kind, what = made
        if kind in ("image", "video", "audio", "document"):
            self.media.setdefault(what["id"], Media(b"\xff\xd8\xff", "image/jpeg"))
        self.grant(customer, customer, WINDOW_S)
        at = milliseconds(self.now)
        message = told(customer, wamid(customer, number), at, kind, what)
        return enveloped(self.settings.phone_number_id, {"contacts": [contact(customer)], "messages": [message]})

    def _made(self, part: Part, number: int) -> tuple[str, Any] | None:
        """The message's type, and what belongs under it."""
        file = {"id": str(1_000_000_000_000_000 + number), "sha256": "x"}
        match part:
            case Text():
                return "text", {"body": part.text}
            case Image() | Video():
                kind = "image" if isinstance(part, Image) else "video"
                return kind, {**file, "mime_type": f"{kind}/{'jpeg' if kind == 'image' else 'mp4'}"}
            case Audio():
                return "audio", {**file, "mime_type": "audio/ogg; codecs=opus", "voice": True}
            case File():
                return "document", {**file, "mime_type": part.attachment.media_type, "filename": part.attachment.name}
            case Location():
                return "location", {"latitude": part.latitude, "longitude": part.longitude, "name": part.title}
            case Postback():
                reply = {"id": part.value, "title": part.label or part.value}
                return "interactive", {"type": "button_reply", "button_reply": reply}
            case ContactCard():
                return "contacts", [{"name": {"formatted_name": part.name}}]
            case Reaction():
                return "reaction", {"message_id": part.target, "emoji": part.emoji}
            case _:
                return None

    # -- the Cloud API ------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.path.endswith("/messages") and "type" in (call.json() or {})

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        match (call.method, path):
            case ("POST", [self.settings.phone_number_id, "messages"]):
                return self._message(call.json())
            case ("GET", [self.settings.phone_number_id]):
                card = {
                    "display_phone_number": "+1 555-078-3881",
                    "verified_name": "Madoguchi",
                    "quality_rating": "GREEN",
                }
                return json_answer(200, {**card, "id": self.settings.phone_number_id})
            case ("GET", [media]) if media in self.media:
                return json_answer(200, {"url": f"{self.settings.api_base}/lookaside/{media}", "id": media})
            case _:
                return self.unknown()

    def served(self, path: list[str]) -> ProviderResponse:
        found = self.file(path[-1])
        if found is None or path[0] != "lookaside":
            return ProviderResponse(404)
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)

    def _message(self, body: Any) -> ProviderResponse:
        if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
            return self.no(400, 100, "The parameter messaging_product is required.")
        if body.get("status") == "read":
            known = str(body.get("message_id")).startswith("wamid.")
            return (
                json_answer(200, {"success": True}) if known else self.no(400, 131009, "Parameter value is not valid")
            )
        to = str(body.get("to") or body.get("recipient"))
        wrong = _wrong(body)
        if wrong is not None:
            return self.no(400, 131009, wrong)
        if body["type"] != "template" and self.spend(to) is None:
            return self.cannot(400, 131047, "Re-engagement message")
        return self._accept(to, body)

    def _accept(self, to: str, body: dict[str, Any]) -> ProviderResponse:
        content = body[body["type"]]
        text = content.get("body") or content.get("caption") or "" if isinstance(content, dict) else ""
        words = text if isinstance(text, str) else text["text"]
        message = self.reach(to, words, body, wamid(to, "out", len(self.reached)))
        for after, status in ((0.0, "sent"), (_DELIVERED_AFTER_S, "delivered")):
            self.tell(to, message, status, after, body.get("biz_opaque_callback_data"))
        accepted = {"contacts": [{"input": to, "wa_id": to}], "messages": [{"id": message}]}
        return json_answer(200, {"messaging_product": "whatsapp", **accepted})

    def tell(self, to: str, message: str, status: str, after_s: float = 0.0, data: str | None = None) -> None:
        """What became of a message of ours is told to us."""
        fact = {"id": message, "status": status, "timestamp": str(milliseconds(self.now) // 1_000), "recipient_id": to}
        if data is not None:
            fact["biz_opaque_callback_data"] = data
        self.post(enveloped(self.settings.phone_number_id, {"statuses": [fact]}), after_s)


def _wrong(body: dict[str, Any]) -> str | None:
    """What WhatsApp would say against a message; None: nothing."""
    kind = body.get("type")
    content = body.get(kind) if isinstance(kind, str) else None
    if kind == "contacts":
        return None if isinstance(content, list) and content else "contacts must be a list"
    if kind not in _WANTED or not isinstance(content, dict):
        return f"type {kind!r} needs an object of that name"
    missing = sorted(_WANTED[kind] - set(content))
    if missing:
        return f"{kind}.{missing[0]} is required"
    field, most = _LENGTHS.get(kind, ("", 0))
    if len(content.get(field, "")) > most:
        return f"Param {kind}.{field} must be at most {most} characters long"
    if "link" in content and not content["link"].startswith("https://"):
        return f"Param {kind}.link is not a valid URI"
    return _wrong_target(body) or (_wrong_choice(content) if kind == "interactive" else None)


def _wrong_target(body: dict[str, Any]) -> str | None:
    if "recipient" in body:
        return None if USER_ID.fullmatch(body["recipient"]) else "recipient is no business-scoped user id"
    if body.get("recipient_type") == "group":
        return None if body.get("to") else "to is required"
    return None if PHONE.fullmatch(str(body.get("to"))) else "to is no phone number"


def _wrong_choice(content: dict[str, Any]) -> str | None:
    action = content["action"]
    titles = [each["reply"]["title"] for each in action.get("buttons", ())]
    rows = [row["title"] for section in action.get("sections", ()) for row in section["rows"]]
    if len(titles) > 3 or any(not 1 <= len(title) <= 20 for title in titles):
        return "at most 3 buttons of at most 20 characters"
    if len(rows) > 10 or any(not 1 <= len(title) <= 24 for title in rows):
        return "at most 10 rows of at most 24 characters"
    return None if len(content["body"]["text"]) <= 1_024 else "the body is too long"
