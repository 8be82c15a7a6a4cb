"""A customer's message: contact, conversation, order, duplicates."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.commands import AttachmentFetched, RequestAgent
from contracts.content import Image
from contracts.events import AttachmentChanged, ContactCreated, IdentityLinked, MessageReceived
from contracts.identity import Profile, ReplyContext
from contracts.ids import message_id
from contracts.inbound import InboundIdentity, Sender, Threading
from router.domain.conversation.tables import FETCH
from router.domain.effects import Fetch, LookUp
from tests.router.domain.conversation.world import World
from tests.router.domain.memory import START_MS

T0 = moment(START_MS)


def test_a_first_message_makes_contact_conversation_and_work() -> None:
    world = World()
    world.write("taro", "はじめまして", language="ja")
    conversation = world.conversation
    assert world.story() == ["conversation.opened", "message.received"]
    assert conversation.contact == world.contact.id and conversation.waiting_since == conversation.opened_at
    assert [ref.id for ref in world.contact.conversations] == [conversation.id]
    (request,) = world.told(RequestAgent)
    assert (request.conversation, request.facts.text) == (conversation.id, "はじめまして")
    assert (request.facts.channel, request.facts.channel_class, request.facts.language) == ("line", "social", "ja")
    assert len(world.store.events(kind=ContactCreated)) == len(world.store.events(kind=IdentityLinked)) == 1
    assert world.store.effects(LookUp) == [LookUp("line", "line", "taro", world.contact.id)]
    world.check()


def test_a_redelivery_changes_nothing() -> None:
    world = World()
    message = world.message("taro")
    for _ in range(3):
        world.arrive(message)
    assert len(world.messages()) == 1
    assert len(world.store.events(kind=MessageReceived)) == 1


def test_fifty_first_messages_at_once_are_one_conversation() -> None:
    world = World()
    for number in range(50):
        world.put(world.command(world.message("taro", str(number))))
    world.store.settle()
    assert world.words() == [str(number) for number in range(50)]
    assert len(world.conversations) == 1 and len(world.told(RequestAgent)) == 1
    assert len(world.conversation.tail) == 20 and world.conversation.messages == 50
    world.check()


def test_a_profile_is_taken_over_once_known() -> None:
    world = World()
    world.write("taro")
    world.write("taro", sender=Sender("taro", profile=Profile(name="Taro")))
    assert world.contact.name == "Taro" and world.contact.identities[0].profile.name == "Taro"


def test_the_raw_payload_and_the_time_of_acceptance_are_kept() -> None:
    world = World()
    world.write("taro")
    (message,) = world.messages()
    shard, entry = message.raw.split("/") if message.raw else ("", "")
    assert world.store[shard].log[0].id == entry and message.at == T0


def test_a_message_that_was_sent_before_the_last_one_is_late() -> None:
    world = World()
    for seconds in (10, 5, 12):
        world.write("taro", sent_at=T0 + timedelta(seconds=seconds))
    assert [message.late for message in world.messages()] == [False, True, False]
    assert world.conversation.last_sent_at == T0 + timedelta(seconds=12)


# -- which conversation ----------------------------------------------------------------------------------------------


def test_waiting_and_snoozed_conversations_open_again() -> None:
    world = World()
    world.write("taro")
    world.status(world.conversation.id, "waiting")
    world.write("taro")
    world.status(world.conversation.id, "snoozed", in_s=60)
    world.write("taro")
    world.store.advance(seconds=61)
    changes = [tag for tag in world.story() if tag == "conversation.status_changed"]
    assert world.conversation.status == "open" and len(changes) == 4
    assert len(world.told(RequestAgent)) == 1
    world.check()


def test_a_resolved_conversation_is_reopened_within_the_window_and_not_after_it() -> None:
    world = World()
    world.write("taro")
    first = world.conversation.id
    world.assign(first, "hanako")
    world.status(first, "resolved")
    world.store.advance(seconds=3 * 86_400 - 1)
    world.write("taro")
    assert world.conversation.status == "open" and world.conversation.reopened == 1
    assert [request.facts.previous_agent for request in world.told(RequestAgent)] == [None, "hanako"]
    world.status(first, "resolved")
    world.store.advance(seconds=3 * 86_400)
    world.write("taro")
    assert [each.status for each in world.conversations] == ["resolved", "open"]
    assert world.told(RequestAgent)[-1].facts.previous_agent == "hanako"
    world.check()


@pytest.mark.parametrize(("grouping", "count"), [("contact", 1), ("channel", 2), ("thread", 3)])
def test_grouping(grouping: str, count: int) -> None:
    world = World()
    world.arrive(InboundIdentity(Sender("taro")))
    world.link(world.contact.id, "taro", "webchat")
    for thread, channel in (("a", "line"), ("b", "line"), ("a", "webchat"), ("b", "line"), ("a", "line")):
        world.write("taro", channel=channel, grouping=grouping, threading=Threading(thread=thread))
    assert len(world.contact.conversations) == len(world.conversations) == count
    world.check()


def test_threads_by_reference_join_only_the_same_contact() -> None:
    world = World(shards=1)
    first = world.write("a@x.jp", channel="email", grouping="thread")
    world.write("a@x.jp", channel="email", grouping="thread", threading=Threading(references=("", " ", first)))
    assert len(world.conversations) == 1
    world.write("mallory@x.jp", channel="email", grouping="thread", threading=Threading(references=(first,)))
    world.write("a@x.jp", channel="email", grouping="thread", threading=Threading(references=("",)))
    assert len(world.conversations) == 3
    world.check()


def test_our_own_message_id_in_a_reference_names_the_conversation() -> None:
    world = World()
    world.write("a@x.jp", channel="email", grouping="thread")
    first = world.conversation.id
    own = f"<{message_id('email', 'x')}.{first}@madoguchi.example>"
    world.write("a@x.jp", channel="email", grouping="thread", threading=Threading(references=("<other@x>", own)))
    assert len(world.conversations) == 1


def test_somebody_elses_token_never_joins() -> None:
    world = World()
    world.write("a@x.jp", channel="email")
    first = world.conversation.id
    world.write("mallory@x.jp", channel="email", threading=Threading(conversation=first))
    _, message = world.messages(first)[-1], world.messages(world.conversations[-1].id)[-1]
    assert len(world.conversations) == 2 and len(world.messages(first)) == 1
    assert message.flags == (f"possible_reply_to:{first}",)


def test_the_own_token_decides_even_when_conversations_are_by_thread() -> None:
    world = World()
    world.write("a@x.jp", channel="email", grouping="thread")
    first = world.conversation.id
    world.write("a@x.jp", channel="email", grouping="thread", threading=Threading(conversation=first))
    assert len(world.conversations) == 1


def test_an_out_of_office_note_neither_reopens_nor_waits() -> None:
    world = World()
    world.write("a@x.jp", channel="email")
    world.status(world.conversation.id, "resolved")
    world.write("a@x.jp", channel="email", flags=("automatic",))
    assert world.conversation.status == "resolved" and world.conversation.waiting_since is None
    assert world.conversation.messages == 2 and len(world.told(RequestAgent)) == 1


# -- ways to the customer --------------------------------------------------------------------------------------------


def test_reach_keeps_the_newest_token_and_bounds_references() -> None:
    world = World()
    for number in range(30):
        world.write("a@x.jp", channel="email", provider_id=f"<{number}@x>", reply=ReplyContext(token=str(number)))
    (reach,) = world.conversation.reaches
    assert reach.reply is not None and reach.reply.token == "29" and reach.thread == "<29@x>"
    assert reach.references == ("<0@x>", *(f"<{number}@x>" for number in range(10, 30)))


def test_a_chat_conversation_keeps_no_references() -> None:
    world = World()
    for _ in range(30):
        world.write("taro")
    assert world.conversation.reaches[0].references == ()


# -- media -----------------------------------------------------------------------------------------------------------


def test_an_album_in_any_order_is_one_conversation_and_media_come_later() -> None:
    world = World()
    for number in (3, 9, 0, 7, 1, 8, 2, 6, 4, 5):
        picture = Image(Attachment(id=f"at_{number}", source=f"line:{number}"))
        world.put(world.command(world.message("taro", parts=(picture,), sent_at=T0 + timedelta(milliseconds=number))))
    world.store.settle()
    assert len(world.conversations) == 1 and world.conversation.messages == 10
    fetches = world.store.effects(Fetch)
    assert len(fetches) == len(world.store.rows(FETCH)) == 10
    ready = Attachment(id="at_3", state="ready", sha256="ab" * 32, source="line:3")
    wanted = fetches[0]
    world.ask(AttachmentFetched(conversation=wanted.conversation, message=wanted.message, attachment=ready))
    assert world.messages()[0].parts == (Image(ready),)
    assert [event.attachment for event in world.store.events(kind=AttachmentChanged)] == [ready]
    assert len([effect for effect in world.store.restart() if isinstance(effect, Fetch)]) == 9
    world.check()
