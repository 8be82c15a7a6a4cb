"""Slack's events and interactions into ours. Pure: bytes in, events out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET

from connectors.api import Batch, Ignored, Malformed, Parsed, Request, Response
from connectors.kit.json import BadJson, read
from connectors.slack import emoji, mrkdwn
from connectors.slack import payload as slack
from connectors.slack.parts import parts_of
from connectors.slack.settings import SlackSettings
from contracts.codec import moment
from contracts.content import Postback, Text, Unsupported
from contracts.ids import digest
from contracts.inbound import (
    Inbound,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    InboundUnsend,
    Sender,
    Threading,
)

SPOKEN: Final = frozenset({None, "file_share", "thread_broadcast", "me_message", "bot_message"})
"""Subtypes of what somebody said; the others are notes that something happened."""
LINK: Final = "link"
"""How the action ids of our own buttons that only open a link begin."""
_MOST_FIELDS: Final = 100

Made = tuple[Inbound, ...] | str
"""Events, or why there are none."""

_envelope: Final = msgspec.json.Decoder(slack.Envelope)
_typed: Final = msgspec.json.Decoder(slack.Typed)
_message: Final = msgspec.json.Decoder(slack.MessageEvent)
_reaction: Final = msgspec.json.Decoder(slack.ReactionEvent)
_member: Final = msgspec.json.Decoder(slack.MemberEvent)
_interaction: Final = msgspec.json.Decoder(slack.Interaction)


class Arrival(msgspec.Struct, frozen=True):
    """What an event's meaning depends on beside itself. ``bot``: our own user id, ``app`` our app's."""

    account: str
    hear_apps: bool = False
    bot: str | None = None
    app: str | None = None
    team: str | None = None


def parse(request: Request, account: str, settings: SlackSettings) -> Parsed:
    """What one verified POST says: JSON from the Events API, a form from buttons and commands."""
    if request.body[:1] == b"{":
        return _event(request.body, account, settings)
    fields = form(request.body)
    if fields is None:
        return Malformed("neither JSON nor a form")
    if "payload" in fields:
        return _interacted(fields["payload"].encode("utf-8", "replace"), account, settings)
    return _command(request.body, fields, settings) if "command" in fields else Ignored("a form without a payload")


def challenge(body: bytes) -> str | None:
    """What the set-up call wants to hear back."""
    if b"url_verification" not in body:
        return None
    envelope = read(body, _envelope)
    if isinstance(envelope, BadJson) or envelope.type != "url_verification":
        return None
    return envelope.challenge


def form(body: bytes) -> dict[str, str] | None:
    """The fields of a form; None when it is none."""
    try:
        fields = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        return None
    return dict(fields)


def provider_id(channel: str, ts: str) -> str:
    """A ``ts`` is unique within its channel only. (Also for both events of one message: message and app_mention.)"""
    return f"{channel}/{ts}"


def time_of(ts: str) -> datetime:
    """When a ``ts`` was."""
    seconds, _, fraction = ts.partition(".")
    return moment(int(seconds) * 1_000 + int(f"{fraction}000"[:3]))


def _event(body: bytes, account: str, settings: SlackSettings) -> Parsed:
    envelope = read(body, _envelope)
    if isinstance(envelope, BadJson):
        return Malformed(envelope.reason)
    if envelope.type != "event_callback":
        return Ignored(f"{envelope.type[:64]} concerns the app, not a customer")
    if settings.team_id is not None and envelope.team_id != settings.team_id:
        return Ignored("an event of another workspace")
    typed = read(bytes(envelope.event), _typed)
    if isinstance(typed, BadJson):
        return Malformed("an event without a type")
    maker = _MAKERS.get(typed.type)
    if maker is None:
        return Ignored(f"unknown event type {typed.type[:64]!r}")
    ours = (envelope.authorizations or [slack.Authorization()])[0]
    arrival = Arrival(account, settings.hear_apps, ours.user_id, envelope.api_app_id, envelope.team_id)
    return _batch(maker(bytes(envelope.event), arrival), body)


def _batch(made: Made | BadJson, raw: bytes) -> Parsed:
    if isinstance(made, BadJson):
        return Malformed(f"an event that is not as Slack documents it: {made.reason}")
    return Ignored(made) if isinstance(made, str) else Batch(made, (raw,) * len(made))


# -- who and where --------------------------------------------------------------------------------------------------


def _is_direct(channel: str, kind: str | None = None) -> bool:
    return kind in ("im", "app_home") or channel.startswith("D")


def _sender(channel: str, user: str | None, kind: str | None = None, name: str | None = None) -> Sender | None:
    """In a direct message the person; elsewhere the channel, with the person as author."""
    if _is_direct(channel, kind):
        return Sender(user, verified=True) if user is not None else None
    return Sender(channel, user, name, verified=True)


def _thread(channel: str, ts: str | None, thread_ts: str | None, kind: str | None = None) -> Threading:
    """Always with the channel, because an upload wants it. In a channel an answer goes into the message's thread; in a
    direct message only when the customer is in one."""
    root = thread_ts or (None if _is_direct(channel, kind) else ts)
    return Threading(thread=channel if root is None else f"{channel}/{root}")


def _name(message: slack.Message) -> str | None:
    profile = message.user_profile
    return (profile.display_name or profile.real_name if profile is not None else None) or message.username


# -- messages -------------------------------------------------------------------------------------------------------


def _of_message(body: bytes, arrival: Arrival) -> Made | BadJson:
    event = read(body, _message)
    if isinstance(event, BadJson):
        return _strange(body, event)
    if event.subtype == "message_changed":
        return _changed(event, arrival)
    if event.subtype == "message_deleted":
        return _deleted(event, arrival)
    if event.subtype not in SPOKEN:
        return f"a note that something happened: {str(event.subtype)[:64]}"
    stranger = _not_heard(event, arrival)
    return stranger if stranger is not None else _said(event, arrival)


def _strange(body: bytes, bad: BadJson) -> Made | BadJson:
    """A message whose content is not as documented is still something that a customer sent."""
    bare = read(body, _bare)
    if isinstance(bare, BadJson) or bare.subtype not in SPOKEN or bare.bot_id is not UNSET:
        return bad
    sender = _sender(bare.channel, bare.user, bare.channel_type)
    if sender is None:
        return bad
    threading = _thread(bare.channel, bare.ts, None, bare.channel_type)
    parts = (Unsupported("message"),)
    return (InboundMessage(provider_id(bare.channel, bare.ts), sender, parts, time_of(bare.ts), threading=threading),)


class Bare(msgspec.Struct, frozen=True):
    """What every message has, whatever else it may be."""

    channel: slack.Id
    ts: slack.Ts
    user: slack.Id
    channel_type: str | None = None
    subtype: str | None = None
    bot_id: Any = UNSET


_bare: Final = msgspec.json.Decoder(Bare)


def _not_heard(message: slack.Message, arrival: Arrival) -> str | None:
    """Why this is nobody's word to us: our own, or another app's."""
    if arrival.bot is not None and message.user == arrival.bot:
        return "our own words"
    if message.bot_id is None and message.app_id is None and message.subtype != "bot_message":
        return None
    if message.app_id is not None and message.app_id == arrival.app:
        return "our own words"
    # A person who writes by means of an app has no bot_id.
    return "another app's words" if message.bot_id is not None and not arrival.hear_apps else None


def _said(event: slack.MessageEvent, arrival: Arrival) -> Made:
    sender = _sender(event.channel, event.user or event.bot_id, event.channel_type, _name(event))
    if sender is None:
        return "a message without a sender"
    identifier = provider_id(event.channel, event.ts)
    made = InboundMessage(
        identifier,
        sender,
        parts_of(event, arrival.account, identifier),
        time_of(event.ts),
        threading=_thread(event.channel, event.ts, event.thread_ts, event.channel_type),
        extra=_extra(event, arrival),
    )
    return (made,)


def _extra(event: slack.MessageEvent, arrival: Arrival) -> dict[str, Any] | None:
    """``team``: the writer's workspace, when it is another one than ours (Slack Connect)."""
    kept: dict[str, Any] = {}
    team = event.user_team or event.team
    if team is not None and team != arrival.team:
        kept["team"] = team
    if event.subtype in ("thread_broadcast", "me_message"):
        kept["subtype"] = event.subtype
    return kept or None


def _changed(event: slack.MessageEvent, arrival: Arrival) -> Made:
    """An edit; but Slack also says so when it adds a preview to a message, or an answer in the thread."""
    now, before = event.message, event.previous_message
    if now is None:
        return "a change without a message"
    if now.subtype == "tombstone":  # the first message of a thread was deleted, and Slack's own bot stands in its place
        return _deleted(msgspec.structs.replace(event, deleted_ts=now.ts), arrival)
    stranger = _not_heard(now, arrival)
    if stranger is not None:
        return stranger
    sender = _sender(event.channel, now.user or (before.user if before else None), event.channel_type, _name(now))
    if sender is None:
        return "a change without a sender"
    identifier = provider_id(event.channel, now.ts)
    if now.edited is None or (before is not None and before.edited == now.edited):
        return "a change that is not the customer's: a preview, or an answer in the thread"
    parts = parts_of(now, arrival.account, identifier)
    return (InboundEdit(identifier, sender, parts, time_of(now.edited.ts)),)


def _deleted(event: slack.MessageEvent, arrival: Arrival) -> Made:
    before, ts = event.previous_message, event.deleted_ts
    if before is not None and (stranger := _not_heard(before, arrival)) is not None:
        return stranger
    user = before.user if before is not None else None
    sender = _sender(event.channel, user, event.channel_type)
    if sender is None or ts is None:
        return "a deletion that does not say whose"
    return (InboundUnsend(provider_id(event.channel, ts), sender, time_of(event.event_ts or event.ts)),)


# -- reactions and members ------------------------------------------------------------------------------------------


def _of_reaction(body: bytes, arrival: Arrival) -> Made | BadJson:
    event = read(body, _reaction)
    if isinstance(event, BadJson):
        return event
    item = event.item
    if event.user == arrival.bot:
        return "our own reaction"
    if item.channel is None or item.ts is None:
        return f"a reaction to a {item.type[:32]}"
    sender = _sender(item.channel, event.user)
    at = time_of(event.event_ts) if event.event_ts is not None else None
    removed = event.type == "reaction_removed"
    shown = emoji.shown(event.reaction)
    return (InboundReaction(provider_id(item.channel, item.ts), sender or Sender(event.user), shown, removed, at),)


def _of_member(body: bytes, arrival: Arrival) -> Made | BadJson:
    """Somebody, or our own bot, came into a channel or left it."""
    event = read(body, _member)
    if isinstance(event, BadJson):
        return event
    joined = event.type == "member_joined_channel"
    at = time_of(event.event_ts) if event.event_ts is not None else None
    if event.user == arrival.bot:
        sender = Sender(event.channel, verified=True)
        return (InboundIdentity(sender, joined, "joined" if joined else "left", sent_at=at),)
    sender = Sender(event.channel, event.user, verified=True)
    return (InboundIdentity(sender, None, "member_joined" if joined else "member_left", sent_at=at),)


def _of_the_app(body: bytes, arrival: Arrival) -> Made:
    return "it concerns the app, not a customer"


_MAKERS: Final[dict[str, Callable[[bytes, Arrival], Made | BadJson]]] = {
    "message": _of_message,
    "app_mention": _of_message,
    "reaction_added": _of_reaction,
    "reaction_removed": _of_reaction,
    "member_joined_channel": _of_member,
    "member_left_channel": _of_member,
    "app_uninstalled": _of_the_app,
    "tokens_revoked": _of_the_app,
    "app_home_opened": _of_the_app,
}


# -- buttons and commands -------------------------------------------------------------------------------------------


def _interacted(body: bytes, account: str, settings: SlackSettings) -> Parsed:
    payload = read(body, _interaction)
    if isinstance(payload, BadJson):
        return Malformed(f"an interaction that is not as Slack documents it: {payload.reason}")
    if payload.type != "block_actions":
        return Ignored(f"an interaction of another kind: {payload.type[:64]}")
    if settings.team_id is not None and (payload.team is None or payload.team.id != settings.team_id):
        return Ignored("an interaction of another workspace")
    channel = payload.container.channel_id if payload.container is not None else None
    channel = payload.channel.id if payload.channel is not None else channel
    if channel is None or payload.user is None:
        return Ignored("an interaction outside of a conversation")
    made = [each for action in payload.actions[:25] for each in _pressed(payload, channel, payload.user, action)]
    return Batch(tuple(made), (body,) * len(made)) if made else Ignored("nothing was chosen, or a link was opened")


def _pressed(payload: slack.Interaction, channel: str, user: slack.Named, action: slack.Action) -> list[InboundMessage]:
    """A message for each option that was chosen."""
    if action.action_id.startswith(LINK):
        return []
    container, message = payload.container or slack.Container(), payload.message
    shown = container.message_ts or (message.ts if message is not None else None)
    thread = container.thread_ts or (message.thread_ts if message is not None else None)
    sender = _sender(channel, user.id, None, user.name or user.username)
    threading = _thread(channel, shown, thread)
    if shown is not None:
        threading = msgspec.structs.replace(threading, quoted=provider_id(channel, shown))
    return [
        InboundMessage(
            digest(channel, user.id, shown or "", action.action_id, action.action_ts or "", chosen.value),
            sender or Sender(user.id, verified=True),
            (chosen,),
            time_of(action.action_ts) if action.action_ts is not None else None,
            threading=threading,
        )
        for chosen in _chosen(action)
    ]


def _chosen(action: slack.Action) -> list[Postback]:
    options = action.selected_options or ([action.selected_option] if action.selected_option is not None else [])
    if options:
        return [Postback(each.value, _words(each.text)) for each in options[:100]]
    value = action.value or action.selected_date or action.selected_time
    return [Postback(value, _words(action.text))] if value is not None else []


def _words(words: slack.Words | None) -> str | None:
    return mrkdwn.unescape(words.text) if words is not None and words.text else None


def _command(body: bytes, fields: dict[str, str], settings: SlackSettings) -> Parsed:
    """A slash command is something said, in the channel where it was typed."""
    channel, user, trigger = (fields.get(name, "")[:128] for name in ("channel_id", "user_id", "trigger_id"))
    if settings.team_id is not None and fields.get("team_id") != settings.team_id:
        return Ignored("a command of another workspace")
    if not channel or not user or not trigger:
        return Malformed("a command without channel_id, user_id or trigger_id")
    sender = _sender(channel, user, None, fields.get("user_name")) or Sender(user, verified=True)
    said = mrkdwn.plain(f"{fields['command']} {fields.get('text', '')}".strip())
    made = InboundMessage(trigger, sender, (Text(said),), threading=Threading(thread=channel))
    return Batch((made,), (body,), response=Response(200))
