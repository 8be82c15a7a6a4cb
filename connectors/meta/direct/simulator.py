"""Messenger and Instagram, imitated: what people send, echoes, and the Send API, strictly."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar

from connectors.api import ProviderResponse
from connectors.kit.text import size
from connectors.meta.direct.connector import DirectConnector
from connectors.meta.direct.dialect import Dialect
from connectors.meta.direct.settings import DirectSettings
from connectors.meta.direct.simulate import echoed, enveloped, mid, told
from connectors.meta.simulator import WINDOW_S, MetaSimulator
from connectors.testing.provider import Call, Media, json_answer
from contracts.codec import milliseconds
from contracts.content import Audio, File, Image, Location, Part, Postback, Reaction, Text, Video

AGENT_WINDOW_S: Final = 7 * WINDOW_S
CLOSED: Final = "This message is sent outside of allowed window."

S = TypeVar("S", bound=DirectSettings)


class DirectSimulator(MetaSimulator[S]):
    """One page or account. ``closed`` is the subcode of a closed window."""

    channel: ClassVar[type[DirectConnector[Any]]]
    closed: ClassVar[int]

    @property
    def dialect(self) -> Dialect:
        """The account's."""
        return self.channel.dialect_of(self.settings)

    # -- webhooks -----------------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        what = self._made(part, number, mid(customer, number))
        if what is None:
            return None
        self.grant(customer, customer, WINDOW_S)
        self.grant(f"agent {customer}", customer, AGENT_WINDOW_S)
        return enveloped(self.dialect, told(self.dialect, customer, milliseconds(self.now), **what))

    def _made(self, part: Part, number: int, message: str) -> dict[str, Any] | None:
        match part:
            case Text():
                return {"message": {"mid": message, "text": part.text}}
            case Image() | Video() | Audio() | File():
                kind = {Image: "image", Video: "video", Audio: "audio", File: "file"}[type(part)]
                self.media.setdefault(str(number), Media(b"\xff\xd8\xff", "image/jpeg"))
                link = f"{self.settings.api_base}/cdn/{number}"
                return {"message": {"mid": message, "attachments": [{"type": kind, "payload": {"url": link}}]}}
            case Location():
                place = {"coordinates": {"lat": part.latitude, "long": part.longitude}}
                return {"message": {"mid": message, "attachments": [{"type": "location", "payload": place}]}}
            case Postback():
                return {"postback": {"mid": message, "title": part.label or part.value, "payload": part.value}}
            case Reaction():
                return {"reaction": {"mid": part.target, "action": "react", "reaction": "other", "emoji": part.emoji}}
            case _:
                return None

    # -- the Send API -------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.path.endswith("/messages") and "message" in (call.json() or {})

    def answer(self, call: Call) -> ProviderResponse:
        # The CDN knows its files by their link alone.
        return self.served(call.segments) if call.segments[0] == "cdn" else super().answer(call)

    def served(self, path: list[str]) -> ProviderResponse:
        found = self.file(path[-1])
        if found is None or path[0] != "cdn":
            return ProviderResponse(404)
        return ProviderResponse(200, {"content-type": found.media_type}, found.data)

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        match (call.method, path):
            case ("POST", [self.dialect.node, "messages"]):
                return self._send(call.json())
            case ("GET", [person]) if person in self.profiles:
                return json_answer(200, self.profiles[person])
            case ("GET", [self.dialect.node | "me"]):
                return json_answer(200, {"id": self.dialect.own_id})
            case ("GET", [_]):
                return self.cannot(400, 100, "Unsupported get request", 33)
            case _:
                return self.unknown()

    def _send(self, body: Any) -> ProviderResponse:
        to = body.get("recipient", {}).get("id") if isinstance(body, dict) else None
        if not isinstance(to, str):
            return self.no(400, 100, "Parameter recipient is required")
        if "sender_action" in body:
            alone = "message" not in body
            return (
                json_answer(200, {"recipient_id": to}) if alone else self.no(400, 100, "An action goes without message")
            )
        wrong = self._wrong(body)
        if wrong is not None:
            return self.no(400, 100, wrong)
        window = f"agent {to}" if body.get("tag") == "HUMAN_AGENT" else to
        return self.cannot(400, 10, CLOSED, self.closed) if self.spend(window) is None else self._accept(to, body)

    def _accept(self, to: str, body: dict[str, Any]) -> ProviderResponse:
        message = body["message"]
        sent = self.reach(to, message.get("text", ""), body, mid(to, "out", len(self.reached)))
        at = milliseconds(self.now)
        self.post(enveloped(self.dialect, echoed(self.dialect, to, at, {**message, "mid": sent, "app_id": 1})))
        self.told_of(to, sent, at)
        return json_answer(200, {"recipient_id": to, "message_id": sent})

    def told_of(self, to: str, sent: str, at: int) -> None:
        """What else the channel tells of a message that was sent."""

    def _wrong(self, body: dict[str, Any]) -> str | None:
        """What Meta would say against a message; None: nothing."""
        dialect, message = self.dialect, body.get("message")
        if not isinstance(message, dict) or not ("text" in message) ^ ("attachment" in message):
            return "A message has a text or an attachment"
        if dialect.types and body.get("messaging_type") not in ("RESPONSE", "UPDATE", "MESSAGE_TAG"):
            return "Parameter messaging_type is required"
        if not 0 < size(message.get("text", "x"), dialect.text_unit) <= dialect.text_limit:
            return f"Length of param message[text] must be at most {dialect.text_limit}"
        if len(message.get("metadata", "")) >= 1_000 or ("metadata" in message and not dialect.marks):
            return "Param message[metadata] is not allowed"
        replies = message.get("quick_replies", ())
        if len(replies) > 13 or any(not 0 < len(each["title"]) <= 20 for each in replies):
            return "At most 13 quick replies of at most 20 characters"
        link = message.get("attachment", {}).get("payload", {}).get("url", "https://")
        return None if link.startswith("https://") else "The url should be HTTPS"
