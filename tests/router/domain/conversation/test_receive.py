"""A customer's message: contact, conversation, order, duplicates."""

from __future__ import annotations

from contracts.commands import RequestAgent
from contracts.events import ContactCreated, IdentityLinked, MessageReceived
from contracts.identity import Profile
from contracts.inbound import Sender
from router.domain.effects import LookUp
from tests.router.domain.conversation.world import World


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
