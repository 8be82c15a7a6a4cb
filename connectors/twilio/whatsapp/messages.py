"""One piece of a message as WhatsApp through Twilio has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.api import Failed, MediaLink, MediaRule, problem
from connectors.kit.degrade import as_text
from connectors.kit.text import split
from connectors.twilio.messaging.outbound import MEGABYTE, TEXT_LIMIT, Content, Fields, file_fields, fits
from connectors.twilio.whatsapp.settings import TwilioWhatsAppSettings
from contracts.content import Audio, File, Image, Location, Part, Template, Video

RULES: Final[dict[str, MediaRule]] = {
    "image": MediaRule(("image/jpeg", "image/png"), 5 * MEGABYTE),
    "audio": MediaRule(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * MEGABYTE),
    "video": MediaRule(("video/mp4", "video/3gpp"), 16 * MEGABYTE),
    "file": MediaRule((), 16 * MEGABYTE),
}
LABEL_LIMIT: Final = 100


def content_of(settings: TwilioWhatsAppSettings, media: Mapping[str, MediaLink], piece: Part) -> Content | Failed:
    """The fields of the messages that say a piece."""
    match piece:
        case Image() | Video() | Audio() | File():
            return _file(piece, media)
        case Location():
            return [_place(piece)]
        case Template():
            return _template(settings, piece)
        case _:
            return _texts(as_text(piece, media))


def _texts(words: str) -> Content:
    return [[("Body", each)] for each in split(words, TEXT_LIMIT, "utf16")]


def _file(piece: Image | Video | Audio | File, media: Mapping[str, MediaLink]) -> Content:
    """WhatsApp has no captions under sounds: their words follow, where there are any."""
    link = media[piece.attachment.id]
    if not fits(link, RULES[str(piece.__struct_config__.tag)]):
        return _texts(as_text(piece, media))
    return [file_fields(piece, link)]


def _place(piece: Location) -> Fields:
    """The address is the body, the title stands at the mark."""
    label = f"|{piece.title[:LABEL_LIMIT]}" if piece.title else ""
    words = piece.address or piece.title
    action = [("PersistentAction", f"geo:{piece.latitude:.6f},{piece.longitude:.6f}{label}")]
    return [*action, ("Body", words)] if words else action


def _template(settings: TwilioWhatsAppSettings, piece: Template) -> Content | Failed:
    """By its Content SID. Parameters are named, or counted, as the template has them."""
    sid = settings.templates.get(f"{piece.name}/{piece.language}") or settings.templates.get(piece.name)
    if sid is None and not piece.name.startswith("HX"):
        return Failed(problem("unsupported", f"template: the account has no Content SID for {piece.name[:64]!r}"))
    content: Fields = [("ContentSid", sid or piece.name)]
    if piece.params:
        content.append(("ContentVariables", msgspec.json.encode(piece.params).decode()))
    return [content]
