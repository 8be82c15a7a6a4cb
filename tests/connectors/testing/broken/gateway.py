"""A connector of a made-up provider that does everything the kit looks at, and keeps every rule."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from connectors.api import (
    NATIVE,
    Action,
    Batch,
    Connector,
    Failed,
    Ignored,
    Malformed,
    Manifest,
    MediaRule,
    NotAccepted,
    Outbound,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Publish,
    Refused,
    Request,
    Response,
    Secret,
    Sent,
    SessionOpen,
    Sink,
    Then,
    Verified,
    default_interpret,
    degraded,
    refused,
)
from connectors.kit.json import BadJson, read
from connectors.kit.signatures import equal, hmac_sha256
from connectors.testing.provider import Call, ProviderSimulator, Webhook, json_answer, posted
from contracts.codec import moment
from contracts.content import KINDS, File, Image, Part, Text
from contracts.identity import Profile
from contracts.ids import digest
from contracts.inbound import InboundMessage, InboundReceipt, Sender

SECRET: Final = "s3cret0fthegateway"
TOKEN: Final = "t0kenofthegateway"
VERIFY: Final = "v3rifytheset1up"
PHONE: Final = "+818012345678"
AS_TEXT: Final = ("audio", "video", "contact_card", "sticker", "choice")
TOLERANCE_S: Final = 300


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    secret: Secret
    token: Secret
    verify_token: Secret
    api_base: str = "https://api.gateway.example"
    box: str = ""


class Event(msgspec.Struct, frozen=True, rename={"phone": "from"}):
    type: str
    id: str
    phone: str
    text: str = ""
    echo: bool = False


class Envelope(msgspec.Struct, frozen=True):
    events: tuple[msgspec.Raw, ...]


_envelope: Final = msgspec.json.Decoder(Envelope)
_event: Final = msgspec.json.Decoder(Event)
_object: Final = msgspec.json.Decoder(dict[str, Any])


def mac(secret: Secret, seconds: str, body: bytes) -> bytes:
    """The signature over the time and the body."""
    return hmac_sha256(secret.key(), f"{seconds}.".encode() + body).hex().encode()


class Gateway(Connector[Settings]):
    """Every check of the kit is for it, and none goes red."""

    Settings = Settings
    simulator: ClassVar[str | None] = "tests.connectors.testing.broken.gateway:GatewaySimulator"
    manifest = Manifest(
        name="gateway",
        title="Gateway",
        title_ja="ゲートウェイ",
        channel_class="custom",
        carries=dict.fromkeys(KINDS, refused("never sent"))
        | dict.fromkeys(AS_TEXT, degraded("a text"))
        | dict.fromkeys(("text", "image", "file", "location"), NATIVE),
        text_limit=1_000,
        receipts=("delivered",),
        idempotent=True,
        typing=True,
        profile_lookup=True,
        listens="leased",
        sessions=True,
        media={"image": MediaRule()},
    )

    # -- receiving ----------------------------------------------------------------------------------------------------

    def handshake(self, request: Request) -> Response | None:
        if request.method != "GET":
            return None
        if not equal(self.settings.verify_token.key(), request.query.get("verify")):
            return Response(403)
        return Response(200, request.query.get("challenge", "").encode())

    def verify(self, request: Request) -> Verified | Refused:
        seconds = request.headers.get("x-time", "")
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
            return Refused("no x-time")
        if abs(request.received_at.timestamp() - int(seconds)) > TOLERANCE_S:
            return Refused("too old")
        good = equal(mac(self.settings.secret, seconds, request.body), request.headers.get("x-signature"))
        return Verified() if good else Refused("x-signature does not fit")

    def parse(self, request: Request) -> Parsed:
        envelope = read(request.body, _envelope)
        if isinstance(envelope, BadJson):
            return Malformed(envelope.reason)
        events, raws, ignored = [], [], []
        for raw in envelope.events:
            made = self.event(bytes(raw), request)
            if isinstance(made, str):
                ignored.append(made)
            else:
                events.append(made)
                raws.append(bytes(raw))
        return self.batch(events, raws, ignored)

    def batch(self, events: list[Any], raws: list[bytes], ignored: list[str]) -> Parsed:
        if events:
            return Batch(tuple(events), tuple(raws), ignored=tuple(ignored))
        return Ignored("; ".join(ignored) or "nothing in it")

    def event(self, raw: bytes, request: Request) -> Any:
        """An event of ours, or why there is none."""
        said = read(raw, _event)
        if isinstance(said, BadJson):
            return said.reason
        if not said.id or not said.phone:
            return "no id or sender"
        sender = Sender(said.phone, verified=True)
        match said.type:
            case "message" if said.echo:
                return "what we sent ourselves"
            case "message":
                return InboundMessage(said.id, sender, (Text(said.text),))
            case "delivered":
                return InboundReceipt(sender, "delivered", said.id)
            case _:
                return f"unknown type {said.type[:20]!r}"

    def simulate(self, address: str, text: str, number: int, at_ms: int) -> Request | None:
        body = encoded("message", f"in-{number}", address, text)
        seconds = str(at_ms // 1_000)
        headers = {"x-time": seconds, "x-signature": mac(self.settings.secret, seconds, body).decode()}
        return Request("POST", "", {}, headers, body, moment(at_ms), "")

    async def listen(self, sink: Sink) -> None:
        done = int(await sink.load("cursor") or b"0")
        while True:
            lines = Path(self.settings.box).read_text().split()
            for number in range(done, len(lines)):
                await self.hand_over(sink, lines[number], number)
                done = number + 1
            await asyncio.sleep(0.001)

    async def hand_over(self, sink: Sink, line: str, number: int) -> None:
        await self.publish(sink, line)
        await sink.save("cursor", str(number + 1).encode())

    async def publish(self, sink: Sink, line: str) -> None:
        while True:
            try:
                await sink.publish(Batch((InboundMessage(line, Sender(PHONE), (Text(line),)),), (line.encode(),)))
            except NotAccepted as refusal:
                await asyncio.sleep(refusal.retry_after_s)
            else:
                return

    def session(self, opened: SessionOpen) -> Any:
        return Talk(opened)

    # -- sending ------------------------------------------------------------------------------------------------------

    def render(self, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
        return [self.call(outbound, place) for place in range(outbound.done, len(outbound.pieces))]

    def call(self, outbound: Outbound, place: int) -> ProviderRequest:
        piece = outbound.pieces[place]
        if isinstance(piece, File):
            link = outbound.media[piece.attachment.id]
            return self.post("/uploads", {"from": link.url}, f"{outbound.key}.{place}", {"to": outbound.reach.address})
        body = {"to": outbound.reach.address, **self.said(piece, outbound)}
        return self.post("/messages", body, f"{outbound.key}.{place}")

    def said(self, piece: Part, outbound: Outbound) -> dict[str, Any]:
        if isinstance(piece, Text):
            return {"text": piece.text}
        if isinstance(piece, Image):
            return {"image": outbound.media[piece.attachment.id].url}
        return {"place": msgspec.to_builtins(piece)}

    def post(self, path: str, body: Any, key: str, memo: Any = None) -> ProviderRequest:
        secret = {"authorization": f"Bearer {self.settings.token.reveal()}"}
        return ProviderRequest(
            "POST", self.settings.api_base + path, {"idempotency-key": key}, secret, msgspec.json.encode(body),
            idempotent=True, memo=memo,
        )  # fmt: skip

    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Any:
        if response.failure is not None or not 200 <= response.status < 300:
            return default_interpret(request, response)
        answer = read(response.body, _object)
        identifier = "" if isinstance(answer, BadJson) else answer.get("id")
        if request.memo is not None and isinstance(identifier, str):
            key = f"{request.headers['idempotency-key']}.2"
            return Then(self.post("/messages", {**request.memo, "file": identifier}, key))
        return Sent((identifier,)) if identifier and isinstance(identifier, str) else Sent()

    # -- looking up ---------------------------------------------------------------------------------------------------

    def typing_request(self, address: str, on: bool) -> ProviderRequest | None:
        return self.post("/typing", {"to": address}, "typing")

    def profile_request(self, address: str, author: str | None) -> ProviderRequest | None:
        return self.post("/who", {"phone": address}, "who")

    def read_profile(self, response: ProviderResponse) -> Profile | None:
        told = read(response.body, _object)
        name = None if isinstance(told, BadJson) else told.get("name")
        return Profile(name) if isinstance(name, str) else None


class Talk:
    """A session in which each frame is a text."""

    def __init__(self, opened: SessionOpen) -> None:
        self.who = opened.query.get("who", "")

    def opened(self) -> Sequence[Action]:
        return ()

    def frame(self, text: str, now: datetime) -> Sequence[Action]:
        if not text.startswith("say ") or not self.who:
            return ()
        return (Publish(InboundMessage(digest(self.who, text), Sender(self.who), (Text(text[4:]),)), "tag"),)


class GatewaySimulator(ProviderSimulator[Settings]):
    customer = PHONE

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {"secret": SECRET, "token": TOKEN, "verify_token": VERIFY, "api_base": url}

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        return encoded("message", f"in-{number}", customer, part.text) if isinstance(part, Text) else None

    def signed(self, webhook: Webhook) -> Request:
        seconds = str(int(self.now.timestamp()))
        headers = {"x-time": seconds, "x-signature": mac(self.settings.secret, seconds, webhook.body).decode()}
        return posted(self.to, webhook.path, headers, webhook.body, self.now)

    def answer(self, call: Call) -> ProviderResponse:
        if call.headers.get("authorization") != f"Bearer {self.settings.token.reveal()}":
            return self.refuse(401, None, "wrong token")
        body = call.json()
        return json_answer(200, {"id": self.reach(body["to"], body.get("text", ""), body)})


def encoded(type: str, id: str, phone: str, text: str, **more: Any) -> bytes:
    """One event in its envelope."""
    return msgspec.json.encode({"events": [{"type": type, "id": id, "from": phone, "text": text, **more}]})
