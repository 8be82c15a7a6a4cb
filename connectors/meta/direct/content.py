"""What a person's direct message says, as our parts."""

from __future__ import annotations

from typing import Final

from connectors.meta.direct import payload as direct
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Location, Part, Postback, Sticker, Text, Unsupported, Video
from contracts.ids import attachment_id

_USUAL: Final = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mp4"}
THUMBS: Final = frozenset({"369239263222822", "369239343222814", "369239383222810"})
"""Messenger's own thumb, in three sizes."""


def parts_of(message: direct.Message, ours: str) -> tuple[Part, ...]:
    """The parts of a message with our id ``ours``; what we cannot show becomes one that names it."""
    if message.quick_reply is not None:
        return (Postback(message.quick_reply.payload, message.text),)
    parts: list[Part] = [Text(message.text)] if message.text else []
    for place, each in enumerate(message.attachments):
        if not _is_preview(each, message.text):
            parts.append(_part(each, attachment_id(ours, place)))
    return tuple(parts) or (Unsupported("unsupported"),)


def _is_preview(attachment: direct.Attachment, text: str | None) -> bool:
    """The preview of a link that stands in the text."""
    return attachment.type == "fallback" and bool(text)


def _part(attachment: direct.Attachment, ours: str) -> Part:
    kind, payload = attachment.type, attachment.payload or direct.Payload()
    if str(payload.sticker_id) in THUMBS:
        return Sticker("messenger", str(payload.sticker_id), "👍")
    if kind == "like_heart":
        return Sticker("instagram", kind, "❤️")
    if payload.coordinates is not None:
        return Location(payload.coordinates.lat, payload.coordinates.long, payload.title or attachment.title)
    url = payload.url or attachment.url
    if kind == "fallback":
        return Text("\n".join(filter(None, (payload.title or attachment.title, url))) or "fallback")
    if url is None or not url.startswith(("https://", "http://")):
        return Unsupported(kind[:64])  # a reel's address may be a path without a host
    return _file(kind, Attachment(ours, media_type=_USUAL.get(kind, "application/octet-stream"), source=url), payload)


def _file(kind: str, attachment: Attachment, payload: direct.Payload) -> Part:
    match kind:
        case "image":
            return Image(attachment)
        case "video":
            return Video(attachment)
        case "audio":
            return Audio(attachment)
        case "file":
            return File(attachment, payload.title)
        case _:
            return File(attachment, payload.title or kind[:64])  # a share, a story, a reel: picture or film
