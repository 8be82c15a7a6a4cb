"""Pieces of a message as activities."""

from __future__ import annotations

from typing import Any, Final

from connectors.api import MediaLink, Outbound
from connectors.kit.degrade import as_text
from contracts.content import Choice, Image, Option, Part, Text

TEXT_LIMIT: Final = 12_000
"""In UTF-16 units: a text stays under the 28 kB that every version of the service takes."""
MOST_BYTES: Final = 80 * 1_024
"""Of a whole activity, counted in UTF-16, as Microsoft advises; about 100 kB are refused."""
MOST_ACTIONS: Final = 6
IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/gif")
IMAGE_BYTES: Final = 1_048_576
CARD: Final = "application/vnd.microsoft.card.adaptive"


def activity_of(outbound: Outbound, piece: Part) -> dict[str, Any]:
    """The piece as an activity. What was written is what is shown: no Markdown."""
    match piece:
        case Text(text=words):
            return _text(words)
        case Image() if _shows(link := outbound.media[piece.attachment.id]):
            return _image(piece, link)
        case Choice():
            return _card(piece)
        case _:
            return _text(as_text(piece, outbound.media))


def _shows(link: MediaLink) -> bool:
    return link.size <= IMAGE_BYTES and link.media_type in IMAGE_TYPES


def _text(words: str) -> dict[str, Any]:
    return {"type": "message", "text": words, "textFormat": "plain"}


def _image(piece: Image, link: MediaLink) -> dict[str, Any]:
    words = _text(piece.caption) if piece.caption else {"type": "message"}
    return {**words, "attachments": [{"contentType": link.media_type, "contentUrl": link.url, "name": link.name}]}


def _card(choice: Choice) -> dict[str, Any]:
    """An adaptive card; its button says the label in the customer's name and brings back the value."""
    question = {"type": "TextBlock", "text": _literal(choice.text), "wrap": True}
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [question],
        "actions": [_action(option) for option in choice.options],
    }
    return {"type": "message", "attachments": [{"contentType": CARD, "content": content}]}


def _action(option: Option) -> dict[str, Any]:
    if option.url is not None:
        return {"type": "Action.OpenUrl", "title": option.label, "url": option.url}
    value = {"madoguchi": option.value, "label": option.label}
    back = {"type": "messageBack", "displayText": option.label, "text": option.label, "value": value}
    return {"type": "Action.Submit", "title": option.label, "data": {"msteams": back}}


def _literal(text: str) -> str:
    """A TextBlock reads Markdown: its signs are escaped."""
    return "".join(f"\\{letter}" if letter in "\\*_[]`#~" else letter for letter in text)
