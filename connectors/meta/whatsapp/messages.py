"""One piece of a message as WhatsApp's message objects: the type, and what belongs under it."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors.api import Failed, MediaLink, MediaRule, Outbound, problem
from connectors.kit.degrade import as_text
from connectors.kit.text import clip, split
from connectors.meta.whatsapp.settings import WhatsAppSettings
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
    Template,
    Text,
    Video,
)

TEXT_LIMIT: Final = 4_096
CAPTION_LIMIT: Final = 1_024
MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10
BUTTON_LABEL: Final = 20
ROW_LABEL: Final = 24
MEGABYTE: Final = 1_048_576

DOCUMENT: Final = MediaRule((), 100 * MEGABYTE)
"""What goes as a document, and that is anything."""
_FORMS: Final[dict[type[Part], tuple[str, MediaRule]]] = {
    Image: ("image", MediaRule(("image/jpeg", "image/png"), 5 * MEGABYTE)),
    Audio: ("audio", MediaRule(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * MEGABYTE)),
    Video: ("video", MediaRule(("video/mp4", "video/3gpp"), 16 * MEGABYTE)),
    File: ("document", DOCUMENT),
}
_POSITION: Final = re.compile(r"[1-9][0-9]?")

Message = dict[str, Any]
"""``type``, and one object named after it."""


def messages_of(outbound: Outbound, piece: Part, settings: WhatsAppSettings) -> list[Message] | Failed:
    """The messages of one piece, at least one."""
    match piece:
        case Text(text=words):
            return _texts(words, outbound)
        case Image() | Video() | Audio() | File():
            return _file(outbound, piece)
        case Location():
            return [_typed("location", _place(piece))]
        case ContactCard():
            return [_typed("contacts", [_card(piece)])]
        case Choice():
            return _choice(outbound, piece, settings)
        case Reaction():
            return _reaction(outbound, piece)
        case Template():
            return [_typed("template", _template(outbound, piece, settings.named_parameters))]
        case _:
            return _texts(as_text(piece, outbound.media), outbound)


def _typed(kind: str, what: Any) -> Message:
    return {"type": kind, kind: what}


def _texts(words: str, outbound: Outbound) -> list[Message]:
    preview = bool((outbound.extra or {}).get("preview_url", False))
    return [_typed("text", {"preview_url": preview, "body": each}) for each in split(words, TEXT_LIMIT, "characters")]


def _file(outbound: Outbound, piece: Image | Video | Audio | File) -> list[Message]:
    """WhatsApp fetches it by our link; what is not of the usual kinds goes as a document."""
    link, caption = outbound.media[piece.attachment.id], getattr(piece, "caption", None)
    form, rule = _FORMS[type(piece)]
    if not _fits(link, rule):
        form = "document"
    if not _fits(link, DOCUMENT):
        return _texts(as_text(piece, outbound.media), outbound)
    named = {"filename": link.name} if form == "document" else {}
    fits = caption is not None and 0 < len(caption) <= CAPTION_LIMIT and form != "audio"
    under = {"caption": caption} if fits else {}
    after = _texts(caption, outbound) if caption and not fits else []
    return [_typed(form, {"link": link.url, **named, **under}), *after]


def _fits(link: MediaLink, rule: MediaRule) -> bool:
    right = not rule.types or link.media_type in rule.types
    return right and link.url.startswith("https://") and (rule.max_bytes is None or link.size <= rule.max_bytes)


def _place(piece: Location) -> dict[str, Any]:
    named = {"name": piece.title, "address": piece.address}
    return {
        "latitude": piece.latitude,
        "longitude": piece.longitude,
        **{name: value for name, value in named.items() if value},
    }


def _card(piece: ContactCard) -> dict[str, Any]:
    """WhatsApp wants a part of the name beside the whole."""
    card: dict[str, Any] = {"name": {"formatted_name": piece.name, "first_name": piece.name}}
    if piece.phones:
        card["phones"] = [{"phone": phone} for phone in piece.phones]
    if piece.emails:
        card["emails"] = [{"email": email} for email in piece.emails]
    return card


def _reaction(outbound: Outbound, piece: Reaction) -> list[Message] | Failed:
    """Where WhatsApp's id of the message is not known, the emoji as a text."""
    target = piece.target if piece.target.startswith("wamid.") else outbound.targets.get(piece.target)
    if target is not None:
        return [_typed("reaction", {"message_id": target, "emoji": "" if piece.removed else piece.emoji})]
    if piece.removed:
        return Failed(problem("unsupported", "reaction: it is not known to which message it was"))
    return _texts(piece.emoji, outbound)


# -- templates ------------------------------------------------------------------------------------------------------


def _template(outbound: Outbound, piece: Template, named: bool) -> dict[str, Any]:
    """``provider_extra.components`` in WhatsApp's own form (headers, buttons) takes the place of the parameters."""
    template: dict[str, Any] = {"name": piece.name, "language": {"code": piece.language.replace("-", "_")}}
    components = (outbound.extra or {}).get("components")
    if components:
        template["components"] = components
    elif piece.params:
        template["components"] = [{"type": "body", "parameters": _parameters(piece.params, named)}]
    return template


def _parameters(params: dict[str, str], named: bool) -> list[dict[str, str]]:
    """In their order (names that are numbers say it themselves), or by name."""
    if all(map(_POSITION.fullmatch, params)):
        return [{"type": "text", "text": params[name]} for name in sorted(params, key=int)]
    if not named:
        return [{"type": "text", "text": text} for text in params.values()]
    return [{"type": "text", "parameter_name": name, "text": text} for name, text in params.items()]


# -- choices --------------------------------------------------------------------------------------------------------


def _choice(outbound: Outbound, piece: Choice, settings: WhatsAppSettings) -> list[Message]:
    """Up to three buttons, a list of up to ten rows, or one button that leads somewhere; otherwise numbered text."""
    options, body = piece.options, piece.text
    if not body.strip() or len(body) > CAPTION_LIMIT:
        return _texts(as_text(piece, outbound.media), outbound)
    if len(options) == 1 and options[0].url is not None and len(options[0].label) <= BUTTON_LABEL:
        return [_interactive("cta_url", body, {"name": "cta_url", "parameters": _link(options[0])})]
    if len(options) <= MOST_BUTTONS and _offers(options, BUTTON_LABEL, 256):
        return [_interactive("button", body, {"buttons": [_button(each) for each in options]})]
    if len(options) <= MOST_ROWS and _offers(options, ROW_LABEL, 200):
        rows = [{"id": each.value, "title": each.label} for each in options]
        shown = clip(settings.list_button, BUTTON_LABEL, "characters")
        return [_interactive("list", body, {"button": shown, "sections": [{"rows": rows}]})]
    return _texts(as_text(piece, outbound.media), outbound)


def _offers(options: tuple[Option, ...], label: int, value: int) -> bool:
    """Labels and values must be there, short enough, and each another."""
    whole = all(each.url is None and 0 < len(each.label) <= label and 0 < len(each.value) <= value for each in options)
    apart = len({each.label for each in options}) == len({each.value for each in options}) == len(options)
    return bool(options) and whole and apart


def _interactive(kind: str, body: str, action: dict[str, Any]) -> Message:
    return _typed("interactive", {"type": kind, "body": {"text": body}, "action": action})


def _button(option: Option) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": option.value, "title": option.label}}


def _link(option: Option) -> dict[str, str | None]:
    return {"display_text": option.label, "url": option.url}
