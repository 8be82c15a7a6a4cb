"""X's webhooks into our events. Pure: bytes in, events out. Both forms: X Activity API and Account Activity API."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request
from connectors.kit.json import BadJson, read
from connectors.x import payload as x
from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Image, Part, Postback, Text, Unsupported, Video
from contracts.identity import Profile
from contracts.ids import attachment_id, message_id
from contracts.inbound import Inbound, InboundMessage, InboundReceipt, InboundTyping, Sender, Threading

PRIVATE: Final = "dm"
"""The thread of what is said privately."""
PUBLIC: Final = "post:"
"""Of a public post: this and its number; also how its id begins."""

Made = tuple[list[Inbound], list[str]]
"""Events, and why anything was passed over."""

_envelope: Final = msgspec.json.Decoder(x.Envelope)
_told: Final = msgspec.json.Decoder(x.Told)
_post: Final = msgspec.json.Decoder(x.Post)
_includes: Final = msgspec.json.Decoder(x.Includes)
_people: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_person: Final = msgspec.json.Decoder(x.Person)
_wrapped: Final = msgspec.json.Decoder(x.Wrapped)
_names: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(request: Request, account: str, me: str) -> Parsed:
    """What one POST says. ``me``: the account's own number."""
    names = read(request.body, _names)
    if isinstance(names, BadJson):
        return Malformed(names.reason)
    made = _activity(request.body, account, me) if "data" in names else _old(request.body, account, me, names)
    if isinstance(made, Malformed):
        return made
    events, passed = made
    if not events:
        return Ignored(passed[0] if passed else "nothing happened in it")
    return Batch(tuple(events), (request.body,) * len(events), ignored=tuple(passed))


def _activity(body: bytes, account: str, me: str) -> Made | Malformed:
    """The X Activity API: one event."""
    envelope = read(body, _envelope)
    if isinstance(envelope, BadJson):
        return Malformed(envelope.reason)
    said = envelope.data
    if said.filter.user_id not in (None, me):
        return [], ["it is another account's"]
    if said.event_type == "post.mention.create":
        return _mention(said, account, me)
    if said.event_type.startswith("chat."):
        return [], ["XChat is encrypted: only X's own apps can read it"]
    if not said.event_type.startswith("dm."):
        return [], [f"an event of another kind: {said.event_type[:64]!r}"]
    told = read(bytes(said.payload) or b"{}", _told)
    return Malformed(told.reason) if isinstance(told, BadJson) else _private(told, account, me)


def _old(body: bytes, account: str, me: str, names: dict[str, msgspec.Raw]) -> Made | Malformed:
    """The Account Activity API: several at once."""
    told = read(body, _told)
    if isinstance(told, BadJson):
        return Malformed(told.reason)
    if told.for_user_id not in (None, me):
        return [], ["it is another account's"]
    events, passed = _private(told, account, me)
    for post in told.tweet_create_events or ():
        found = _old_mention(post, account, me)
        events += [found] if not isinstance(found, str) else []
        passed += [found] if isinstance(found, str) else []
    if not events and not passed:
        kinds = [name[:64] for name in names if name not in ("for_user_id", "users", "apps")]
        passed.append(f"events of another kind: {', '.join(kinds[:5])}")
    return events, passed


# -- direct messages --------------------------------------------------------------------------------------------------


def _private(told: x.Told, account: str, me: str) -> Made:
    people = _profiles(told.users)
    events: list[Inbound] = []
    passed: list[str] = []
    for event in told.direct_message_events or ():
        found = _message(event, account, me, people)
        events += [found] if not isinstance(found, str) else []
        passed += [found] if isinstance(found, str) else []
    events += list(_signals(told, me))
    return events, passed


def _message(event: x.DirectMessage, account: str, me: str, people: dict[str, Profile]) -> Inbound | str:
    created = event.message_create
    if event.type != "message_create" or created is None:
        return f"a direct message of another kind: {event.type[:64]!r}"
    if created.sender_id == me:
        return "our own words"
    sender = Sender(created.sender_id, verified=True, profile=people.get(created.sender_id, Profile()))
    return InboundMessage(
        event.id,
        sender,
        tuple(_parts(created.message_data, message_id(account, event.id))) or (Unsupported("message"),),
        _time(event.created_timestamp),
        threading=Threading(thread=PRIVATE),
    )


def _parts(data: x.MessageData, message: str) -> Iterator[Part]:
    media = data.attachment.media if data.attachment is not None else None
    words = text_of(data.text, data.entities, media.url if media is not None else "")
    picked = data.quick_reply_response
    if picked is not None and picked.metadata is not None:
        yield Postback(picked.metadata, words or None)
    elif words:
        yield Text(words)
    if media is not None:
        yield _media(media, attachment_id(message, 0))
    elif data.attachment is not None:
        yield Unsupported(data.attachment.type[:64] or "attachment")


def _media(media: x.Media, identifier: str) -> Part:
    """A photo, or a film in its best quality (an animated GIF is one too)."""
    films = [
        each for each in (media.video_info.variants if media.video_info else []) if each.content_type == "video/mp4"
    ]
    url = max(films, key=lambda each: each.bitrate).url if films else media.media_url_https
    if url is None or not url.startswith(("https://", "http://")) or len(url) > 4_000:
        return Unsupported(media.type[:64])
    if films:
        return Video(Attachment(identifier, media_type="video/mp4", source=url))
    ending = url.rpartition(".")[2].lower()
    return Image(Attachment(identifier, media_type="image/png" if ending == "png" else "image/jpeg", source=url))


def text_of(text: str, entities: x.Entities | None, media: str = "") -> str:
    """The words: without X's escapes, links as where they lead, and without the one that stands for the attachment."""
    for link in (entities.urls if entities is not None else None) or ():
        if link.url and link.url != media and link.expanded_url:
            text = text.replace(link.url, link.expanded_url)
    return html.unescape(text.replace(media, "") if media else text).strip()


def _signals(told: x.Told, me: str) -> Iterator[Inbound]:
    for read_up in told.direct_message_mark_read_events or ():
        at = _time(read_up.created_timestamp)
        if read_up.sender_id != me and at is not None:
            yield InboundReceipt(Sender(read_up.sender_id, verified=True), "read", upto=at, sent_at=at)
    for typing in told.direct_message_indicate_typing_events or ():
        if typing.sender_id != me:
            yield InboundTyping(Sender(typing.sender_id, verified=True))


# -- mentions in public -----------------------------------------------------------------------------------------------


def _mention(said: x.Activity, account: str, me: str) -> Made | Malformed:
    post = read(bytes(said.payload) or b"{}", _post)
    if isinstance(post, BadJson):
        return Malformed(post.reason)
    if post.author_id == me:
        return [], ["our own words"]
    if post.created_at is not None and not 1970 <= post.created_at.year < 3000:
        return Malformed("created_at is outside of 1970 to 2999")
    known = x.inner(said.includes, _includes)
    people = {each.id: _profile(each) for each in (known.users if known is not None else [])}
    answered = next((each.id for each in post.referenced_tweets or () if each.type == "replied_to"), None)
    sender = Sender(post.author_id, verified=True, profile=people.get(post.author_id, Profile()))
    at = _utc(post.created_at)
    return [_public(post.id, sender, text_of(post.text, post.entities), at, post.lang, answered)], []


def _old_mention(post: x.OldPost, account: str, me: str) -> Inbound | str:
    whole = post.extended_tweet
    entities = whole.entities if whole is not None else post.entities
    mentioned = {each.id_str for each in (entities.user_mentions if entities is not None else None) or ()}
    if post.user.id_str == me:
        return "our own words"
    if bytes(post.retweeted_status) or me not in mentioned:
        return "a post that does not mention us"
    sender = Sender(
        post.user.id_str, verified=True, profile=Profile(post.user.name, picture=post.user.profile_image_url_https)
    )
    words = text_of(whole.full_text if whole is not None else post.text, entities)
    return _public(post.id_str, sender, words, _time(post.timestamp_ms), post.lang, post.in_reply_to_status_id_str)


def _public(
    number: str, sender: Sender, words: str, at: datetime | None, language: str | None, answered: str | None
) -> InboundMessage:
    """The person is the address, as in direct messages: what begins in public may go on privately."""
    identifier = f"{PUBLIC}{number}"
    quoted = None if answered is None else f"{PUBLIC}{answered}"
    spoken = language if language and 2 <= len(language) <= 16 and language not in ("und", "zxx") else None
    return InboundMessage(
        identifier,
        sender,
        (Text(words) if words else Unsupported("post"),),
        at,
        language=spoken if spoken is None or spoken.isascii() else None,
        threading=Threading(thread=identifier, quoted=quoted),
        extra={"public": True},
    )


# -- values -----------------------------------------------------------------------------------------------------------


def _profiles(users: msgspec.Raw) -> dict[str, Profile]:
    """By number; the new form wraps each person in ``data``."""
    found: dict[str, Profile] = {}
    for number, raw in list((x.inner(users, _people) or {}).items())[:100]:
        wrapped = x.inner(raw, _wrapped)
        person = wrapped.data if wrapped is not None else x.inner(raw, _person)
        if person is not None:
            found[number] = _profile(person)
    return found


def _profile(person: x.Person) -> Profile:
    return Profile(
        person.name or person.username or person.screen_name,
        picture=person.profile_image_url_https or person.profile_image_url,
    )


def _time(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None or int(milliseconds) >= 32_503_680_000_000 else moment(int(milliseconds))


def _utc(given: datetime | None) -> datetime | None:
    if given is None:
        return None
    return (given if given.tzinfo is not None else given.replace(tzinfo=UTC)).astimezone(UTC)
