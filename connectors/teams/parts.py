"""What a message in Teams says, as our parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.teams import payload as teams
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Part, Postback, Text, Unsupported, Video
from contracts.ids import attachment_id, message_id

FILE: Final = "application/vnd.microsoft.teams.file.download.info"
QUOTE: Final = "messageReference"
_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "heic": "image/heic", "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "ogg": "audio/ogg",
    "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "pdf": "application/pdf",
    "txt": "text/plain", "csv": "text/csv", "zip": "application/zip",
}  # fmt: skip
"""By the ending that Teams calls ``fileType``."""
_URL: Final = re.compile(r"https?://[^\x00-\x20]{1,4000}")
_AT: Final = re.compile(r"</?at\b[^>]{0,200}>")
_file: Final = msgspec.json.Decoder(teams.FileInfo)
_picked: Final = msgspec.json.Decoder(teams.Picked)


def parts_of(activity: teams.Activity, account: str, provider_id: str, bot: str) -> tuple[Part, ...]:
    """The message's content; empty when there is nothing in it."""
    picked = postback(activity.value, activity.text)
    if picked is not None:
        return (picked,)
    parts: list[Part] = []
    words = text_of(activity, bot)
    if words:
        parts.append(Text(words))
    message = message_id(account, provider_id)
    for attached in activity.attachments or ():
        part = _attached(attached, attachment_id(message, len(parts)))
        if part is not None:
            parts.append(part)
    return tuple(parts)


def text_of(activity: teams.Activity, bot: str) -> str:
    """The words: without the mention of the bot itself, other people by their names."""
    text = activity.text or ""
    for entity in activity.entities or ():
        if entity.type == "mention" and entity.text and entity.mentioned is not None:
            name = "" if entity.mentioned.id == bot else _AT.sub("", entity.text)
            text = text.replace(entity.text, name, 1)
    return text.replace("\xa0", " ").strip()


def quoted(attachments: Sequence[teams.Attached]) -> str | None:
    """The id of the message that is quoted."""
    for attached in attachments:
        if attached.content_type == QUOTE:
            info = _info(attached)
            return info.message_id if info is not None else None
    return None


def postback(value: msgspec.Raw, shown: str | None) -> Postback | None:
    """A button of ours that was pressed."""
    picked = teams.inner(value, _picked)
    if picked is None:
        return None
    return Postback(picked.madoguchi, picked.label or (shown or "").strip() or None)


def _attached(attached: teams.Attached, identifier: str) -> Part | None:
    kind = attached.content_type.partition(";")[0].strip().lower()
    if kind in ("text/html", QUOTE.lower()):
        return None  # the text once more; what is quoted
    if kind == FILE:
        info = _info(attached)
        ending = ((info.file_type if info is not None else None) or "").lower()
        return _linked(identifier, _TYPES.get(ending), info.download_url if info is not None else None, attached.name)
    if kind.startswith("application/vnd.microsoft.") or attached.content_url is None:
        return Unsupported(kind[:100] or "attachment")
    media_type = None if kind.endswith("/*") else kind
    return _linked(identifier, media_type, attached.content_url, attached.name, kind.partition("/")[0])


def _linked(identifier: str, media_type: str | None, url: str | None, name: str | None, family: str = "") -> Part:
    if url is None or not _URL.fullmatch(url):
        return Unsupported("file")
    known = media_type or "application/octet-stream"
    attachment = Attachment(identifier, name, known, source=url)
    match family or known.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "audio":
            return Audio(attachment)
        case "video":
            return Video(attachment)
        case _:
            return File(attachment)


def _info(attached: teams.Attached) -> teams.FileInfo | None:
    return teams.inner(attached.content, _file)
