"""Pieces of a message as calls of the Bot API. What Telegram cannot take as it is becomes a text with a link."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import msgspec

from connectors.api import MediaLink, Outbound
from connectors.kit.degrade import as_text
from connectors.kit.text import size, split
from contracts.content import (
    Audio,
    Choice,
    ContactCard,
    File,
    Image,
    Location,
    Option,
    Part,
    Reaction,
    Sticker,
    Text,
    Video,
)

TEXT_LIMIT: Final = 4_096
CAPTION_LIMIT: Final = 1_024
MEGABYTE: Final = 1_048_576
UPLOAD: Final = 50 * MEGABYTE
PHOTO: Final = 10 * MEGABYTE
LINKED: Final = 20 * MEGABYTE
LINKED_PHOTO: Final = 5 * MEGABYTE
DATA_BYTES: Final = 64
MOST_BUTTONS: Final = 100
MOST_IN_ALBUM: Final = 10
_LINKABLE_FILES: Final = ("application/pdf", "application/zip")
"""Other documents must be uploaded."""
_METHODS: Final = {
    "photo": "sendPhoto",
    "video": "sendVideo",
    "animation": "sendAnimation",
    "audio": "sendAudio",
    "voice": "sendVoice",
    "document": "sendDocument",
}
_ALBUMS: Final = {"photo": "seen", "video": "seen", "audio": "audio", "document": "document"}
"""What may be in one album: pictures and films together, sounds and files only with their like."""


class Upload(msgspec.Struct, frozen=True):
    """A file to be sent along; its place in the fields says ``attach://<name>``."""

    name: str
    filename: str
    media_type: str
    data: bytes


class Call(msgspec.Struct, frozen=True):
    """A call in the making: without the chat that it goes to."""

    method: str
    fields: dict[str, Any]
    uploads: tuple[Upload, ...] = ()
    covers: int = 1


class _Sendable(msgspec.Struct, frozen=True):
    """An attachment as Telegram takes it: as what, from where, with which words."""

    kind: str
    place: str
    caption: str | None
    upload: Upload | None = None
    more: dict[str, Any] = {}


def calls_of(outbound: Outbound) -> list[Call]:
    """The calls for the pieces that are left, in order; neighbours that fit together go as an album."""
    calls: list[Call] = []
    pieces = [(piece, _sendable(outbound, piece)) for piece in outbound.pieces[outbound.done :]]
    for _, group in groupby(pieces, key=lambda each: each[1] and _ALBUMS.get(each[1].kind)):
        together = list(group)
        for start in range(0, len(together), MOST_IN_ALBUM):
            calls += _group(outbound, together[start : start + MOST_IN_ALBUM])
    return calls


def _group(outbound: Outbound, pieces: Sequence[tuple[Part, _Sendable | None]]) -> list[Call]:
    files = [file for _, file in pieces if file is not None and file.kind in _ALBUMS]
    if len(files) == len(pieces) and len(files) > 1:
        return [_album(files)]
    calls: list[Call] = []
    for piece, file in pieces:
        calls += _piece(outbound, piece) if file is None else [_single(file)]
    return calls


def _piece(outbound: Outbound, piece: Part) -> list[Call]:
    match piece:
        case Text(text=words):
            return _texts(words)
        case Location(title=str(title), address=str(address)):
            return [Call("sendVenue", {**_degrees(piece), "title": title, "address": address})]
        case Location():
            return [Call("sendLocation", _degrees(piece))]
        case ContactCard() if piece.phones:
            return [Call("sendContact", _card(piece))]
        case Sticker():
            return [Call("sendSticker", {"sticker": piece.sticker})]
        case Choice() if offers(piece):
            return _choice(piece)
        case Reaction() if (target := outbound.targets.get(piece.target, "").rpartition("/")[2]).isdigit():
            emoji = [] if piece.removed else [{"type": "emoji", "emoji": piece.emoji}]
            return [Call("setMessageReaction", {"message_id": int(target), "reaction": emoji})]
        case _:
            return _texts(as_text(piece, outbound.media))


def _texts(words: str) -> list[Call]:
    """Without a parse mode: what was written is what is shown. Only the last one ends the piece."""
    texts = split(words, TEXT_LIMIT, "utf16")
    return [Call("sendMessage", {"text": text}, covers=int(text is texts[-1])) for text in texts]


# -- files ----------------------------------------------------------------------------------------------------------


def _sendable(outbound: Outbound, piece: Part) -> _Sendable | None:
    """None: the piece is no file, or none that Telegram takes."""
    if not isinstance(piece, Image | Audio | Video | File):
        return None
    link, data = outbound.media[piece.attachment.id], outbound.blobs.get(piece.attachment.id)
    caption = getattr(piece, "caption", None)
    if caption is not None and size(caption, "utf16") > CAPTION_LIMIT:
        return None
    kind = _kind(piece, link, PHOTO if data is not None else LINKED_PHOTO)
    more = {"duration": piece.duration_ms // 1_000} if isinstance(piece, Audio | Video) and piece.duration_ms else {}
    more = more if kind in ("audio", "video", "voice") else {}
    if data is not None:
        name = f"file_{piece.attachment.id}"
        upload = Upload(name, link.name, link.media_type, data)
        return _Sendable(kind, f"attach://{name}", caption, upload, more) if len(data) <= UPLOAD else None
    return _Sendable(kind, link.url, caption, None, more) if _fetchable(kind, link) else None


def _kind(piece: Part, link: MediaLink, photo: int) -> str:
    """As what it goes: everything may go as a document."""
    match piece, link.media_type:
        case Image(), "image/gif":
            return "animation"
        case Image(), "image/jpeg" | "image/png" | "image/webp" if link.size <= photo:
            return "photo"
        case Video(), "video/mp4":
            return "video"
        case Audio(), "audio/ogg":
            return "voice"
        case Audio(), "audio/mpeg" | "audio/mp4" | "audio/x-m4a" | "audio/m4a":
            return "audio"
        case _:
            return "document"


def _fetchable(kind: str, link: MediaLink) -> bool:
    """Whether Telegram fetches it by itself."""
    if not link.url.startswith(("https://", "http://")) or link.size > LINKED:
        return False
    if kind == "voice":
        return link.size <= MEGABYTE
    return kind != "document" or link.media_type in _LINKABLE_FILES


def _single(file: _Sendable) -> Call:
    fields = {file.kind: file.place, **file.more, **({"caption": file.caption} if file.caption else {})}
    return Call(_METHODS[file.kind], fields, () if file.upload is None else (file.upload,))


def _album(files: Sequence[_Sendable]) -> Call:
    media = [
        {"type": each.kind, "media": each.place, **each.more, **({"caption": each.caption} if each.caption else {})}
        for each in files
    ]
    uploads = tuple(each.upload for each in files if each.upload is not None)
    return Call("sendMediaGroup", {"media": media}, uploads, len(files))


# -- others ---------------------------------------------------------------------------------------------------------


def _degrees(place: Location) -> dict[str, Any]:
    return {"latitude": place.latitude, "longitude": place.longitude}


def _card(card: ContactCard) -> dict[str, Any]:
    """The first number; all of them, and the mail addresses, in the vCard."""
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"FN:{_line(card.name)}"]
    lines += [f"TEL:{_line(phone)}" for phone in card.phones]
    lines += [f"EMAIL:{_line(email)}" for email in card.emails]
    vcard = "\n".join([*lines, "END:VCARD"])
    more = {"vcard": vcard} if len(vcard.encode()) <= 2_048 else {}
    return {"phone_number": card.phones[0], "first_name": card.name or card.phones[0], **more}


def _line(text: str) -> str:
    return " ".join(text.split())


def offers(piece: Choice) -> bool:
    """Whether Telegram can show the options as buttons."""
    few = 1 <= len(piece.options) <= MOST_BUTTONS
    return few and bool(piece.text.strip()) and all(map(_is_button, piece.options))


def _is_button(option: Option) -> bool:
    if not option.label.strip():
        return False
    if option.url is not None:
        return option.url.startswith(("https://", "http://", "tg://"))
    return 1 <= len(option.value.encode()) <= DATA_BYTES


def _choice(piece: Choice) -> list[Call]:
    *calls, last = _texts(piece.text)
    rows = [[_button(option)] for option in piece.options]
    return [*calls, Call("sendMessage", {**last.fields, "reply_markup": {"inline_keyboard": rows}})]


def _button(option: Option) -> dict[str, str]:
    target = {"callback_data": option.value} if option.url is None else {"url": option.url}
    return {"text": option.label, **target}
