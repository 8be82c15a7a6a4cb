"""What X posts, in both its forms (X Activity API, and the Account Activity API before it), and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from connectors.kit.json import BadJson, read

T = TypeVar("T")

Number = Annotated[str, Meta(pattern="^[0-9]{1,20}$")]
Milliseconds = Annotated[str, Meta(pattern="^[0-9]{1,14}$")]
Many = Meta(max_length=100)


class Url(msgspec.Struct, frozen=True):
    """A link as it stands in the text (t.co), and where it leads."""

    url: str = ""
    expanded_url: str = ""


class Mention(msgspec.Struct, frozen=True):
    id: str | None = None
    id_str: str | None = None


class Entities(msgspec.Struct, frozen=True):
    urls: Annotated[list[Url], Many] | None = None
    mentions: Annotated[list[Mention], Many] | None = None
    user_mentions: Annotated[list[Mention], Many] | None = None


class Variant(msgspec.Struct, frozen=True):
    url: str
    content_type: str = ""
    bitrate: int = 0


class VideoInfo(msgspec.Struct, frozen=True):
    variants: Annotated[list[Variant], Many] = []


class Media(msgspec.Struct, frozen=True):
    """``url`` is the link in the text that stands for it."""

    media_url_https: str | None = None
    type: str = "photo"
    url: str = ""
    video_info: VideoInfo | None = None


class Attachment(msgspec.Struct, frozen=True):
    type: str = ""
    media: Media | None = None


class QuickReply(msgspec.Struct, frozen=True):
    metadata: str | None = None


class MessageData(msgspec.Struct, frozen=True):
    text: str = ""
    entities: Entities | None = None
    attachment: Attachment | None = None
    quick_reply_response: QuickReply | None = None


class Target(msgspec.Struct, frozen=True):
    recipient_id: Number


class MessageCreate(msgspec.Struct, frozen=True):
    sender_id: Number
    target: Target
    message_data: MessageData = MessageData()


class DirectMessage(msgspec.Struct, frozen=True):
    type: str
    id: Number
    created_timestamp: Milliseconds | None = None
    message_create: MessageCreate | None = None


class Signal(msgspec.Struct, frozen=True):
    """Somebody read, or is typing."""

    sender_id: Number
    created_timestamp: Milliseconds | None = None


class Person(msgspec.Struct, frozen=True):
    """The old form says ``screen_name`` where the new one says ``username``."""

    id: str = ""
    name: str | None = None
    username: str | None = None
    screen_name: str | None = None
    profile_image_url: str | None = None
    profile_image_url_https: str | None = None


class Wrapped(msgspec.Struct, frozen=True):
    data: Person


class Referenced(msgspec.Struct, frozen=True):
    type: str = ""
    id: Number = "0"


class Post(msgspec.Struct, frozen=True):
    """A public post, as the X Activity API tells it."""

    id: Number
    author_id: Number
    text: str = ""
    created_at: datetime | None = None
    lang: str | None = None
    entities: Entities | None = None
    conversation_id: Number | None = None
    referenced_tweets: Annotated[list[Referenced], Many] | None = None


class OldUser(msgspec.Struct, frozen=True):
    id_str: Number
    name: str | None = None
    profile_image_url_https: str | None = None


class Whole(msgspec.Struct, frozen=True):
    full_text: str = ""
    entities: Entities | None = None


class OldPost(msgspec.Struct, frozen=True):
    """A public post, as the Account Activity API tells it."""

    id_str: Number
    user: OldUser
    text: str = ""
    timestamp_ms: Milliseconds | None = None
    lang: str | None = None
    entities: Entities | None = None
    extended_tweet: Whole | None = None
    in_reply_to_status_id_str: Number | None = None
    retweeted_status: msgspec.Raw = msgspec.Raw()


class Told(msgspec.Struct, frozen=True):
    """The part that both forms share."""

    for_user_id: str | None = None
    direct_message_events: Annotated[list[DirectMessage], Many] | None = None
    direct_message_mark_read_events: Annotated[list[Signal], Many] | None = None
    direct_message_indicate_typing_events: Annotated[list[Signal], Many] | None = None
    tweet_create_events: Annotated[list[OldPost], Many] | None = None
    users: msgspec.Raw = msgspec.Raw()


class Filter(msgspec.Struct, frozen=True):
    user_id: str | None = None


class Includes(msgspec.Struct, frozen=True):
    users: Annotated[list[Person], Many] = []


class Activity(msgspec.Struct, frozen=True):
    event_type: str
    filter: Filter = Filter()
    payload: msgspec.Raw = msgspec.Raw()
    includes: msgspec.Raw = msgspec.Raw()


class Envelope(msgspec.Struct, frozen=True):
    """The X Activity API's."""

    data: Activity


class Created(msgspec.Struct, frozen=True):
    """In the answer to what we sent or uploaded."""

    dm_event_id: str | None = None
    id: str | None = None
    processing_info: msgspec.Raw = msgspec.Raw()


class Processing(msgspec.Struct, frozen=True):
    state: str = ""
    check_after_secs: float = 1.0


class Problem(msgspec.Struct, frozen=True):
    """One of ``errors``, in any of X's forms."""

    code: int | None = None
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    data: Created | None = None
    title: str = ""
    detail: str = ""
    type: str = ""
    reason: str = ""
    errors: Annotated[list[Problem], Many] | None = None


class Found(msgspec.Struct, frozen=True):
    data: Person


def inner(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T | None:
    """What a field holds; None where it is missing, or not as expected."""
    data = bytes(raw)
    if not data:
        return None
    found: T | BadJson = read(data, decoder)
    return None if isinstance(found, BadJson) else found
