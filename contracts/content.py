"""What a message says: the kinds of content, the same for every channel."""

from __future__ import annotations

from typing import Literal

import msgspec

from contracts.attachment import Attachment


class Content(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag=str.lower):
    """Base of the content kinds; ``kind`` on the wire tells them apart."""


class Text(Content, frozen=True, tag="text"):
    """Plain text, as the person wrote it; ``html`` only where the channel had it (sanitise before showing)."""

    text: str
    html: str | None = None
    quoted: str | None = None
    """The quoted history that was cut from ``text`` (email), whole."""


class Image(Content, frozen=True, tag="image"):
    attachment: Attachment
    caption: str | None = None


class Audio(Content, frozen=True, tag="audio"):
    attachment: Attachment
    duration_ms: int | None = None


class Video(Content, frozen=True, tag="video"):
    attachment: Attachment
    duration_ms: int | None = None
    caption: str | None = None


class File(Content, frozen=True, tag="file"):
    attachment: Attachment
    caption: str | None = None


class Location(Content, frozen=True, tag="location"):
    """A place: degrees, WGS 84."""

    latitude: float
    longitude: float
    title: str | None = None
    address: str | None = None


class ContactCard(Content, frozen=True, tag="contact_card"):
    """Somebody's card, passed on by the customer; never an identity of the customer."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


class Sticker(Content, frozen=True, tag="sticker"):
    package: str
    sticker: str
    text: str | None = None
    keywords: tuple[str, ...] = ()


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to choose: what is shown, what comes back, or where it leads."""

    label: str
    value: str
    url: str | None = None


class Choice(Content, frozen=True, tag="choice"):
    """A question with options (quick replies, buttons); sent by us."""

    text: str
    options: tuple[Option, ...]


class Postback(Content, frozen=True, tag="postback"):
    """The customer's pick: the option's value, its label where the channel tells it, and the channel's extras."""

    value: str
    label: str | None = None
    params: dict[str, str] | None = None


class Reaction(Content, frozen=True, tag="reaction"):
    """A reaction sent as a message; an inbound reaction to a known message is an event of its own."""

    target: str
    emoji: str
    removed: bool = False


class Template(Content, frozen=True, tag="template"):
    """A message approved beforehand by the channel: its name, language and parameters."""

    name: str
    language: str
    params: dict[str, str] = {}


class Call(Content, frozen=True, tag="call"):
    """A telephone call on the timeline; ``duration_s`` in seconds once it has ended."""

    state: Literal["ringing", "waiting", "answered", "ended", "missed", "voicemail"]
    duration_s: int | None = None
    recording: Attachment | None = None
    transcript: str | None = None
    agent: str | None = None
    """Who talks with the customer, or is to."""
    to: str | None = None
    """Of a call that we put through: where ``agent`` is called, in E.164 or as ``sip:...``."""
    ring_s: int | None = None
    """And for how long at most, in seconds."""
    fresh: bool = False
    """The customer is not on the line: both are called."""


class Unsupported(Content, frozen=True, tag="unsupported"):
    """Something the customer sent that we cannot show; ``what`` names it, the raw payload has it."""

    what: str


Part = (
    Text
    | Image
    | Audio
    | Video
    | File
    | Location
    | ContactCard
    | Sticker
    | Choice
    | Postback
    | Reaction
    | Template
    | Call
    | Unsupported
)

KINDS: tuple[str, ...] = (
    "text",
    "image",
    "audio",
    "video",
    "file",
    "location",
    "contact_card",
    "sticker",
    "choice",
    "postback",
    "reaction",
    "template",
    "call",
)
"""Every kind that a connector must declare support for (``unsupported`` is only ever received)."""


def attachments_of(parts: tuple[Part, ...]) -> list[Attachment]:
    """The attachments in the parts, in order."""
    found: list[Attachment] = []
    for part in parts:
        if isinstance(part, Image | Audio | Video | File):
            found.append(part.attachment)
        elif isinstance(part, Call) and part.recording is not None:
            found.append(part.recording)
    return found


def plain_text(parts: tuple[Part, ...]) -> str:
    """The words of a message, for matching and previews: texts, captions, labels, one per line."""
    lines: list[str] = []
    for part in parts:
        match part:
            case Text(text=words) | Choice(text=words):
                lines.append(words)
            case Image(caption=str(words)) | Video(caption=str(words)) | File(caption=str(words)):
                lines.append(words)
            case Postback():
                lines.append(part.label or part.value)
            case Sticker(text=str(words)):
                lines.append(words)
            case _:
                pass
    return "\n".join(lines)
