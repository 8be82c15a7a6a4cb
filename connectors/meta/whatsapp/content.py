"""What a customer's message says, as our parts."""

from __future__ import annotations

from typing import Final

from connectors.meta.whatsapp import payload as wa
from contracts.attachment import Attachment
from contracts.content import (
    Audio,
    ContactCard,
    File,
    Image,
    Location,
    Part,
    Postback,
    Text,
    Unsupported,
    Video,
)
from contracts.ids import attachment_id

_USUAL: Final = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/ogg", "sticker": "image/webp"}


def parts_of(content: wa.Content, message: str) -> tuple[Part, ...]:
    """The parts of a message with our id ``message``; what we cannot show becomes one that names it."""
    match content:
        case wa.Content(text=wa.TextBody(body=words)):
            return (Text(words),)
        case wa.Content(location=wa.Place() as place):
            return (Location(place.latitude, place.longitude, place.name, place.address),)
        case wa.Content(contacts=[*cards]) if cards:
            return tuple(map(_card, cards))
        case wa.Content(button=wa.Button() as button):
            return (Postback(button.payload, button.text),)
        case wa.Content(interactive=wa.Interactive() as chosen):
            return (_chosen(chosen),)
        case wa.Content(order=wa.Order() as order):
            return (Text(_order(order)),)
        case _:
            return (_file(content, message) or _unknown(content),)


def _file(content: wa.Content, message: str) -> Part | None:
    match content:
        case wa.Content(image=wa.Media() as media):
            return Image(_attachment(media, message, "image"), media.caption)
        case wa.Content(video=wa.Media() as media):
            return Video(_attachment(media, message, "video"), caption=media.caption)
        case wa.Content(audio=wa.Media() as media):
            return Audio(_attachment(media, message, "audio"))
        case wa.Content(document=wa.Media() as media):
            return File(_attachment(media, message, "document"), media.caption)
        case wa.Content(sticker=wa.Media() as media):
            return Image(_attachment(media, message, "sticker"))
        case _:
            return None


def _attachment(media: wa.Media, message: str, kind: str) -> Attachment:
    """By id where there is one: its URL is dead after five minutes, and the id gives a new one."""
    usual = _USUAL.get(kind, "application/octet-stream")
    media_type = (media.mime_type or usual).partition(";")[0].strip()
    return Attachment(attachment_id(message, 0), media.filename, media_type, source=media.id or media.url)


def _card(card: wa.Card) -> ContactCard:
    phones = tuple(filter(None, (each.phone or each.wa_id for each in card.phones)))
    return ContactCard(card.name.formatted_name, phones, tuple(filter(None, (each.email for each in card.emails))))


def _chosen(chosen: wa.Interactive) -> Part:
    reply, form = chosen.button_reply or chosen.list_reply, chosen.nfm_reply
    if reply is not None:
        return Postback(reply.id, reply.title)
    if form is not None:
        return Postback(form.response_json, form.body, {"flow": form.name} if form.name else None)
    return Unsupported(chosen.type[:64])


def _order(order: wa.Order) -> str:
    """The order in words; whole it is in the message's ``extra``."""
    lines = [f"{each.quantity} × {each.product_retailer_id}{_price(each)}" for each in order.product_items]
    return "\n".join([*filter(None, (order.text,)), *lines])


def _price(item: wa.Item) -> str:
    return "" if item.item_price is None else f" ({item.item_price} {item.currency or ''})".replace(" )", ")")


def _unknown(content: wa.Content) -> Part:
    named = content.unsupported.type if content.unsupported is not None else None
    return Unsupported((named or content.type)[:64])
