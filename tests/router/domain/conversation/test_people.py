"""One person over many channels: linking, unlinking, merging, proved claims."""

from __future__ import annotations

from itertools import permutations

import pytest

from contracts.commands import LinkIdentity, MergeContact, ProfileFetched, UnlinkIdentity, UpdateContact
from contracts.contact import Contact
from contracts.content import Text
from contracts.events import (
    ContactCreated,
    ContactMerged,
    ContactUpdated,
    IdentityChanged,
    IdentityLinked,
    IdentityUnlinked,
)
from contracts.identity import Claims, Identity, Profile
from contracts.ids import shard_of
from contracts.inbound import InboundEdit, InboundIdentity, InboundReceipt, Sender, Threading
from contracts.streams import conversation_shard
from tests.router.domain.conversation.world import World

EMAIL = Claims(email="Taro@Example.jp", email_verified=True)


def two(world: World | None = None) -> tuple[World, str, str]:
    """Two people in two shards, one conversation each: ids of the contacts."""
    world = world or World()
    world.write(world.address("a", 0))
    world.write(world.address("b", 1))
    first, second = sorted(world.contacts, key=lambda each: each.id)
    return world, first.id, second.id


def one(world: World, id: str) -> Contact:
    return next(each for each in world.contacts if each.id == id)


# -- merging ---------------------------------------------------------------------------------------------------------


def test_a_merge_across_shards_makes_one_person() -> None:
    world, a, b = two()
    world.ask(UpdateContact(contact=a, tags=("vip", "old"), attributes={"plan": "gold", "since": "2001"}))
    world.ask(UpdateContact(contact=b, tags=("old", "new"), attributes={"plan": "silver"}))
    world.merge(a, b)
    contact = world.contact
    assert contact.id == b and len(contact.identities) == 2 and len(contact.conversations) == 2
    assert contact.tags == ("old", "new", "vip")
    assert contact.attributes == {"plan": "silver", "since": "2001"}
    assert [(link.action, link.by, link.contact) for link in contact.links] == [("absorbed", "agent:a", a)]
    (event,) = world.store.events(kind=ContactMerged)
    assert (event.contact, event.merged) == (b, a)
    assert world.owner(world.address("a", 0)) == b
    world.check()


def test_an_open_conversation_goes_on_where_it_was_after_a_merge() -> None:
    world, a, b = two()
    theirs = next(each for each in world.conversations if each.contact == a)
    ours = next(each for each in world.conversations if each.contact == b)
    world.assign(theirs.id, "hanako")
    world.status(ours.id, "resolved")
    world.merge(a, b)
    world.write(world.address("b", 1), "and another thing")
    assert world.words(theirs.id) == ["hello", "and another thing"]
    assert next(each for each in world.conversations if each.id == theirs.id).agent == "hanako"
    world.check()


def test_status_changes_after_a_merge_reach_the_list_of_the_other_shard() -> None:
    world, a, b = two()
    theirs = next(each for each in world.conversations if each.contact == a)
    world.merge(a, b)
    world.assign(theirs.id, "hanako")
    assert next(ref for ref in world.contact.conversations if ref.id == theirs.id).agent == "hanako"
    world.status(theirs.id, "resolved")
    assert next(ref for ref in world.contact.conversations if ref.id == theirs.id).status == "resolved"
    assert "hanako" in world.contact.agents
    world.check()


def test_redeliveries_edits_and_receipts_find_their_message_after_a_merge() -> None:
    world = World()
    address = world.address("a", 0)
    world.write(address, "first", provider_id="p")
    world.write(world.address("b", 1))
    first, second = sorted(world.contacts, key=lambda each: each.id)
    conversation = world.conversations[0].id
    answer = world.answer(first.conversations[0].id)
    world.deliver()
    world.merge(first.id, second.id)
    world.arrive(world.message(address, "first", provider_id="p"))
    assert world.words(conversation) == ["first", "hi"] and len(world.messages()) == 3
    world.arrive(InboundEdit("p", Sender(address), (Text("better"),), world.conversations[0].opened_at))
    world.arrive(InboundReceipt(Sender(address), "read", provider_id=f"out-{answer}"))
    assert world.words(conversation) == ["better", "hi"]
    assert world.messages(conversation)[-1].state == "read"
    world.check()


def test_differing_ids_in_the_operators_system_are_never_merged() -> None:
    world, a, b = two()
    world.ask(UpdateContact(contact=a, claims=Claims(external_id="1")))
    world.ask(UpdateContact(contact=b, claims=Claims(external_id="2")))
    world.merge(a, b)
    assert len(world.contacts) == 2
    assert [link.action for link in one(world, a).links] == ["merged", "refused"]
    assert [link.action for link in one(world, b).links] == ["refused"]
    world.write(world.address("a", 0), "still me")
    assert world.words(one(world, a).conversations[0].id) == ["hello", "still me"]
    world.check()


@pytest.mark.parametrize("order", list(permutations([("a", "b"), ("b", "c"), ("c", "d")])))
def test_chains_end_at_one_person_in_any_order(order: tuple[tuple[str, str], ...]) -> None:
    world = World()
    people = {}
    for number, name in enumerate("abcd"):
        world.write(world.address(name, number))
        people[name] = world.owner(world.address(name, number))
    for loser, winner in order:
        world.merge(people[loser], people[winner])
    assert world.contact.id == people["d"] and len(world.contact.identities) == 4
    assert len(world.contact.conversations) == 4
    world.check()


def test_merging_back_changes_nothing() -> None:
    world, a, b = two()
    world.merge(a, b)
    before = world.contact
    world.merge(b, a)
    assert world.contact == before
    world.check()


def together(world: World, *pairs: tuple[str, str]) -> None:
    """Merges asked for at the same moment, in all shards."""
    for contact, into in pairs:
        world.store.submit(conversation_shard(shard_of(contact)), MergeContact(contact=contact, into=into, why="both"))


@pytest.mark.parametrize("last", [False, True])
def test_merging_each_into_the_other_at_once_makes_one_person(last: bool) -> None:
    world, a, b = two()
    together(world, (a, b), (b, a))
    world.store.settle((lambda names: names[-1]) if last else (lambda names: names[0]))
    assert len(world.contacts) == 1 and len(world.contact.identities) == 2
    world.check()


def test_a_ring_of_three_at_once_ends() -> None:
    world = World()
    people = []
    for number, name in enumerate("abc"):
        world.write(world.address(name, number))
        people.append(world.owner(world.address(name, number)))
    a, b, c = people
    together(world, (a, b), (b, c), (c, a))
    world.store.settle()
    assert len(world.contacts) == 1
    world.check()


def test_a_ring_that_one_merge_of_long_ago_belongs_to_ends_too() -> None:
    world = World()
    people = []
    for number, name in enumerate("abc"):
        world.write(world.address(name, number))
        people.append(world.owner(world.address(name, number)))
    a, b, c = people
    world.merge(a, b)
    together(world, (b, c), (c, a))
    world.store.settle()
    assert len(world.contacts) == 1 and len(world.contact.identities) == 3
    world.check()


@pytest.mark.parametrize("last", [False, True])
def test_the_last_word_on_an_identity_is_the_agents(last: bool) -> None:
    """A merge takes an identity along that an agent has just given to somebody else."""
    world = World()
    address = world.address("k", 0)
    world.write(world.address("a", 1))
    person = world.owner(world.address("a", 1))
    world.link(person, address)
    others = []
    for number, name in ((2, "d"), (3, "b")):
        world.write(world.address(name, number))
        others.append(world.owner(world.address(name, number)))
    identity = Identity("line", "line", address, others[0])
    world.store.submit("c:02", LinkIdentity(contact=others[0], identity=identity, why="theirs", by="agent:a"))
    together(world, (person, others[1]))
    world.store.settle((lambda names: names[-1]) if last else (lambda names: names[0]))
    assert world.owner(address) == others[0]
    world.check()


def test_merges_that_cannot_be() -> None:
    world, a, _ = two()
    for number, into in enumerate((a, "ct_99_x", "nonsense", "ct_00_gone")):
        world.merge(a, into, id=f"cm_{number}")
    problems = [world.store.outcome(f"cm_{number}").problem for number in range(4)]
    assert [problem.kind for problem in problems if problem] == ["invalid", "not_found", "invalid", "not_found"]
    assert len(world.contacts) == 2
    world.merge(a, "ct_02_gone")
    assert len(world.contacts) == 2
    world.check()


# -- claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "people"),
    [
        (EMAIL, 1),
        (Claims(email="taro@example.jp", email_verified=True), 1),
        (Claims(email="taro@example.jp"), 2),
        (Claims(phone="+819012345678", phone_verified=True), 2),
    ],
)
def test_a_proved_claim_links_and_an_unproved_one_never_does(claims: Claims, people: int) -> None:
    world = World()
    for shard, each in ((0, EMAIL), (1, claims)):
        address = world.address("x", shard)
        world.write(address, sender=Sender(address, claims=each))
    assert len(world.contacts) == people
    if people == 1:
        assert world.contact.identities[1].linked_by == "verified_claim"
        assert world.contact.links[-1].why == "the same verified email"
    world.check()


def test_a_phone_that_is_not_e164_links_nobody() -> None:
    world = World()
    for shard in (0, 1):
        address = world.address("x", shard)
        world.write(address, sender=Sender(address, claims=Claims(phone="090-1234-5678", phone_verified=True)))
    assert len(world.contacts) == 2


def test_a_claim_that_is_proved_later_links_then() -> None:
    world, a, _ = two()
    for name, shard in (("a", 0), ("b", 1)):
        address = world.address(name, shard)
        world.arrive(InboundIdentity(Sender(address, claims=EMAIL)))
    assert world.contact.id == a and world.contact.claims.email == "taro@example.jp"
    world.check()


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_an_identity_linked_by_an_agent_leaves_who_had_it() -> None:
    world, a, b = two()
    address = world.address("b", 1)
    world.link(a, address)
    assert world.owner(address) == a
    assert one(world, b).identities == () and one(world, b).links[-1].action == "unlinked"
    world.write(address, "hello from b")
    assert "hello from b" in world.words(one(world, a).conversations[0].id)
    linked = [event for event in world.store.events(kind=IdentityLinked) if event.by == "agent:a"]
    assert [event.contact for event in linked] == [a]
    world.check()


def test_unlinking_makes_a_contact_of_its_own_that_stays_apart() -> None:
    world = World()
    address = world.address("b", 1)
    world.write(world.address("a", 0), sender=Sender(world.address("a", 0), claims=EMAIL))
    world.write(address, sender=Sender(address, claims=EMAIL))
    whole = world.contact
    world.ask(
        UnlinkIdentity(
            id="cm_u",
            contact=whole.id,
            channel="line",
            account="line",
            address=address,
            why="a colleague",
            by="agent:a",
        )
    )
    alone = world.store.outcome("cm_u").result["contact"]
    assert world.owner(address) == alone and len(world.contacts) == 2
    assert one(world, alone).links[0].contact == whole.id and one(world, whole.id).links[-1].identity
    world.write(address, "now apart", sender=Sender(address, claims=EMAIL))
    assert world.words(one(world, alone).conversations[0].id) == ["now apart"]
    assert len(world.contacts) == 2 and len(world.store.events(kind=IdentityUnlinked)) == 1
    world.check()


def test_the_only_identity_stays() -> None:
    world = World()
    world.write("a")
    world.ask(
        UnlinkIdentity(id="u", contact=world.contact.id, channel="line", account="line", address="a", why="x"),
        UnlinkIdentity(id="v", contact=world.contact.id, channel="line", account="line", address="b", why="x"),
    )
    assert [each.problem.kind for id in "uv" if (each := world.store.outcome(id)).problem] == ["conflict", "not_found"]


def test_commands_for_a_merged_contact_reach_the_one_that_took_its_place() -> None:
    world, a, b = two()
    world.merge(a, b)
    world.ask(UpdateContact(id="cm_1", contact=a, name="Taro"))
    world.link(a, "elsewhere", "webchat")
    assert world.contact.name == "Taro" and len(world.contact.identities) == 3
    assert world.store.outcome("cm_1").result == {"contact": b}
    world.check()


# -- news ------------------------------------------------------------------------------------------------------------


def test_following_makes_a_contact_and_blocking_is_remembered() -> None:
    world = World()
    world.arrive(InboundIdentity(Sender("nobody"), reachable=False))
    assert world.contacts == []
    world.arrive(InboundIdentity(Sender("taro"), reachable=True))
    world.arrive(InboundIdentity(Sender("taro"), reachable=False, reason="blocked"))
    assert not world.contact.identities[0].reachable and world.conversations == []
    assert [event.reason for event in world.store.events(kind=IdentityChanged)] == ["blocked"]
    assert len(world.store.events(kind=ContactCreated)) == 1


@pytest.mark.parametrize("merged", [False, True])
def test_a_profile_that_was_looked_up_comes_home(merged: bool) -> None:
    world, a, b = two()
    if merged:
        world.merge(a, b)
    address = world.address("a", 0)
    world.store.submit(
        "c:00", ProfileFetched(channel="line", account="line", address=address, profile=Profile(name="Taro"))
    )
    world.store.settle()
    assert one(world, b if merged else a).name == "Taro"
    world.check()


def test_an_update_sets_and_removes() -> None:
    world = World()
    world.write("a")
    id = world.contact.id
    world.ask(UpdateContact(contact=id, tags=("x",), attributes={"a": "1", "b": "2"}, language="ja", by="agent:a"))
    world.ask(UpdateContact(contact=id, attributes={"a": None}))
    world.ask(UpdateContact(contact=id))
    assert (world.contact.tags, world.contact.attributes, world.contact.language) == (("x",), {"b": "2"}, "ja")
    assert len(world.store.events(kind=ContactUpdated)) == 2


def test_a_claim_set_by_an_agent_links_too() -> None:
    world, a, b = two()
    world.ask(UpdateContact(contact=a, claims=EMAIL), UpdateContact(contact=b, claims=EMAIL))
    assert world.contact.id == a
    world.check()


def test_a_contact_lists_its_latest_conversations_and_never_loses_an_open_one() -> None:
    world = World(shards=1)
    for number in range(30):
        world.write("a", grouping="thread", threading=Threading(thread=str(number)))
        if number:
            world.status(world.conversations[-1].id, "resolved")
        world.store.advance(seconds=1)
    refs = world.contact.conversations
    assert len(refs) == 20 and refs[0].status == "open" and refs[-1].id == world.conversations[-1].id
