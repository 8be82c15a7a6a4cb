"""What a channel cannot say natively, said in words as its manifest declares, or refused with the reason.

Nothing is dropped silently: a kind that is neither carried nor degraded fails before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.api import (
    Carry,
    ChoiceRule,
    Failed,
    Manifest,
    MediaLink,
    MediaRule,
    degraded,
    problem,
    refused,
)
from connectors.kit.text import size, split
from contracts.attachment import Attachment
from contracts.content import (
    Audio,
    Call,
    Choice,
    ContactCard,
    File,
    Image,
    Location,
    Part,
    Postback,
    Reaction,
    Sticker,
    Template,
    Text,
    Unsupported,
    Video,
    attachments_of,
)

_UNDECLARED: Final = refused("the channel does not say how it would carry it")


def pieces_for(
    manifest: Manifest, parts: tuple[Part, ...], media: Mapping[str, MediaLink]
) -> tuple[Part, ...] | Failed:
    """The parts as this channel carries them: native ones as they are, degraded ones as text, texts split at the limit.

    ``media``: a link for each attachment, by its id. Failed with problem ``unsupported`` names the kind and the reason.
    """
    missing = [each for each in attachments_of(parts) if each.id not in media]
    if missing:
        return Failed(problem("unsupported", f"attachment {missing[0].id} cannot be sent: it is {missing[0].state}"))
    pieces: list[Part] = []
    for part in parts:
        kind = kind_of(part)
        carry = as_carried(manifest, part)
        if carry.support == "refused":
            return Failed(problem("unsupported", f"{kind}: {carry.how}", kind))
        for each in _captioned(manifest, part) if carry.support == "native" else (Text(as_text(part, media)),):
            pieces.extend(_limited(manifest, each))
    return tuple(pieces) if pieces else Failed(problem("unsupported", "there is nothing in the message to be sent"))


def as_carried(manifest: Manifest, part: Part) -> Carry:
    """How the channel carries this very part: as declared for its kind, or degraded when it does not fit."""
    kind = kind_of(part)
    carry = manifest.carries.get(kind, _UNDECLARED)
    if carry.support != "native":
        return carry
    match part:
        case Image() | Audio() | Video() | File() if not _fits(manifest.media.get(kind), part.attachment):
            return degraded("a text with a link")
        case Choice() if not _shows(manifest.choices, part):
            return degraded("a text with numbered lines")
        case _:
            return carry


def kind_of(part: Part) -> str:
    """The part's ``kind`` as on the wire."""
    return str(part.__struct_config__.tag)


def as_text(part: Part, media: Mapping[str, MediaLink]) -> str:
    """The part in words: what somebody would type who had nothing but text."""
    match part:
        case Text(text=words):
            return words
        case Image() | Video() | Audio() | File():
            return _lines(getattr(part, "caption", None), _linked(part.attachment, media))
        case Location():
            return _lines(part.title, part.address, map_link(part))
        case ContactCard():
            return _lines(part.name, *part.phones, *part.emails)
        case Choice():
            return numbered(part)
        case _:
            return _rare_as_text(part, media)


def numbered(choice: Choice) -> str:
    """A choice as a text with numbered lines; the customer answers with the number or the words."""
    lines = [f"{number}. {each.label}{_target(each.url)}" for number, each in enumerate(choice.options, 1)]
    return _lines(choice.text, *lines)


def map_link(place: Location) -> str:
    """A link that every telephone opens in its own map."""
    return f"https://www.google.com/maps/search/?api=1&query={place.latitude:.6f},{place.longitude:.6f}"


def _rare_as_text(part: Part, media: Mapping[str, MediaLink]) -> str:
    match part:
        case Sticker():
            return part.text or (f"({part.keywords[0]})" if part.keywords else "(sticker)")
        case Postback():
            return part.label or part.value
        case Reaction():
            return part.emoji
        case Template():
            return _lines(part.name, *(f"{key}: {value}" for key, value in part.params.items()))
        case Call():
            recording = None if part.recording is None else _linked(part.recording, media)
            return _lines(f"☎ {part.state}", part.transcript, recording)
        case Unsupported(what=what):
            return f"({what})"
        case _:
            raise AssertionError(f"no words for {kind_of(part)}")


def _linked(attachment: Attachment, media: Mapping[str, MediaLink]) -> str:
    link = media[attachment.id]
    return _lines(link.name, link.url)


def _target(url: str | None) -> str:
    return f" {url}" if url else ""


def _lines(*lines: str | None) -> str:
    return "\n".join(line for line in lines if line)


def _fits(rule: MediaRule | None, attachment: Attachment) -> bool:
    if rule is None:
        return True
    if rule.max_bytes is not None and (attachment.size or 0) > rule.max_bytes:
        return False
    family = attachment.media_type.partition("/")[0] + "/*"
    return not rule.types or attachment.media_type in rule.types or family in rule.types


def _shows(rule: ChoiceRule, choice: Choice) -> bool:
    """Whether the channel shows the choice with its own buttons."""
    labels = max((size(each.label, "graphemes") for each in choice.options), default=0)
    return (
        (rule.options is None or len(choice.options) <= rule.options)
        and (rule.label is None or labels <= rule.label)
        and (rule.text is None or size(choice.text, "graphemes") <= rule.text)
        and (rule.urls or not any(each.url for each in choice.options))
    )


def _captioned(manifest: Manifest, part: Part) -> tuple[Part, ...]:
    """The part; a caption that is too long for the channel follows as a text of its own."""
    if not isinstance(part, Image | Video | File) or part.caption is None or manifest.caption_limit is None:
        return (part,)
    if size(part.caption, manifest.text_unit) <= manifest.caption_limit:
        return (part,)
    return (msgspec.structs.replace(part, caption=None), Text(part.caption))


def _limited(manifest: Manifest, part: Part) -> tuple[Part, ...]:
    if not isinstance(part, Text):
        return (part,)
    if not part.text.strip():
        return (part,) if part.html else ()
    if manifest.text_limit is None:
        return (part,)
    texts = split(part.text, manifest.text_limit, manifest.text_unit)
    return (part,) if len(texts) == 1 else tuple(Text(text) for text in texts)
