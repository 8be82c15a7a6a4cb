"""A customer moves from one channel to another with a code, and does not repeat themselves."""

from __future__ import annotations

import pytest

from contracts.commands import RequestAgent, UnlinkIdentity, UpdateContact
from contracts.events import IdentityLinked
from contracts.identity import Claims
from contracts.ids import identity_key
from contracts.inbound import InboundIdentity, Sender
from tests.router.domain.conversation.world import World


def web(world: World, shard: int = 0, name: str = "visitor") -> tuple[str, str]:
    """A visitor of the web chat with an open conversation that an agent has: contact and conversation."""
    address = world.address(name, shard, "webchat")
    world.write(address, "my parcel is lost", channel="webchat")
    contact = world.owner(address, "webchat")
    conversation = next(each.id for each in world.conversations if each.contact == contact)
    world.assign(conversation, "hanako")
    return contact, conversation


@pytest.mark.parametrize("shard", [0, 1])
def test_somebody_new_on_line_continues_the_conversation(shard: int) -> None:
    world = World()
    contact, conversation = web(world)
    taro = world.address("taro", shard)
    code = world.code(contact)
    for words, more in ((code, {"handover": code}), ("here I am", {}), ("hello?", {})):
        world.put(world.command(world.message(taro, words, **more)))
    world.store.settle()
    assert world.words() == ["my parcel is lost", code, "here I am", "hello?"]
    assert world.conversation.id == conversation and world.conversation.agent == "hanako"
    assert world.messages()[1].flags == ("handover",)
    assert [reach.channel for reach in world.conversation.reaches] == ["webchat", "line"]
    linked = [event for event in world.store.events(kind=IdentityLinked) if event.by == "customer"]
    assert [event.identity.linked_by for event in linked] == ["handover"]
    assert world.contact.links[-1].by == "customer" and world.owner(taro) == contact
    assert len(world.told(RequestAgent)) == 1
    world.check()


@pytest.mark.parametrize(("line", "chat"), [(0, 0), (1, 0), (1, 2)])
def test_somebody_known_on_line_becomes_the_same_person(line: int, chat: int) -> None:
    world = World()
    taro = world.address("taro", line)
    world.write(taro, "long ago")
    contact, conversation = web(world, chat)
    code = world.code(contact)
    world.write(taro, code, handover=code)
    world.write(taro, "it is me")
    assert world.contact.id == contact and len(world.contact.identities) == 2
    assert world.words(conversation) == ["my parcel is lost", code, "it is me"]
    assert len(world.contact.conversations) == 2
    world.check()


def test_an_answer_goes_the_new_way() -> None:
    world = World()
    contact, conversation = web(world)
    code = world.code(contact)
    world.write("taro", code, handover=code)
    world.answer(conversation, by="agent:hanako")
    assert world.messages()[-1].channel == "line"
    world.answer(conversation, by="agent:hanako", channel="webchat")
    assert world.messages()[-1].channel == "webchat"


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("shard", [0, 1])
def test_a_code_works_once(known: bool, shard: int) -> None:
    world = World()
    contact, conversation = web(world)
    thief = world.address("thief", shard)
    if known:
        world.write(thief, "hi")
    code = world.code(contact)
    world.write(world.address("taro", 2), code, handover=code)
    for words, more in ((code, {"handover": code}), ("show me", {})):
        world.put(world.command(world.message(thief, words, **more)))
    world.store.settle()
    assert "show me" not in world.words(conversation) and len(world.messages(conversation)) == 2
    theirs = next(each for each in world.contacts if each.id != contact)
    assert world.owner(thief) == theirs.id
    assert world.words(theirs.conversations[0].id) == ["hi", code, "show me"][0 if known else 1 :]
    world.check()


def test_a_redelivered_code_is_one_message() -> None:
    world = World()
    contact, _ = web(world)
    code = world.code(contact)
    message = world.message(world.address("taro", 1), code, handover=code)
    for _ in range(3):
        world.arrive(message)
    assert world.words() == ["my parcel is lost", code]
    world.check()


@pytest.mark.parametrize("token", ["nonsense", "expired"])
def test_a_bad_code_is_an_ordinary_message(token: str) -> None:
    world = World()
    contact, conversation = web(world)
    code = world.code(contact, seconds=-1) if token == "expired" else token
    world.write("taro", code, handover=code)
    assert len(world.contacts) == 2 and len(world.messages(conversation)) == 1
    assert world.messages()[-1].flags == () or world.messages()[0].flags == ()


def test_the_own_code_changes_nothing() -> None:
    world = World()
    contact, _ = web(world)
    code = world.code(contact)
    address = world.address("visitor", 0, "webchat")
    world.write(address, code, channel="webchat", handover=code)
    assert len(world.contact.identities) == 1 and world.conversation.messages == 2


def test_the_code_names_the_conversation_where_channels_are_kept_apart() -> None:
    world = World()
    contact, conversation = web(world)
    code = world.code(contact, conversation)
    world.write("taro", code, handover=code, grouping="channel")
    assert world.conversation.id == conversation and world.conversation.messages == 2


def test_a_code_of_a_contact_that_was_merged_meanwhile_leads_on_and_still_works_once() -> None:
    world = World()
    contact, _ = web(world)
    other = world.address("other", 3)
    world.write(other)
    code = world.code(contact)
    world.merge(contact, world.owner(other))
    world.write(world.address("taro", 1), code, handover=code)
    assert len(world.contact.identities) == 3
    world.write(world.address("thief", 2), code, handover=code)
    assert len(world.contacts) == 2
    world.check()


def test_a_link_opened_without_a_word_links_too() -> None:
    world = World()
    taro = world.address("taro", 1)
    world.write(taro, "from line")
    contact = world.owner(taro)
    code = world.code(contact)
    visitor = world.address("visitor", 2, "webchat")
    world.arrive(InboundIdentity(Sender(visitor), handover=code), "webchat")
    assert world.owner(visitor, "webchat") == contact and world.conversation.messages == 1
    world.write(visitor, "and here", channel="webchat")
    assert world.words() == ["from line", "and here"]
    world.check()


def test_people_with_differing_ids_stay_apart_whatever_code_they_show() -> None:
    world = World()
    contact, conversation = web(world)
    taro = world.address("taro", 1)
    world.write(taro, "hi")
    before = world.owner(taro)
    world.ask(UpdateContact(contact=contact, claims=Claims(external_id="1")))
    world.ask(UpdateContact(contact=before, claims=Claims(external_id="2")))
    code = world.code(contact)
    world.write(taro, code, handover=code)
    assert len(world.contacts) == 2 and world.owner(taro) == before
    world.write(taro, "still me")
    assert "still me" not in world.words(conversation)
    world.check()


def test_a_code_for_a_contact_that_is_gone() -> None:
    world = World()
    code = world.code("ct_02_gone")
    world.write(world.address("taro", 1), code, handover=code)
    world.write(world.address("taro", 1), "hello")
    assert len(world.contacts) == 1 and world.conversation.messages == 2
    far = world.code("ct_99_gone")
    world.write("hanako", far, handover=far)
    assert world.owner("hanako") in {each.id for each in world.contacts}
    assert identity_key("line", "line", "hanako") in {each.key for one in world.contacts for each in one.identities}
    world.check()


def test_who_shows_a_used_code_and_then_their_own_gains_nothing() -> None:
    world = World()
    victim, _ = web(world)
    used = world.code(victim)
    world.write(world.address("taro", 1), used, handover=used)
    own = world.address("own", 2, "webchat")
    world.write(own, channel="webchat")
    mine = world.owner(own, "webchat")
    thief = world.address("thief", 3)
    for code in (used, world.code(mine)):
        world.put(world.command(world.message(thief, code, handover=code)))
    world.store.settle()
    assert victim in {each.id for each in world.contacts} and mine in {each.id for each in world.contacts}
    assert len(next(each for each in world.contacts if each.id == victim).identities) == 2
    world.check()


def test_an_identity_that_was_just_unlinked_takes_nobody_along() -> None:
    world = World()
    stranger, taro = world.address("stranger", 0), world.address("taro", 1)
    world.write(taro)
    person = world.owner(taro)
    world.link(person, stranger)
    contact, _ = web(world, 2)
    unlink = UnlinkIdentity(contact=person, channel="line", account="line", address=stranger, why="a stranger")
    world.store.submit("c:01", unlink)
    world.store.step("c:01")
    code = world.code(contact)
    world.put(world.command(world.message(stranger, code, handover=code)))
    world.store.step("c:00")
    world.store.settle()
    assert {person, contact} <= {each.id for each in world.contacts}
    assert world.owner(taro) == person
    world.check()
