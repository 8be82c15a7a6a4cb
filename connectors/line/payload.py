"""LINE's webhook payload as types, after line-openapi ``webhook.yml``; only what we read.

Absent values are omitted by LINE and never null; we take null for absent all the same. Limits on numbers are there so
that a value can always be kept in msgpack and turned into a time.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Envelope(msgspec.Struct, frozen=True):
    """The body of one POST. ``destination`` is the bot's user id."""

    events: Annotated[list[msgspec.Raw], Meta(max_length=1_000)]
    destination: str | None = None


class Fact(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the parts."""


# -- messages -------------------------------------------------------------------------------------------------------


class Message(Fact, frozen=True, tag_field="type"):
    """A message of the customer; ``id`` is a number in text, larger than 2^53."""

    id: Id


class Emoji(Fact, frozen=True):
    """``index`` and ``length`` in UTF-16 units."""

    index: Count
    length: Count
    product_id: str
    emoji_id: str


class Mentionee(Fact, frozen=True):
    index: Count
    length: Count
    type: str = "user"
    user_id: str | None = None
    is_self: bool = False


class Mention(Fact, frozen=True):
    mentionees: list[Mentionee] = []


class TextMessage(Message, frozen=True, tag="text"):
    text: str
    emojis: list[Emoji] | None = None
    mention: Mention | None = None
    quote_token: str | None = None
    quoted_message_id: str | None = None
    mark_as_read_token: str | None = None


class ContentProvider(Fact, frozen=True):
    type: str = "line"
    original_content_url: str | None = None
    preview_image_url: str | None = None


class ImageSet(Fact, frozen=True):
    id: str
    index: Count | None = None
    total: Count | None = None


class MediaMessage(Message, frozen=True):
    content_provider: ContentProvider = ContentProvider()
    quote_token: str | None = None
    mark_as_read_token: str | None = None


class ImageMessage(MediaMessage, frozen=True, tag="image"):
    image_set: ImageSet | None = None


class VideoMessage(MediaMessage, frozen=True, tag="video"):
    duration: Count | None = None


class AudioMessage(MediaMessage, frozen=True, tag="audio"):
    duration: Count | None = None


class FileMessage(Message, frozen=True, tag="file"):
    file_name: str
    file_size: Count | None = None
    mark_as_read_token: str | None = None


class LocationMessage(Message, frozen=True, tag="location"):
    latitude: float
    longitude: float
    title: str | None = None
    address: str | None = None
    mark_as_read_token: str | None = None


class StickerMessage(Message, frozen=True, tag="sticker"):
    package_id: str
    sticker_id: str
    sticker_resource_type: str | None = None
    keywords: tuple[str, ...] | None = None
    text: str | None = None
    quote_token: str | None = None
    quoted_message_id: str | None = None
    mark_as_read_token: str | None = None


AnyMessage = TextMessage | ImageMessage | VideoMessage | AudioMessage | FileMessage | LocationMessage | StickerMessage


class BareMessage(Fact, frozen=True):
    """What every message has, whatever else it may be."""

    id: Id
    type: str


# -- events ---------------------------------------------------------------------------------------------------------


class Source(Fact, frozen=True):
    """Who or where: ``user``, ``group`` or ``room``; in the latter two ``user_id`` may be missing."""

    type: str
    user_id: Id | None = None
    group_id: Id | None = None
    room_id: Id | None = None


class DeliveryContext(Fact, frozen=True):
    is_redelivery: bool = False


class Event(Fact, frozen=True, tag_field="type"):
    """What all events have. ``timestamp`` is the event's own time and the same on redelivery."""

    timestamp: Milliseconds
    source: Source | None = None
    mode: str = "active"
    webhook_event_id: Id | None = None
    delivery_context: DeliveryContext = DeliveryContext()
    reply_token: str | None = None


class MessageEvent(Event, frozen=True, tag="message", kw_only=True):
    message: AnyMessage


class MessageEditedEvent(Event, frozen=True, tag="messageEdited", kw_only=True):
    message: TextMessage


class Unsend(Fact, frozen=True):
    message_id: Id


class UnsendEvent(Event, frozen=True, tag="unsend", kw_only=True):
    unsend: Unsend


class Follow(Fact, frozen=True):
    is_unblocked: bool = False


class FollowEvent(Event, frozen=True, tag="follow"):
    follow: Follow = Follow()


class UnfollowEvent(Event, frozen=True, tag="unfollow"):
    pass


class JoinEvent(Event, frozen=True, tag="join"):
    pass


class LeaveEvent(Event, frozen=True, tag="leave"):
    pass


class Members(Fact, frozen=True):
    members: Annotated[list[Source], Meta(max_length=1_000)]


class MemberJoinedEvent(Event, frozen=True, tag="memberJoined", kw_only=True):
    joined: Members


class MemberLeftEvent(Event, frozen=True, tag="memberLeft", kw_only=True):
    left: Members


class PostbackContent(Fact, frozen=True):
    data: str
    params: dict[str, str] | None = None


class PostbackEvent(Event, frozen=True, tag="postback", kw_only=True):
    postback: PostbackContent


class VideoPlayComplete(Fact, frozen=True):
    tracking_id: str


class VideoPlayCompleteEvent(Event, frozen=True, tag="videoPlayComplete", kw_only=True):
    video_play_complete: VideoPlayComplete


class Beacon(Fact, frozen=True):
    hwid: str
    type: str
    dm: str | None = None


class BeaconEvent(Event, frozen=True, tag="beacon", kw_only=True):
    beacon: Beacon


class Link(Fact, frozen=True):
    result: str
    nonce: str | None = None


class AccountLinkEvent(Event, frozen=True, tag="accountLink", kw_only=True):
    link: Link


class Membership(Fact, frozen=True):
    type: str
    membership_id: int | None = None


class MembershipEvent(Event, frozen=True, tag="membership", kw_only=True):
    membership: Membership


class ModuleEvent(Event, frozen=True, tag="module"):
    pass


class ActivatedEvent(Event, frozen=True, tag="activated"):
    pass


class DeactivatedEvent(Event, frozen=True, tag="deactivated"):
    pass


class BotSuspendedEvent(Event, frozen=True, tag="botSuspended"):
    pass


class BotResumedEvent(Event, frozen=True, tag="botResumed"):
    pass


class DeliveryEvent(Event, frozen=True, tag="delivery"):
    pass


AnyEvent = (
    MessageEvent
    | MessageEditedEvent
    | UnsendEvent
    | FollowEvent
    | UnfollowEvent
    | JoinEvent
    | LeaveEvent
    | MemberJoinedEvent
    | MemberLeftEvent
    | PostbackEvent
    | VideoPlayCompleteEvent
    | BeaconEvent
    | AccountLinkEvent
    | MembershipEvent
    | ModuleEvent
    | ActivatedEvent
    | DeactivatedEvent
    | BotSuspendedEvent
    | BotResumedEvent
    | DeliveryEvent
)


class Typed(msgspec.Struct, frozen=True):
    """Only the type: for events that are nothing we know."""

    type: str


class BareMessageEvent(Event, frozen=True, tag="message", kw_only=True):
    """A message event whose message is of no known type, or not as documented."""

    message: BareMessage
