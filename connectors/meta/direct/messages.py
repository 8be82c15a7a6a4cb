"""One piece of a message as what goes into the Send API: a ``message``, or a ``sender_action``."""

from __future__ import annotations

from typing import Any, Final

from connectors.api import Failed, MediaLink, MediaRule, Outbound, problem
from connectors.kit.degrade import as_text
from connectors.kit.text import split
from connectors.meta.direct.dialect import Dialect
from contracts.content import Audio, Choice, File, Image, Option, Part, Reaction, Text, Video

MOST_REPLIES: Final = 13
LABEL: Final = 20
BUTTON_TEXT: Final = 640
VALUE: Final = 1_000

Body = dict[str, Any]


def bodies_of(outbound: Outbound, piece: Part, last: bool, dialect: Dialect) -> list[Body] | Failed:
    """The bodies of one piece, at least one. ``last``: nothing follows, so quick replies will be seen."""
    match piece:
        case Text(text=words):
            return _texts(words, dialect)
        case Image() | Video() | Audio() | File():
            return _file(outbound, piece, dialect)
        case Choice():
            return _choice(outbound, piece, last, dialect)
        case Reaction():
            return _reaction(outbound, piece, dialect)
        case _:
            return _texts(as_text(piece, outbound.media), dialect)


def _texts(words: str, dialect: Dialect) -> list[Body]:
    return [{"message": {"text": text}} for text in split(words, dialect.text_limit, dialect.text_unit)]


def _file(outbound: Outbound, piece: Image | Video | Audio | File, dialect: Dialect) -> list[Body]:
    """Meta fetches it by our link. There are no captions: the words follow."""
    link, caption = outbound.media[piece.attachment.id], getattr(piece, "caption", None)
    kind, rule = dialect.media[type(piece)]
    if not _fits(link, rule):
        return _texts(as_text(piece, outbound.media), dialect)
    file = {"message": {"attachment": {"type": kind, "payload": {"url": link.url}}}}
    return [file, *(_texts(caption, dialect) if caption and caption.strip() else [])]


def _fits(link: MediaLink, rule: MediaRule) -> bool:
    right = not rule.types or link.media_type in rule.types
    return right and link.url.startswith("https://") and (rule.max_bytes is None or link.size <= rule.max_bytes)


def _reaction(outbound: Outbound, piece: Reaction, dialect: Dialect) -> list[Body] | Failed:
    """Where the channel's id of the message, or its name for the emoji, is not known, the emoji as a text."""
    target = outbound.targets.get(piece.target)
    if target is None and not piece.target.startswith("ms_"):
        target = piece.target
    if target is not None and piece.removed:
        return [{"sender_action": "unreact", "payload": {"message_id": target}}]
    if piece.removed:
        return Failed(problem("unsupported", "reaction: it is not known to which message it was"))
    name = dialect.reactions.get(piece.emoji.rstrip("\ufe0f"))
    if target is None or name is None:
        return _texts(piece.emoji, dialect)
    return [{"sender_action": "react", "payload": {"message_id": target, "reaction": name}}]


# -- choices --------------------------------------------------------------------------------------------------------


def _choice(outbound: Outbound, piece: Choice, last: bool, dialect: Dialect) -> list[Body]:
    """Quick replies vanish when something follows, and lead nowhere: then it is buttons, or numbered text."""
    few = 1 <= len(piece.options) <= MOST_REPLIES and bool(piece.text.strip())
    if few and last and all(each.url is None and _short_enough(each) for each in piece.options):
        bodies = _texts(piece.text, dialect)
        bodies[-1]["message"]["quick_replies"] = [_quick_reply(each) for each in piece.options]
        return bodies
    stays = few and len(piece.options) <= dialect.buttons and len(piece.text) <= BUTTON_TEXT
    if stays and all(map(_short_enough, piece.options)):
        return [_buttons(piece)]
    return _texts(as_text(piece, outbound.media), dialect)


def _short_enough(option: Option) -> bool:
    return 0 < len(option.label) <= LABEL and (option.url is not None or 0 < len(option.value) <= VALUE)


def _quick_reply(option: Option) -> dict[str, str]:
    return {"content_type": "text", "title": option.label, "payload": option.value}


def _buttons(piece: Choice) -> Body:
    buttons = [_button(each) for each in piece.options]
    payload = {"template_type": "button", "text": piece.text, "buttons": buttons}
    return {"message": {"attachment": {"type": "template", "payload": payload}}}


def _button(option: Option) -> dict[str, str]:
    if option.url is not None:
        return {"type": "web_url", "title": option.label, "url": option.url}
    return {"type": "postback", "title": option.label, "payload": option.value}
