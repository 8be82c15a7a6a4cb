"""Activities of the Bot Framework, as far as we look at them. What we do not know is passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from connectors.kit.json import BadJson, read

T = TypeVar("T")

Id = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Many = Meta(max_length=100)


class Struct(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """All names are in camel case."""


class Account(Struct, frozen=True):
    """A person (``29:...``) or a bot (``28:...``)."""

    id: Id
    name: str | None = None
    aad_object_id: str | None = None


class Conversation(Struct, frozen=True):
    """``personal``, ``groupChat`` or ``channel``; a channel's thread has ``;messageid=<root>`` in its id."""

    id: Id
    conversation_type: str | None = None
    tenant_id: str | None = None
    name: str | None = None


class Entity(Struct, frozen=True):
    """Of type ``mention``: the text ``<at>Name</at>`` and whom it means."""

    type: str = ""
    text: str | None = None
    mentioned: Account | None = None
    locale: str | None = None


class FileInfo(Struct, frozen=True):
    """Within ``application/vnd.microsoft.teams.file.download.info``, and of a quoted message."""

    download_url: str | None = None
    file_type: str | None = None
    message_id: str | None = None


class Attached(Struct, frozen=True):
    content_type: str
    content_url: str | None = None
    content: msgspec.Raw = msgspec.Raw()
    name: str | None = None


class Reaction(Struct, frozen=True):
    type: Annotated[str, Meta(min_length=1, max_length=64)]


class ChannelData(Struct, frozen=True):
    event_type: str | None = None


class Activity(Struct, frozen=True):
    """One thing that happened. ``value`` is a button's data, ``name`` an event's or an invoke's."""

    type: str
    service_url: str
    channel_id: str
    conversation: Conversation
    from_: Account | None = msgspec.field(default=None, name="from")
    recipient: Account | None = None
    id: Id | None = None
    timestamp: datetime | None = None
    locale: str | None = None
    text: str | None = None
    reply_to_id: Id | None = None
    attachments: Annotated[list[Attached], Many] | None = None
    entities: Annotated[list[Entity], Many] | None = None
    value: msgspec.Raw = msgspec.Raw()
    name: str | None = None
    action: str | None = None
    channel_data: ChannelData | None = None
    reactions_added: Annotated[list[Reaction], Many] | None = None
    reactions_removed: Annotated[list[Reaction], Many] | None = None
    members_added: Annotated[list[Account], Many] | None = None
    members_removed: Annotated[list[Account], Many] | None = None


class Origin(Struct, frozen=True):
    """What a token has to agree with."""

    service_url: str
    channel_id: str


class Typed(Struct, frozen=True):
    type: str


class ExecuteAction(Struct, frozen=True):
    data: msgspec.Raw = msgspec.Raw()
    title: str | None = None


class Execute(Struct, frozen=True):
    """The value of an ``adaptiveCard/action``."""

    action: ExecuteAction = ExecuteAction()


class Picked(msgspec.Struct, frozen=True):
    """The data that we put into a button."""

    madoguchi: Annotated[str, Meta(min_length=1, max_length=4_000)]
    label: str | None = None


class ReadReceipt(Struct, frozen=True):
    last_read_message_id: Annotated[str, Meta(pattern="^[0-9]{13}$")]


class Problem(Struct, frozen=True):
    code: str = ""
    message: str = ""


class Answer(Struct, frozen=True):
    """What the service answers: the new activity's (or conversation's) id, or an error."""

    id: str | None = None
    error: Problem | None = None


class Member(Struct, frozen=True):
    name: str | None = None
    locale: str | None = None


class Members(Struct, frozen=True):
    members: list[Member] = []


class Metadata(msgspec.Struct, frozen=True):
    jwks_uri: str


class Key(msgspec.Struct, frozen=True):
    """A public key of Microsoft's. ``endorsements``: the channels for which it may sign."""

    kid: str
    kty: str = "RSA"
    n: str = ""
    e: str = ""
    endorsements: tuple[str, ...] = ()


class Keys(msgspec.Struct, frozen=True):
    keys: list[Key]


class Token(msgspec.Struct, frozen=True):
    access_token: Annotated[str, Meta(min_length=1, max_length=16_384, pattern="^[!-~]+$")]
    expires_in: float = 3_600.0


class LoginError(msgspec.Struct, frozen=True):
    error: str = ""


def inner(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T | None:
    """What a field holds; None where it is missing, or not as expected."""
    data = bytes(raw)
    if not data:
        return None
    found: T | BadJson = read(data, decoder)
    return None if isinstance(found, BadJson) else found
