"""Pieces of a message as calls of the Web API. What Slack cannot take as it is becomes a text."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from connectors.api import Outbound
from connectors.kit.degrade import as_text
from connectors.slack import emoji, mrkdwn
from connectors.slack.inbound import LINK
from contracts.content import Audio, Choice, File, Image, Option, Part, Reaction, Video

TEXT_LIMIT: Final = 4_000
SECTION: Final = 3_000
LABEL: Final = 75
VALUE: Final = 2_000
URL: Final = 3_000
MOST_OPTIONS: Final = 100
IN_A_ROW: Final = 25


class Upload(msgspec.Struct, frozen=True):
    """A file on its way, in up to four calls: ``channel`` may have to be found out first (``person``)."""

    data: bytes
    name: str
    comment: str | None
    person: str
    channel: str | None
    thread_ts: str | None
    url: str = ""
    file_id: str = ""


class Call(msgspec.Struct, frozen=True):
    """A call in the making."""

    method: str
    fields: dict[str, Any]
    upload: Upload | None = None


def call_of(outbound: Outbound, piece: Part, place: int) -> Call:
    """The call that says one piece."""
    channel, thread_ts = destination(outbound)
    if isinstance(piece, Reaction) and (reaction := _reaction(outbound, piece)) is not None:
        return reaction
    if isinstance(piece, Image | Audio | Video | File) and (data := outbound.blobs.get(piece.attachment.id)):
        link, caption = outbound.media[piece.attachment.id], getattr(piece, "caption", None)
        known = channel if channel != outbound.reach.address or not _is_person(channel) else None
        person = outbound.reach.address
        return Call("upload", {}, Upload(data, link.name, caption, person, known, thread_ts))
    fields: dict[str, Any] = {"channel": channel}
    if thread_ts is not None:
        fields["thread_ts"] = thread_ts
    payload = {"message": outbound.message, "piece": place}
    fields["metadata"] = {"event_type": "madoguchi_message", "event_payload": payload}
    if isinstance(piece, Choice) and offers(piece):
        return Call("chat.postMessage", {**fields, **_choice(piece)})
    return Call("chat.postMessage", {**fields, "text": mrkdwn.escape(as_text(piece, outbound.media)), "mrkdwn": False})


def destination(outbound: Outbound) -> tuple[str, str | None]:
    """The channel (or the person, before anything was said) and the thread's first ``ts``."""
    channel, _, ts = (outbound.reach.thread or outbound.reach.address).partition("/")
    return channel, ts or None


def _is_person(address: str) -> bool:
    return address[:1] in ("U", "W")


def _reaction(outbound: Outbound, piece: Reaction) -> Call | None:
    """None when the message is not known, or Slack has no such name."""
    channel, _, ts = outbound.targets.get(piece.target, "").rpartition("/")
    name = emoji.named(piece.emoji)
    if not channel or name is None:
        return None
    method = "reactions.remove" if piece.removed else "reactions.add"
    return Call(method, {"channel": channel, "timestamp": ts, "name": name})


def offers(piece: Choice) -> bool:
    """Whether Slack can show the options as buttons."""
    few = 1 <= len(piece.options) <= MOST_OPTIONS
    fits = 0 < len(mrkdwn.escape(piece.text).strip()) <= SECTION
    return few and fits and all(map(_is_button, piece.options))


def _is_button(option: Option) -> bool:
    if not 1 <= len(option.label.strip()) <= LABEL:
        return False
    if option.url is not None:
        return option.url.startswith(("https://", "http://")) and len(option.url) <= URL
    return 1 <= len(option.value) <= VALUE


def _choice(piece: Choice) -> dict[str, Any]:
    """The question as a section, the options as buttons; ``text`` is what notifications show."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn.escape(piece.text), "verbatim": True}}
    buttons = [_button(option, place) for place, option in enumerate(piece.options)]
    rows = [
        {"type": "actions", "elements": buttons[start : start + IN_A_ROW]} for start in range(0, len(buttons), IN_A_ROW)
    ]
    return {"text": mrkdwn.escape(piece.text), "blocks": [section, *rows]}


def _button(option: Option, place: int) -> dict[str, Any]:
    label = {"type": "plain_text", "text": option.label}
    if option.url is not None:
        return {"type": "button", "action_id": f"{LINK}_{place}", "text": label, "url": option.url}
    return {"type": "button", "action_id": f"choice_{place}", "text": label, "value": option.value}
