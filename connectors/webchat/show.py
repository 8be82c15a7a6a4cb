"""What a visitor is shown of a message: an allow-list of fields, so that nothing internal can slip out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.attachment import Attachment
from contracts.content import (
    Audio,
    Call,
    Choice,
    ContactCard,
    File,
    Image,
    Location,
    Option,
    Part,
    Postback,
    Reaction,
    Sticker,
    Template,
    Text,
    Video,
)
from contracts.message import Message

Link = Callable[[Attachment], str | None]
Shown = dict[str, Any]


def leaves(said: Message) -> bool:
    """Is it for the visitor at all? Notes are not, nor what failed or is bound to fail for want of a way to show it."""
    if said.direction == "note" or (said.direction == "outbound" and said.state == "failed"):
        return False
    return said.direction == "inbound" or not any(isinstance(part, Template | Call | Postback) for part in said.parts)


def message(said: Message, link: Link) -> Shown:
    """A message's fields as they go to the visitor. ``client``: the id that the visitor's own client gave it."""
    own = said.direction == "inbound"
    client = (said.provider_id or "").removeprefix(f"{said.address}:") if own else None
    return {
        "id": said.id,
        "from": "visitor" if own else "automatic" if "automatic" in said.flags else "agent",
        "client": client or None,
        "name": None if own else said.author_name,
        "at": said.at,
        "state": said.state,
        "parts": [] if said.unsent_at else parts(said.parts, link),
        "edited": True if said.edited_at else None,
        "unsent": True if said.unsent_at else None,
    }


def parts(said: tuple[Part, ...], link: Link) -> list[Shown]:
    """Parts as they go to the visitor; what a browser cannot show becomes words."""
    return [{name: value for name, value in _part(part, link).items() if value is not None} for part in said]


def attachment(file: Attachment, link: Link) -> Shown:
    """An attachment and, once its bytes are there, a link that ends."""
    shown = {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "state": file.state,
        "url": link(file) if file.state == "ready" else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _part(part: Part, link: Link) -> Shown:
    match part:
        case Text(text=words):
            return _words(words)
        case Image() | Video() | File():
            return {"kind": _kind(part), "attachment": attachment(part.attachment, link), "caption": part.caption}
        case Audio():
            return {"kind": "audio", "attachment": attachment(part.attachment, link)}
        case Location():
            return {
                "kind": "location",
                "latitude": part.latitude,
                "longitude": part.longitude,
                "title": part.title,
                "address": part.address,
            }
        case ContactCard():
            return {"kind": "contact_card", "name": part.name, "phones": part.phones, "emails": part.emails}
        case Choice():
            return {"kind": "choice", "text": part.text, "options": [_option(option) for option in part.options]}
        case Postback():
            return _words(part.label or part.value)
        case Sticker():
            return _words(part.text or "".join(part.keywords[:1]) or "[sticker]")
        case Reaction():
            return _words("" if part.removed else part.emoji)
        case _:
            return {"kind": "unsupported"}


def _kind(part: Image | Video | File) -> str:
    return "image" if isinstance(part, Image) else "video" if isinstance(part, Video) else "file"


def _option(option: Option) -> Shown:
    url = option.url if option.url and option.url.lower().startswith(("https://", "http://")) else None
    return {"label": option.label, "value": option.value} | ({"url": url} if url else {})


def _words(text: str) -> Shown:
    return {"kind": "text", "text": text}
