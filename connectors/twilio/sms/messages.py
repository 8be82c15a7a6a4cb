"""One piece of a message as SMS or MMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.api import Failed, MediaLink, MediaRule, problem
from connectors.kit.degrade import as_text
from connectors.kit.text import split
from connectors.twilio.messaging.outbound import MEGABYTE, TEXT_LIMIT, Content, file_fields, fits
from connectors.twilio.sms.segments import segments
from connectors.twilio.sms.settings import SmsSettings
from contracts.content import Audio, File, Image, Part, Video

PICTURE: Final = MediaRule(("image/jpeg", "image/png", "image/gif"), 5 * MEGABYTE)
OTHER: Final = MediaRule((), 500_000)
"""What Twilio takes of other files; carriers may take less."""


def content_of(settings: SmsSettings, media: Mapping[str, MediaLink], piece: Part) -> Content | Failed:
    """The fields of the messages that say a piece."""
    match piece:
        case Image() | Video() | Audio() | File() if settings.mms:
            link = media[piece.attachment.id]
            if fits(link, PICTURE if isinstance(piece, Image) else OTHER):
                return [file_fields(piece, link)]
    words = as_text(piece, media)
    too_dear = _too_dear(settings, words)
    return too_dear or [[("Body", each)] for each in split(words, TEXT_LIMIT, "utf16")]


def _too_dear(settings: SmsSettings, words: str) -> Failed | None:
    counted = segments(words)
    if settings.max_segments is None or counted.count <= settings.max_segments:
        return None
    detail = f"{counted.count} segments of {counted.encoding}, and at most {settings.max_segments} are sent"
    return Failed(problem("too_large", detail))
