"""One piece of a message as LINE's message objects. What LINE cannot take as it is becomes a text with a link."""

from __future__ import annotations

from typing import Any, Final

from connectors.api import MediaLink, Outbound
from connectors.kit.degrade import as_text
from connectors.kit.text import clip, size, split
from connectors.line.inbound import TRACKED
from connectors.line.settings import LineSettings
from contracts.content import Audio, Choice, Image, Location, Option, Part, Sticker, Text, Video

TEXT_LIMIT: Final = 5_000
MEGABYTE: Final = 1_000_000
MOST_OPTIONS: Final = 13
URL_LIMIT: Final = 2_000
IMAGES: Final = ("image/jpeg", "image/png")
SOUNDS: Final = ("audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/m4a", "audio/aac")

Messages = list[dict[str, Any]]


def messages_of(outbound: Outbound, piece: Part, last: bool, settings: LineSettings) -> Messages:
    """The message objects of one piece, at least one. ``last``: nothing follows, so quick replies will be seen."""
    match piece:
        case Text(text=words):
            return _texts(words)
        case Image():
            return _image(outbound, piece)
        case Video():
            return _video(outbound, piece, settings.video_preview_url)
        case Audio():
            return _audio(outbound, piece)
        case Location():
            return [_location(piece)]
        case Sticker():
            return [{"type": "sticker", "packageId": piece.package, "stickerId": piece.sticker}]
        case Choice() if last and _offers(piece):
            return _choice(piece)
        case _:
            return _texts(as_text(piece, outbound.media))


def _texts(words: str) -> Messages:
    return [{"type": "text", "text": text} for text in split(words, TEXT_LIMIT, "utf16")]


def _image(outbound: Outbound, piece: Image) -> Messages:
    """The picture is its own preview, so the preview's limit of 1 MB counts."""
    link = outbound.media[piece.attachment.id]
    if not _fetchable(link) or link.media_type not in IMAGES or link.size > MEGABYTE:
        return _texts(as_text(piece, outbound.media))
    image = {"type": "image", "originalContentUrl": link.url, "previewImageUrl": link.url}
    return [image, *_caption(piece.caption)]


def _video(outbound: Outbound, piece: Video, preview: str | None) -> Messages:
    """The tracking id brings our message's id back when the customer has watched to the end."""
    link = outbound.media[piece.attachment.id]
    fits = link.media_type == "video/mp4" and link.size <= 200 * MEGABYTE
    if preview is None or not fits or not _fetchable(link):
        return _texts(as_text(piece, outbound.media))
    video = {"type": "video", "originalContentUrl": link.url, "previewImageUrl": preview}
    if outbound.reach.address.startswith("U"):
        video["trackingId"] = TRACKED + outbound.message.removeprefix("ms_")
    return [video, *_caption(piece.caption)]


def _audio(outbound: Outbound, piece: Audio) -> Messages:
    link = outbound.media[piece.attachment.id]
    fits = link.media_type in SOUNDS and link.size <= 200 * MEGABYTE
    if not piece.duration_ms or not fits or not _fetchable(link):
        return _texts(as_text(piece, outbound.media))
    return [{"type": "audio", "originalContentUrl": link.url, "duration": piece.duration_ms}]


def _fetchable(link: MediaLink) -> bool:
    """LINE fetches media itself, over HTTPS only."""
    return link.url.startswith("https://") and link.url.isascii() and len(link.url) <= URL_LIMIT


def _caption(caption: str | None) -> Messages:
    return _texts(caption) if caption and caption.strip() else []


def _location(piece: Location) -> dict[str, Any]:
    """LINE wants both a title and an address."""
    address = piece.address or piece.title or f"{piece.latitude:.6f}, {piece.longitude:.6f}"
    return {
        "type": "location",
        "title": clip(piece.title or address, 100, "utf16"),
        "address": clip(address, 100, "utf16"),
        "latitude": piece.latitude,
        "longitude": piece.longitude,
    }


def _offers(piece: Choice) -> bool:
    """Whether LINE can show the options as quick replies."""
    few = 1 <= len(piece.options) <= MOST_OPTIONS
    return few and bool(piece.text.strip()) and all(map(_short_enough, piece.options))


def _short_enough(option: Option) -> bool:
    if not option.label or size(option.label, "graphemes") > 20:
        return False
    if option.url is not None:
        return option.url.startswith(("https://", "http://", "tel:")) and len(option.url) <= 1_000
    return 0 < size(option.value, "utf16") <= 300


def _choice(piece: Choice) -> Messages:
    messages = _texts(piece.text)
    messages[-1]["quickReply"] = {"items": [{"type": "action", "action": _action(each)} for each in piece.options]}
    return messages


def _action(option: Option) -> dict[str, str]:
    if option.url is not None:
        return {"type": "uri", "label": option.label, "uri": option.url}
    return {"type": "postback", "label": option.label, "data": option.value, "displayText": option.label}
