"""Slack's payloads as types; only what we read. Null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Ts = Annotated[str, Meta(pattern=r"^[0-9]{1,11}\.[0-9]{1,9}$")]
"""Seconds and microseconds in text: a message's id within its channel."""
Size = Annotated[int, Meta(ge=0, le=2**53)]


class Fact(msgspec.Struct, frozen=True):
    """Base of the parts."""


class Authorization(Fact, frozen=True):
    """For whom the event was sent: our own bot."""

    user_id: str | None = None
    team_id: str | None = None


class Envelope(Fact, frozen=True):
    """The body of one POST of the Events API."""

    type: str
    team_id: str | None = None
    api_app_id: str | None = None
    event: msgspec.Raw = msgspec.Raw(b"null")
    event_id: Id | None = None
    authorizations: list[Authorization] | None = None
    is_ext_shared_channel: bool = False
    challenge: str | None = None


class Typed(Fact, frozen=True):
    """What every event has."""

    type: str
    subtype: str | None = None


class StoredFile(Fact, frozen=True):
    """``mode``: hosted, snippet, external, tombstone (deleted), hidden_by_limit."""

    id: Id
    name: str | None = None
    title: str | None = None
    mimetype: str | None = None
    size: Size | None = None
    mode: str = "hosted"
    file_access: str | None = None
    url_private: str | None = None
    url_private_download: str | None = None
    duration_ms: Size | None = None


class UserProfile(Fact, frozen=True):
    display_name: str | None = None
    real_name: str | None = None
    title: str | None = None
    image_192: str | None = None
    status_text: str | None = None


class Edited(Fact, frozen=True):
    ts: Ts
    user: str | None = None


class Shared(Fact, frozen=True):
    """A message that was passed on, or a preview."""

    text: str | None = None
    fallback: str | None = None
    author_name: str | None = None


class Message(Fact, frozen=True):
    """A message, alone or within a change."""

    ts: Ts
    user: Id | None = None
    text: str | None = None
    subtype: str | None = None
    thread_ts: Ts | None = None
    bot_id: str | None = None
    app_id: str | None = None
    username: str | None = None
    files: list[StoredFile] | None = None
    attachments: list[Shared] | None = None
    edited: Edited | None = None
    team: str | None = None
    user_team: str | None = None
    user_profile: UserProfile | None = None
    client_msg_id: str | None = None


class MessageEvent(Message, frozen=True, kw_only=True):
    """``channel_type``: channel, group, im, mpim or app_home."""

    type: str
    channel: Id
    channel_type: str | None = None
    message: Message | None = None
    previous_message: Message | None = None
    deleted_ts: Ts | None = None
    event_ts: Ts | None = None


class Item(Fact, frozen=True):
    type: str
    channel: Id | None = None
    ts: Ts | None = None


class ReactionEvent(Fact, frozen=True):
    type: str
    user: Id
    reaction: Annotated[str, Meta(min_length=1, max_length=256)]
    item: Item
    event_ts: Ts | None = None


class MemberEvent(Fact, frozen=True):
    type: str
    user: Id
    channel: Id
    event_ts: Ts | None = None


class Words(Fact, frozen=True):
    text: str = ""


class Selected(Fact, frozen=True):
    value: str
    text: Words | None = None


class Action(Fact, frozen=True):
    """One thing that was pressed or chosen."""

    action_id: str
    action_ts: Ts | None = None
    type: str = "button"
    value: str | None = None
    text: Words | None = None
    selected_option: Selected | None = None
    selected_options: list[Selected] | None = None
    selected_date: str | None = None
    selected_time: str | None = None


class Named(Fact, frozen=True):
    id: Id
    name: str | None = None
    username: str | None = None
    team_id: str | None = None


class Container(Fact, frozen=True):
    message_ts: Ts | None = None
    channel_id: Id | None = None
    thread_ts: Ts | None = None


class Interaction(Fact, frozen=True):
    """The ``payload`` of a form: ``block_actions``, ``view_submission``, ``shortcut`` ..."""

    type: str
    user: Named | None = None
    team: Named | None = None
    channel: Named | None = None
    container: Container | None = None
    message: Message | None = None
    actions: list[Action] = []
    trigger_id: str | None = None


class Answer(Fact, frozen=True):
    """The body of every answer of the Web API; ``ok`` false is an error, whatever the HTTP status."""

    ok: bool
    error: str | None = None
    channel: Any = None
    ts: Ts | None = None
    upload_url: str | None = None
    file_id: Id | None = None
    user: Any = None
    file: Any = None


class Person(Fact, frozen=True):
    """A user as ``users.info`` tells it."""

    name: str | None = None
    real_name: str | None = None
    locale: str | None = None
    profile: UserProfile = UserProfile()
