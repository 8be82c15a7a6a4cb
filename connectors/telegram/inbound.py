"""Telegram's updates into our events. Pure: bytes in, events out; the same for the webhook and for polling."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request, Response
from connectors.kit.json import BadJson, read
from connectors.telegram import payload as telegram
from connectors.telegram.parts import parts_of
from contracts.codec import moment
from contracts.content import Part, Postback, Unsupported
from contracts.identity import Profile
from contracts.inbound import (
    Album,
    Inbound,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    Sender,
    Threading,
)

GENERAL: Final = 1
"""The thread of a forum's general topic; a send must not name it."""
SERVICE: Final = frozenset({
    "new_chat_title", "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created",
    "channel_chat_created", "message_auto_delete_timer_changed", "pinned_message", "users_shared", "chat_shared",
    "connected_website", "write_access_allowed", "proximity_alert_triggered", "boost_added", "chat_background_set",
    "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
    "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed",
    "video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited",
    "web_app_data", "chat_owner_left", "chat_owner_changed",
})  # fmt: skip
"""Notes of the service that say nothing to anybody."""
CONTENTS: Final = (
    "poll", "dice", "game", "story", "invoice", "successful_payment", "refunded_payment", "passport_data", "giveaway",
    "giveaway_winners", "paid_media", "checklist", "gift", "unique_gift", "live_photo",
)  # fmt: skip
"""What people send that we cannot show."""

Made = tuple[Inbound, ...] | str
"""Events, or why there are none."""

_update: Final = msgspec.json.Decoder(telegram.Update)
_bare: Final = msgspec.json.Decoder(telegram.BareUpdate)
_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_THREADING: Final = InboundMessage("", Sender(""), ()).threading


def parse(request: Request, account: str, bot: str) -> Parsed:
    """What one POST says: a single update. A pressed button is answered in the response itself."""
    parsed = parse_update(request.body, account, bot)
    pressed = pressed_button(request.body)
    if pressed is None or isinstance(parsed, Malformed):
        return parsed
    answer = msgspec.json.encode({"method": "answerCallbackQuery", "callback_query_id": pressed})
    return msgspec.structs.replace(parsed, response=Response(200, answer, "application/json"))


def parse_update(raw: bytes, account: str, bot: str) -> Parsed:
    """What one update says. ``bot``: our own user id, whose words are not the customer's."""
    update = read(raw, _update)
    made = _strange(raw, update, account) if isinstance(update, BadJson) else _events(update, raw, account, bot)
    if isinstance(made, Malformed):
        return made
    if isinstance(made, str):
        return Ignored(made)
    return Batch(made, (raw,) * len(made))


def pressed_button(raw: bytes) -> str | None:
    """The id that ``answerCallbackQuery`` wants, if the update is a pressed button."""
    update = read(raw, _update)
    return update.callback_query.id if isinstance(update, telegram.Update) and update.callback_query else None


def provider_id(chat: int, message: int) -> str:
    """Telegram's message ids are unique within a chat only."""
    return f"{chat}/{message}"


def _events(update: telegram.Update, raw: bytes, account: str, bot: str) -> Made:
    if update.message is not None or update.channel_post is not None:
        return _message(update.message or update.channel_post, raw, account, bot)  # type: ignore[arg-type]
    if update.edited_message is not None or update.edited_channel_post is not None:
        return _edit(update.edited_message or update.edited_channel_post, raw, account, bot)  # type: ignore[arg-type]
    if update.callback_query is not None:
        return _postback(update.callback_query)
    if update.message_reaction is not None:
        return _reactions(update.message_reaction)
    if update.my_chat_member is not None:
        return _own_membership(update.my_chat_member)
    if update.chat_member is not None:
        return _membership(update.chat_member)
    return f"an update of another kind: {_others(raw, 'update_id')}"


def _strange(raw: bytes, bad: BadJson, account: str) -> Made | Malformed:
    """Not as documented. A message with its id and chat is still something that a customer sent."""
    bare = read(raw, _bare)
    if isinstance(bare, BadJson):
        return Malformed(bad.reason)
    message = bare.message
    sender = _sender(telegram.Message(message.message_id, message.date, message.chat, from_=message.from_))
    identifier = provider_id(message.chat.id, message.message_id)
    return (InboundMessage(identifier, sender, (Unsupported("message"),), moment(message.date * 1_000)),)


def _others(raw: bytes, *known: str) -> str:
    names = read(raw, _keys)
    return ", ".join(name[:64] for name in list(names)[:8] if name not in known) if isinstance(names, dict) else ""


# -- who ------------------------------------------------------------------------------------------------------------


def _sender(message: telegram.Message) -> Sender:
    """In a private chat the person; elsewhere the chat, with the person (or the channel that speaks) as author."""
    chat, user = message.chat, message.from_
    if chat.type == "private":
        profile = Profile(chat.name, user.language_code if user is not None else None)
        return Sender(str(chat.id), verified=True, profile=profile)
    speaker = message.sender_chat
    if speaker is not None:
        own = speaker.id == chat.id and message.author_signature
        return Sender(str(chat.id), str(speaker.id), own or speaker.name, verified=True)
    if user is None:
        return Sender(str(chat.id), author_name=message.author_signature, verified=True)
    return _member(chat, user)


def _member(chat: telegram.Chat, user: telegram.User | None) -> Sender:
    if user is None:
        return Sender(str(chat.id), verified=True)
    if chat.type == "private":
        return Sender(str(chat.id), verified=True, profile=Profile(user.name, user.language_code))
    return Sender(str(chat.id), str(user.id), user.name, verified=True)


def _thread(message: telegram.Message) -> str | None:
    """The topic of a forum."""
    if not message.chat.is_forum:
        return None
    return f"{message.chat.id}/{message.message_thread_id if message.is_topic_message else GENERAL}"


# -- messages -------------------------------------------------------------------------------------------------------


def _message(message: telegram.Message, raw: bytes, account: str, bot: str) -> Made:
    if message.from_ is not None and str(message.from_.id) == bot:
        return "our own words"
    news = _news(message)
    if news is not None:
        return news
    parts = _parts(message, raw, account)
    if isinstance(parts, str):
        return parts
    made = InboundMessage(
        provider_id(message.chat.id, message.message_id),
        _sender(message),
        parts,
        moment(message.date * 1_000),
        threading=_threading(message),
        handover=_start(message),
        extra=_extra(message),
        album=_album(message),
    )
    return (made,)


def _parts(message: telegram.Message, raw: bytes, account: str) -> tuple[Part, ...] | str:
    parts = parts_of(message, account, provider_id(message.chat.id, message.message_id))
    if parts:
        return parts
    names = _inside(raw)
    for name in CONTENTS:
        if name in names:
            return (Unsupported(name),)
    if names & SERVICE:
        return f"a note of the service: {sorted(names & SERVICE)[0]}"
    return (Unsupported("message"),)


def _inside(raw: bytes) -> set[str]:
    """The names within the update's message."""
    update = read(raw, _keys)
    found: set[str] = set()
    for name, value in update.items() if isinstance(update, dict) else ():
        inner = read(bytes(value), _keys)
        found |= set(inner) if isinstance(inner, dict) and name != "update_id" else set()
    return found


def _threading(message: telegram.Message) -> Threading:
    answered, thread = message.reply_to_message, _thread(message)
    if answered is None and thread is None:
        return _NO_THREADING
    # In a topic, what answers nothing points to the topic's first message.
    plain = answered is None or (message.is_topic_message and answered.message_id == message.message_thread_id)
    quoted = None if plain or answered is None else provider_id(answered.chat.id, answered.message_id)
    return Threading(thread=thread, quoted=quoted)


def _start(message: telegram.Message) -> str | None:
    """The payload of a deep link ``t.me/<bot>?start=<payload>``."""
    command, _, code = (message.text or "").partition(" ")
    return code.strip()[:64] or None if command.partition("@")[0] == "/start" else None


def _album(message: telegram.Message) -> Album | None:
    group = message.media_group_id
    return None if group is None else Album(f"{message.chat.id}/{group}", message.message_id)


def _extra(message: telegram.Message) -> dict[str, Any] | None:
    """Facts with no place of their own, under Telegram's names."""
    kept: dict[str, Any] = {}
    entities = message.entities or message.caption_entities
    if entities:
        kept["entities"] = [_brief(entity) for entity in entities[:100]]
    for name in ("forward_origin", "quote"):
        value = getattr(message, name)
        if value is not None and _fits(value):
            kept[name] = value
    return kept or None


def _brief(entity: telegram.Entity) -> dict[str, Any]:
    plain: dict[str, Any] = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    if entity.url is not None:
        plain["url"] = entity.url
    if entity.user is not None:
        plain["user"] = str(entity.user.id)
    return plain


def _fits(value: Any) -> bool:
    """Whether msgpack can hold it: whole numbers of at most 64 bits."""
    try:
        return len(msgspec.msgpack.encode(value)) <= 16_384
    except (OverflowError, ValueError):
        return False


def _edit(message: telegram.Message, raw: bytes, account: str, bot: str) -> Made:
    if message.from_ is not None and str(message.from_.id) == bot:
        return "our own words"
    parts = _parts(message, raw, account)
    if isinstance(parts, str):
        return parts
    at = moment((message.edit_date or message.date) * 1_000)
    return (InboundEdit(provider_id(message.chat.id, message.message_id), _sender(message), parts, at),)


# -- buttons and reactions ------------------------------------------------------------------------------------------


def _postback(pressed: telegram.CallbackQuery) -> Made:
    if pressed.data is None:
        return "a pressed button without data"
    shown = pressed.message
    if shown is None:
        sender = Sender(str(pressed.from_.id), verified=True, profile=Profile(pressed.from_.name))
        return (InboundMessage(pressed.id, sender, (Postback(pressed.data),)),)
    made = InboundMessage(
        pressed.id,
        _member(shown.chat, pressed.from_),
        (Postback(pressed.data, _label(shown, pressed.data)),),
        threading=Threading(quoted=provider_id(shown.chat.id, shown.message_id)),
    )
    return (made,)


def _label(shown: telegram.Ref, data: str) -> str | None:
    """What stood on the button."""
    rows = shown.reply_markup.inline_keyboard if shown.reply_markup is not None else []
    return next((button.text for row in rows for button in row if button.callback_data == data), None)


def _reactions(change: telegram.Reactions) -> Made:
    """What was added and what was taken away; Telegram tells all of the person's reactions before and after."""
    identifier = provider_id(change.chat.id, change.message_id)
    by = change.actor_chat
    sender = _member(change.chat, change.user)
    if by is not None:
        sender = Sender(str(change.chat.id), str(by.id), by.name, verified=True)
    before, after = _emoji(change.old_reaction), _emoji(change.new_reaction)
    at = moment(change.date * 1_000)
    gone = [InboundReaction(identifier, sender, each, True, at) for each in before if each not in after]
    new = [InboundReaction(identifier, sender, each, False, at) for each in after if each not in before]
    return (*gone, *new) or "reactions that did not change"


def _emoji(reactions: list[telegram.Emoji]) -> list[str]:
    custom = (f"custom:{each.custom_emoji_id}" if each.custom_emoji_id else each.type for each in reactions)
    return list(dict.fromkeys(each.emoji or other for each, other in zip(reactions, custom, strict=True)))[:64]


# -- news of the person or group ------------------------------------------------------------------------------------


def _news(message: telegram.Message) -> Made | None:
    """Notes of the service that say something of who is there; None: it is no such note."""
    at = moment(message.date * 1_000)
    chat = message.chat
    if message.migrate_to_chat_id is not None:
        return _moved(chat.id, message.migrate_to_chat_id, at)
    if message.migrate_from_chat_id is not None:
        return _moved(message.migrate_from_chat_id, chat.id, at)
    if message.new_chat_members:
        return tuple(_joined(chat, user, "member_joined", at) for user in message.new_chat_members[:100])
    if message.left_chat_member is not None:
        return (_joined(chat, message.left_chat_member, "member_left", at),)
    if message.text is not None and chat.type == "private" and message.text.strip() == "/start":
        return (InboundIdentity(_sender(message), True, "started", sent_at=at),)
    return None


def _moved(old: int, new: int, at: datetime) -> Made:
    """A group became a supergroup and has another id."""
    return (InboundIdentity(Sender(str(old), verified=True), False, "migrated", sent_at=at, became=str(new)),)


def _joined(chat: telegram.Chat, user: telegram.User, reason: str, at: datetime) -> InboundIdentity:
    return InboundIdentity(_member(chat, user), None, reason, sent_at=at)


def _own_membership(change: telegram.MemberChange) -> Made:
    """A person blocked or unblocked the bot, or a group took it in or put it out."""
    at = moment(change.date * 1_000)
    before, now = change.old_chat_member.status, change.new_chat_member.status
    here = now not in ("left", "kicked")
    if change.chat.type == "private":
        reason = ("unblocked" if before == "kicked" else "started") if here else "blocked"
        return (InboundIdentity(_member(change.chat, change.from_), here, reason, sent_at=at),)
    sender = _member(change.chat, change.from_)
    return (InboundIdentity(sender, here, "joined" if here else "left", sent_at=at),)


def _membership(change: telegram.MemberChange) -> Made:
    reason = f"member_{change.new_chat_member.status[:32]}"
    return (_joined(change.chat, change.new_chat_member.user, reason, moment(change.date * 1_000)),)
