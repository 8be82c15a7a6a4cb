"""One visitor's socket: frames and events in, actions out. No clock, no IO; it never raises for what a client sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.api import Action, Close, Invite, Publish, SessionOpen, Typing, Watch
from connectors.webchat import protocol, show
from connectors.webchat.bucket import Bucket
from connectors.webchat.protocol import FrameError, frame
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.text import clean, size
from connectors.webchat.token import TokenError, Tokens, Visitor
from connectors.webchat.upload import part_of
from contracts import ids
from contracts.content import Part, Postback, Text
from contracts.events import (
    AttachmentChanged,
    ConversationAssigned,
    ConversationQueued,
    ConversationStatusChanged,
    MessageEdited,
    MessageQueued,
    MessageReceived,
    MessageStateChanged,
    MessageUnsent,
)
from contracts.identity import Claims, Profile
from contracts.inbound import Inbound, InboundIdentity, InboundMessage, InboundReceipt, InboundTyping, Sender
from contracts.message import STATE_RANK, Message

CHANNEL = "webchat"
MAX_STRIKES = 3
MAX_PENDING = 64
MAX_KNOWN = 2_000


class ChatSession:
    """The protocol of README.md for one socket."""

    def __init__(self, account: str, settings: WebchatSettings, tokens: Tokens, opened: SessionOpen) -> None:
        self._account = account
        self._settings = settings
        self._tokens = tokens
        self._link = opened.link
        self._visitor: Visitor | None = None
        self._lang: str | None = None
        self._page: str | None = None
        self._strikes = 0
        self._closed = False
        self._flood = Bucket(20, 100, opened.now)
        self._talk = Bucket(1, 10, opened.now)
        self._invites = Bucket(0.1, 3, opened.now)
        self._reads = Bucket(1, 10, opened.now)
        self._typing: tuple[bool, datetime] | None = None
        self._read_upto: datetime | None = None
        self._answered_at: datetime | None = None
        self._pending: set[str] = set()
        self._known: dict[str, str] = {}  # message id -> state, oldest first; bounded

    # -- from the client --------------------------------------------------------------------------------------------

    def opened(self) -> Sequence[Action]:
        return ()

    def frame(self, text: str, now: datetime) -> Sequence[Action]:
        if self._closed:
            return ()
        if not self._flood.take(now):
            return self._close(protocol.CLOSE_FLOOD, "flood")
        try:
            said = protocol.read(text)
        except FrameError as error:
            return self._strike(str(error))
        if isinstance(said, protocol.Hello):
            return self._hello(said, now)
        if self._visitor is None:
            return self._strike("hello_first")
        if self._visitor.expires <= now.timestamp():
            return self._close(protocol.CLOSE_TOKEN, "token_expired")
        return [*self._renewed(self._visitor, now), *self._act(said, self._visitor, now)]

    def _act(self, said: protocol.AnyFrame, visitor: Visitor, now: datetime) -> Sequence[Action]:
        match said:
            case protocol.Said():
                return self._say(said, visitor, now)
            case protocol.Typed(on=on):
                return self._typed(on, visitor, now)
            case protocol.ReadUpto(upto=upto):
                return self._read(min(upto, now), visitor, now)
            case protocol.Seen(message=message):
                return self._seen(message, visitor, now)
            case protocol.Elsewhere():
                return [Invite(visitor.address)] if self._invites.take(now) else [frame("error", code="slow_down")]
            case _:
                return [frame("pong")]

    def _hello(self, hello: protocol.Hello, now: datetime) -> Sequence[Action]:
        if self._visitor is not None:
            return self._strike("hello_twice")
        if hello.v != protocol.VERSION:
            return self._close(protocol.CLOSE_VERSION, "version")
        try:
            visitor = self._visitor = self._tokens.read(hello.token, now)
        except TokenError as error:
            return self._close(protocol.CLOSE_TOKEN, str(error))
        self._lang = hello.lang
        self._page = _page(hello.page)
        return [
            frame("welcome", v=protocol.VERSION, visitor=visitor.address, lang=self._lang, limits=self._limits()),
            *self._renewed(visitor, now),
            Watch(visitor.address, hello.after),
            *self._handed_over(hello.handover, visitor, now),
        ]

    def _say(self, said: protocol.Said, visitor: Visitor, now: datetime) -> Sequence[Action]:
        tag = f"say:{said.id}"
        if tag in self._pending:
            return ()
        if len(self._pending) >= MAX_PENDING or not self._talk.take(now):
            return [frame("refused", id=said.id, reason="slow_down")]
        parts = self._parts(said, visitor)
        if isinstance(parts, str):
            return [frame("refused", id=said.id, reason=parts)]
        event = InboundMessage(
            _provider_id(visitor, said.id),
            self._sender(visitor),
            parts,
            sent_at=now,
            language=self._lang,
            extra={"page": self._page} if self._page else None,
        )
        return self._publish(tag, event)

    def _parts(self, said: protocol.Said, visitor: Visitor) -> tuple[Part, ...] | str:
        """The parts, or the reason why not."""
        if said.postback is not None:
            return _picked(said.postback)
        text = clean(said.text or "")
        bytes_of_text = size(text)
        if bytes_of_text is None:
            return "malformed"
        if bytes_of_text > self._settings.text_limit:
            return "too_long"
        if len(said.attachments) > protocol.MAX_ATTACHMENTS:
            return "too_many"
        files = [part_of(uploaded, visitor.address, self._tokens) for uploaded in said.attachments]
        proven = [part for part in files if part is not None]
        if len(proven) < len(files):
            return "attachment_unknown"
        words: list[Part] = [Text(text)] if text.strip() else []
        return (*words, *proven) or "empty"

    def _typed(self, on: bool, visitor: Visitor, now: datetime) -> Sequence[Action]:
        """Repeats within two seconds are dropped."""
        if self._typing and self._typing[0] == on and (now - self._typing[1]).total_seconds() < 2:
            return ()
        self._typing = (on, now)
        return [Typing(visitor.address, on)]

    def _read(self, upto: datetime, visitor: Visitor, now: datetime) -> Sequence[Action]:
        """Read marks only move forward, and not faster than people read."""
        if (self._read_upto is not None and upto <= self._read_upto) or not self._reads.take(now):
            return ()
        self._read_upto = upto
        # A message shows when it was asked for; it was sent a little later. Who read the newest has read all up to now.
        all_read = self._answered_at is not None and upto >= self._answered_at
        reached = now if all_read else upto
        return self._publish("read", InboundReceipt(self._sender(visitor), "read", upto=reached, sent_at=now))

    def _seen(self, message: str, visitor: Visitor, now: datetime) -> Sequence[Action]:
        """Only what this socket was shown can be acknowledged, and once."""
        state = self._known.get(message)
        if state is None or STATE_RANK.get(state, 0) >= STATE_RANK["delivered"]:
            return ()
        self._known[message] = "delivered"
        return self._publish("seen", InboundReceipt(self._sender(visitor), "delivered", message=message, sent_at=now))

    def _handed_over(self, code: str | None, visitor: Visitor, now: datetime) -> Sequence[Action]:
        if code is None:
            return ()
        return self._publish("handover", InboundIdentity(self._sender(visitor), sent_at=now, handover=code))

    # -- from the host ----------------------------------------------------------------------------------------------

    def published(self, tag: str) -> Sequence[Action]:
        kind, _, client = tag.partition(":")
        if kind != "say" or tag not in self._pending or self._visitor is None:
            return ()
        self._pending.discard(tag)
        message = ids.message_id(self._account, _provider_id(self._visitor, client))
        return [frame("accepted", id=client, message=message)]

    def refused(self, tag: str, reason: str) -> Sequence[Action]:
        """The host's reason is for its log; the client is told to try again."""
        kind, _, client = tag.partition(":")
        self._pending.discard(tag)
        return [frame("refused", id=client, reason="try_again")] if kind == "say" else ()

    def history(self, messages: Sequence[tuple[str, Message]]) -> Sequence[Action]:
        shown = [action for position, message in messages for action in self._message(position, message)]
        return [*shown, frame("ready")]

    def event(self, position: str, event: Any) -> Sequence[Action]:
        match event:
            case MessageReceived(message=message) | MessageQueued(message=message):
                return self._message(position, message)
            case MessageStateChanged(message_id=message, state=state) if message in self._known:
                self._known[message] = state
                return [frame("state", message=message, state=state)]
            case MessageEdited(message_id=message, parts=parts) if message in self._known:
                return [frame("edited", message=message, parts=show.parts(parts, self._link))]
            case MessageUnsent(message_id=message) if message in self._known:
                return [frame("unsent", message=message)]
            case AttachmentChanged(message_id=message, attachment=file) if message in self._known:
                shown = show.attachment(file, self._link)
                return [frame("attachment", message=message, attachment=shown)]
            case Typing(on=on) | InboundTyping(on=on):
                return [frame("typing", on=on)]
            case _:
                return _status(event)

    def invited(self, code: str, links: Mapping[str, str]) -> Sequence[Action]:
        return [frame("invited", code=code, links=dict(links))]

    # -- within -----------------------------------------------------------------------------------------------------

    def _message(self, position: str, message: Message) -> Sequence[Action]:
        """Only what was said over this very widget and to this visitor: never a note, never another channel's."""
        mine = (message.channel, message.account) == (CHANNEL, self._account)
        if not mine or self._visitor is None or message.address != self._visitor.address or not show.leaves(message):
            return ()
        self._know(message)
        return [frame("message", position=position, **show.message(message, self._link))]

    def _know(self, message: Message) -> None:
        self._known[message.id] = message.state
        if message.direction == "outbound":
            self._answered_at = max(self._answered_at or message.at, message.at)
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _publish(self, tag: str, event: Inbound) -> Sequence[Action]:
        if tag.startswith("say:"):
            self._pending.add(tag)
        return [Publish(event, tag)]

    def _sender(self, visitor: Visitor) -> Sender:
        user = visitor.user
        claims = user.claims() if user else Claims()
        profile = user.profile(self._lang) if user else Profile(language=self._lang)
        name = user.name if user else None
        return Sender(visitor.address, author_name=name, verified=True, claims=claims, profile=profile)

    def _renewed(self, visitor: Visitor, now: datetime) -> Sequence[Action]:
        if not self._tokens.due(visitor, now):
            return ()
        fresh = self._visitor = self._tokens.renew(visitor, now)
        return [frame("token", token=self._tokens.sign(fresh), expires_at=fresh.expires)]

    def _limits(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "text": settings.text_limit,
            "file": settings.upload_limit,
            "types": settings.upload_types,
            "attachments": protocol.MAX_ATTACHMENTS if settings.upload_limit else 0,
        }

    def _strike(self, code: str) -> Sequence[Action]:
        self._strikes += 1
        if self._strikes >= MAX_STRIKES:
            return self._close(protocol.CLOSE_BAD_FRAMES, code)
        return [frame("error", code=code)]

    def _close(self, code: int, reason: str) -> Sequence[Action]:
        self._closed = True
        return [frame("error", code=reason), Close(code, reason)]


def _status(event: Any) -> Sequence[Action]:
    match event:
        case ConversationAssigned():
            return [frame("status", status="with_agent")]
        case ConversationQueued():
            return [frame("status", status="waiting")]
        case ConversationStatusChanged(status="resolved" | "closed"):
            return [frame("status", status="ended")]
        case _:
            return ()


def _picked(picked: protocol.Picked) -> tuple[Part, ...] | str:
    if size(picked.value) is None or size(picked.label or "") is None:
        return "malformed"
    label = clean(picked.label).strip() if picked.label else None
    params = {"message": picked.message} if picked.message else None
    return (Postback(picked.value, label or None, params),)


def _provider_id(visitor: Visitor, client: str) -> str:
    return f"{visitor.address}:{client}"


def _page(url: str | None) -> str | None:
    """The page the visitor is on, without what follows ``?`` or ``#``: those may hold secrets of the site."""
    if url is None or not url.lower().startswith(("https://", "http://")) or size(url) is None:
        return None
    return clean(url).partition("#")[0].partition("?")[0] or None
