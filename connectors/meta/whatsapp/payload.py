"""WhatsApp's webhook payload as types, after the webhook reference of the Cloud API; only what we read.

From 2026-03-31 on a customer may come without phone number, named by a business-scoped user id alone.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.meta.envelope import MOST, Id, Number

Seconds = Annotated[str, Meta(pattern=r"^[0-9]{1,11}$")] | Annotated[int, Meta(ge=0, le=99_999_999_999)]
"""Since 1970; Meta writes it as text."""
Raws = Annotated[list[msgspec.Raw], Meta(max_length=MOST)]


class Fact(msgspec.Struct, frozen=True):
    """Base of the parts."""


class Change(Fact, frozen=True):
    """One change; what ``value`` is depends on ``field``."""

    field: str
    value: msgspec.Raw = msgspec.Raw(b"null")


class Metadata(Fact, frozen=True):
    """Which of our numbers it concerns."""

    phone_number_id: Id
    display_phone_number: str | None = None


class Profile(Fact, frozen=True):
    name: str | None = None
    username: str | None = None


class Contact(Fact, frozen=True):
    """A customer as WhatsApp shows them."""

    profile: Profile = Profile()
    wa_id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None


class Error(Fact, frozen=True):
    class Data(msgspec.Struct, frozen=True):
        details: str | None = None

    code: Number
    title: str | None = None
    message: str | None = None
    error_data: Data = Data()


class Preference(Fact, frozen=True):
    """A customer's wish about marketing messages: ``stop`` or ``resume``."""

    category: str
    value: str
    timestamp: Seconds
    wa_id: str | None = None
    user_id: str | None = None


class Value(Fact, frozen=True):
    """The value of the fields that concern customers."""

    metadata: Metadata
    contacts: Annotated[list[Contact], Meta(max_length=MOST)] = []
    messages: Raws = []
    statuses: Raws = []
    message_echoes: Raws = []
    user_preferences: Raws = []
    errors: Annotated[list[Error], Meta(max_length=MOST)] = []


# -- messages -------------------------------------------------------------------------------------------------------


class Context(Fact, frozen=True):
    """What the message belongs to: the quoted message, or that it was passed on."""

    id: Id | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False


class Referral(Fact, frozen=True, omit_defaults=True):
    """The advertisement or post that led the customer here."""

    source_url: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None
    ctwa_clid: str | None = None


class Bare(Fact, frozen=True, rename={"from_": "from"}):
    """What every message has, whatever else it may be. ``type`` is the tag of :class:`Message`."""

    id: Id
    timestamp: Seconds
    type: str
    from_: Id | None = None
    from_user_id: Id | None = None
    from_parent_user_id: Id | None = None
    group_id: Id | None = None
    context: Context | None = None
    referral: Referral | None = None


class TextBody(Fact, frozen=True):
    body: str


class Media(Fact, frozen=True):
    """A file: by its id for seven days, by its URL for five minutes."""

    id: Id | None = None
    url: str | None = None
    mime_type: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False
    animated: bool = False


class Place(Fact, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: str | None = None
    address: str | None = None
    url: str | None = None


class CardName(Fact, frozen=True):
    formatted_name: str = ""


class CardPhone(Fact, frozen=True):
    phone: str | None = None
    wa_id: str | None = None


class CardEmail(Fact, frozen=True):
    email: str | None = None


class Card(Fact, frozen=True):
    name: CardName = CardName()
    phones: list[CardPhone] = []
    emails: list[CardEmail] = []


class Reaction(Fact, frozen=True):
    """Without an emoji it was taken away."""

    message_id: Id
    emoji: str | None = None


class Reply(Fact, frozen=True):
    id: str
    title: str | None = None
    description: str | None = None


class Form(Fact, frozen=True):
    """A filled-in Flow; ``response_json`` is JSON in a string."""

    response_json: str
    body: str | None = None
    name: str | None = None


class Interactive(Fact, frozen=True):
    type: str
    button_reply: Reply | None = None
    list_reply: Reply | None = None
    nfm_reply: Form | None = None


class Button(Fact, frozen=True):
    """A quick reply of a template."""

    payload: str
    text: str | None = None


class Item(Fact, frozen=True, omit_defaults=True):
    product_retailer_id: str
    quantity: Number | float | str
    item_price: Number | float | str | None = None
    currency: str | None = None


class Order(Fact, frozen=True, omit_defaults=True):
    product_items: Annotated[list[Item], Meta(max_length=MOST)]
    catalog_id: str | None = None
    text: str | None = None


class System(Fact, frozen=True):
    """A customer has another number, or another user id. Never sent together with ``contacts``."""

    type: str
    wa_id: Id | None = None
    user_id: Id | None = None
    previous_user_id: Id | None = None


class Strange(Fact, frozen=True):
    type: str | None = None


class Edit(Fact, frozen=True):
    original_message_id: Id
    message: msgspec.Raw


class Revoke(Fact, frozen=True):
    original_message_id: Id


class Content(Fact, frozen=True):
    """What a message says: one object, named after the message's ``type``."""

    type: str
    text: TextBody | None = None
    image: Media | None = None
    video: Media | None = None
    audio: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Place | None = None
    contacts: Annotated[list[Card], Meta(max_length=MOST)] | None = None
    reaction: Reaction | None = None
    interactive: Interactive | None = None
    button: Button | None = None
    order: Order | None = None
    system: System | None = None
    unsupported: Strange | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None


# -- statuses -------------------------------------------------------------------------------------------------------


class Status(Fact, frozen=True):
    """What became of a message of ours."""

    id: Id
    status: str
    timestamp: Seconds
    recipient_id: Id | None = None
    recipient_user_id: Id | None = None
    biz_opaque_callback_data: str | None = None
    errors: list[Error] = []
