"""Telegram's updates as types, after the Bot API 10.1; only what we read.

Absent values are omitted by Telegram; we take null for absent all the same. Limits on numbers are there so that a value
can always be kept in msgpack and turned into a time.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]
Handle = Annotated[str, Meta(min_length=1, max_length=512)]


class Fact(msgspec.Struct, frozen=True):
    """Base of the parts."""


class User(Fact, frozen=True):
    id: Number
    is_bot: bool = False
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None

    @property
    def name(self) -> str | None:
        """First and last name."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


class Chat(Fact, frozen=True):
    """``type``: private, group, supergroup or channel. Ids of groups and channels are negative."""

    id: Number
    type: str
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    is_forum: bool = False
    bio: str | None = None
    """Only in the answer of getChat."""
    description: str | None = None

    @property
    def name(self) -> str | None:
        """The title, or first and last name."""
        return self.title or " ".join(part for part in (self.first_name, self.last_name) if part) or None


class Entity(Fact, frozen=True):
    """``offset`` and ``length`` in UTF-16 units."""

    type: str
    offset: Count
    length: Count
    url: str | None = None
    user: User | None = None
    language: str | None = None


class Stored(Fact, frozen=True):
    """A file at Telegram's. ``file_id`` is this bot's handle to it."""

    file_id: Handle
    file_size: Count | None = None
    mime_type: str | None = None
    file_name: str | None = None
    duration: Annotated[int, Meta(ge=0, le=2**40)] | None = None
    """In seconds."""
    width: Count = 0
    height: Count = 0
    performer: str | None = None
    title: str | None = None


class StickerFile(Stored, frozen=True):
    emoji: str | None = None
    set_name: str | None = None
    is_animated: bool = False
    is_video: bool = False


class Place(Fact, frozen=True):
    latitude: float
    longitude: float


class Venue(Fact, frozen=True):
    location: Place
    title: str
    address: str


class Card(Fact, frozen=True):
    phone_number: str
    first_name: str
    last_name: str | None = None
    vcard: str | None = None


class Button(Fact, frozen=True):
    text: str
    callback_data: str | None = None


class Keyboard(Fact, frozen=True):
    inline_keyboard: list[list[Button]] = []


class Ref(Fact, frozen=True):
    """A message of which only this is read."""

    message_id: Count
    chat: Chat
    date: Seconds = 0
    reply_markup: Keyboard | None = None


class Message(Fact, frozen=True):
    """A message, or a note of the service that something happened in the chat."""

    message_id: Count
    date: Seconds
    chat: Chat
    edit_date: Seconds | None = None
    from_: User | None = msgspec.field(name="from", default=None)
    sender_chat: Chat | None = None
    author_signature: str | None = None
    message_thread_id: Count | None = None
    is_topic_message: bool = False
    reply_to_message: Ref | None = None
    media_group_id: Annotated[str, Meta(max_length=256)] | None = None
    text: str | None = None
    entities: list[Entity] = []
    caption: str | None = None
    caption_entities: list[Entity] = []
    photo: list[Stored] | None = None
    video: Stored | None = None
    animation: Stored | None = None
    video_note: Stored | None = None
    voice: Stored | None = None
    audio: Stored | None = None
    document: Stored | None = None
    sticker: StickerFile | None = None
    location: Place | None = None
    venue: Venue | None = None
    contact: Card | None = None
    new_chat_members: list[User] | None = None
    left_chat_member: User | None = None
    migrate_to_chat_id: Number | None = None
    migrate_from_chat_id: Number | None = None
    forward_origin: dict[str, Any] | None = None
    quote: dict[str, Any] | None = None


class CallbackQuery(Fact, frozen=True):
    """A button was pressed. ``message`` is missing for messages sent by way of the bot (inline mode)."""

    id: Handle
    from_: User = msgspec.field(name="from")
    message: Ref | None = None
    data: str | None = None


class Emoji(Fact, frozen=True):
    type: str
    emoji: str | None = None
    custom_emoji_id: str | None = None


class Reactions(Fact, frozen=True):
    chat: Chat
    message_id: Count
    date: Seconds
    old_reaction: list[Emoji]
    new_reaction: list[Emoji]
    user: User | None = None
    actor_chat: Chat | None = None


class Member(Fact, frozen=True):
    """``status``: creator, administrator, member, restricted, left or kicked."""

    status: str
    user: User


class MemberChange(Fact, frozen=True):
    chat: Chat
    from_: User = msgspec.field(name="from")
    date: Seconds
    old_chat_member: Member
    new_chat_member: Member


class Update(msgspec.Struct, frozen=True):
    """One update: exactly one of the others is there."""

    update_id: Count
    message: Message | None = None
    edited_message: Message | None = None
    channel_post: Message | None = None
    edited_channel_post: Message | None = None
    callback_query: CallbackQuery | None = None
    message_reaction: Reactions | None = None
    my_chat_member: MemberChange | None = None
    chat_member: MemberChange | None = None


class BareMessage(Fact, frozen=True):
    """What every message has, whatever else it may be."""

    message_id: Count
    date: Seconds
    chat: Chat
    from_: User | None = msgspec.field(name="from", default=None)


class BareUpdate(msgspec.Struct, frozen=True):
    """An update whose message is not as documented."""

    message: BareMessage


class Sent(Fact, frozen=True):
    """A message as the answer to a send tells it."""

    message_id: Count
    chat: Chat


class Parameters(Fact, frozen=True):
    retry_after: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    migrate_to_chat_id: Number | None = None


class Answer(msgspec.Struct, frozen=True):
    """The body of every answer."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    error_code: int = 0
    parameters: Parameters = Parameters()


class FileAnswer(Fact, frozen=True):
    file_path: Handle
