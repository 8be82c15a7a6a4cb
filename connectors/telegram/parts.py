"""What one of Telegram's messages says, as our parts."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from connectors.telegram import entities
from connectors.telegram import payload as telegram
from contracts.attachment import Attachment
from contracts.content import Audio, ContactCard, File, Image, Location, Part, Sticker, Text, Video
from contracts.ids import attachment_id, message_id

MOST_BYTES: Final = 20 * 1_048_576
"""Telegram's own server gives bots no larger files."""
_MOST_CARD: Final = 10


def parts_of(message: telegram.Message, account: str, identifier: str) -> tuple[Part, ...]:
    """The message's content; empty for what we know nothing of."""
    if message.text is not None:
        return (Text(entities.plain(message.text, message.entities), entities.html(message.text, message.entities)),)
    id = attachment_id(message_id(account, identifier), 0)
    caption = entities.plain(message.caption, message.caption_entities) if message.caption else None
    return _seen(message, id, caption) or _heard(message, id, caption) or _told(message)


def _seen(message: telegram.Message, id: str, caption: str | None) -> tuple[Part, ...]:
    """Pictures and films. An animation comes as a document too, so it is looked for first."""
    if message.photo:
        largest = max(message.photo, key=lambda each: (each.width * each.height, each.file_size or 0))
        return (Image(_file(id, largest, "image/jpeg"), caption),)
    film = message.video or message.animation or message.video_note
    if film is None:
        return ()
    if (film.mime_type or "video/mp4").startswith("image/"):
        return (Image(_file(id, film, "image/gif"), caption),)
    return (Video(_file(id, film, "video/mp4"), _milliseconds(film), caption),)


def _heard(message: telegram.Message, id: str, caption: str | None) -> tuple[Part, ...]:
    """Sounds and other files."""
    words = (Text(caption),) if caption else ()
    if message.voice is not None:
        return (Audio(_file(id, message.voice, "audio/ogg"), _milliseconds(message.voice)), *words)
    if message.audio is not None:
        return (Audio(_file(id, message.audio, "audio/mpeg"), _milliseconds(message.audio)), *words)
    if message.document is not None:
        return (File(_file(id, message.document, "application/octet-stream"), caption),)
    return ()


def _told(message: telegram.Message) -> tuple[Part, ...]:
    """What needs no file. A venue comes as a location too."""
    if message.sticker is not None:
        sticker = message.sticker
        return (Sticker(sticker.set_name or "", sticker.file_id, sticker.emoji),)
    if message.venue is not None:
        venue = message.venue
        return (Location(venue.location.latitude, venue.location.longitude, venue.title, venue.address),)
    if message.location is not None:
        return (Location(message.location.latitude, message.location.longitude),)
    if message.contact is not None:
        return (_card(message.contact),)
    return ()


def _card(card: telegram.Card) -> ContactCard:
    name = " ".join(part for part in (card.first_name, card.last_name) if part)
    emails = tuple(value for key, value in _vcard(card.vcard) if key == "EMAIL")
    phones = (card.phone_number, *(value for key, value in _vcard(card.vcard) if key == "TEL"))
    unique = {_digits(phone): phone for phone in reversed(phones)}
    return ContactCard(name, tuple(reversed(unique.values()))[:_MOST_CARD], emails[:_MOST_CARD])


def _vcard(vcard: str | None) -> list[tuple[str, str]]:
    """Property and value of each line."""
    lines = [line.partition(":") for line in (vcard or "")[:8_192].splitlines()]
    return [(name.partition(";")[0].upper(), value.strip()) for name, _, value in lines if value.strip()]


def _digits(phone: str) -> str:
    return "".join(letter for letter in phone if letter.isdigit())


def _file(id: str, stored: telegram.Stored, media_type: str) -> Attachment:
    attachment = Attachment(
        id, _name(stored), (stored.mime_type or media_type).lower(), stored.file_size, source=stored.file_id
    )
    if (stored.file_size or 0) <= MOST_BYTES:
        return attachment
    return replace(attachment, state="failed", problem="Telegram gives bots files of up to 20 MB only")


def _name(stored: telegram.Stored) -> str | None:
    song = " - ".join(part for part in (stored.performer, stored.title) if part)
    return stored.file_name or song or None


def _milliseconds(stored: telegram.Stored) -> int | None:
    return None if stored.duration is None else stored.duration * 1_000
