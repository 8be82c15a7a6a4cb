"""The first word on another channel, from somebody whose verified email or phone is known: it joins what is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest

from contracts.commands import MergeContact, RequestAgent, UpdateContact
from contracts.content import Text
from contracts.events import ContactCreated, ContactMerged, IdentityLinked, MessageReceived
from contracts.identity import Claims
from contracts.ids import identity_key, shard_for, shard_of
from contracts.inbound import InboundEdit, InboundIdentity, InboundMessage, Sender
from contracts.streams import conversation_shard
from router.domain.conversation.tables import IDENTITY, LINKS, UNDERWAY
from tests.router.domain.conversation.world import World

MAIL = "taro@example.jp"
EMAIL = Claims(email=MAIL, email_verified=True)
PHONE = Claims(phone="+819012345678", phone_verified=True)
BOTH = Claims(MAIL, True, PHONE.phone, True)
HOME = shard_for(f"email:{MAIL}", 4)
"""The claim's shard."""
FAR = [number for number in range(4) if number != HOME]


def sender(address: str, claims: Claims = EMAIL) -> Sender:
    return Sender(address, verified=True, claims=claims)


def said(world: World, address: str, words: str, claims: Claims = EMAIL, **more: object) -> InboundMessage:
    return world.message(address, words, sender=sender(address, claims), **more)


def put(world: World, event: object, channel: str = "line") -> None:
    world.put(world.command(event, channel))  # type: ignore[arg-type]


def one_conversation(world: World, *words: str) -> None:
    """One contact, one conversation, everything in it once, nothing left on the way."""
    assert world.words() == list(words) and len(world.contacts) == 1
    received = [event.message.id for event in world.store.events(kind=MessageReceived)]
    assert len(received) == len(set(received)) == world.conversation.messages
    assert world.conversation.id and len(world.told(RequestAgent)) == 1
    assert world.store.rows(UNDERWAY) == {}
    for pointer in world.store.rows(IDENTITY).values():
        assert pointer.contact == world.contact.id
    world.check()


Made = tuple[World, list[Callable[[], None]]]
"""A world, and what comes to pass in it one after the other, each at any moment."""


def every_order(make: Callable[[], World | Made], most: int = 300) -> Iterator[World]:
    """The world after each order in which shards and relays can get to what is asked of them, and in which it is asked;
    of more than ``most``, some from everywhere among them."""
    todo: list[list[int]] = [[]]
    pick = Random(7)
    for _ in range(most):
        if not todo:
            return
        at = pick.randrange(len(todo))
        todo[at], todo[-1] = todo[-1], todo[at]
        path, taken = todo.pop(), 0
        made = make()
        world, later = made if isinstance(made, tuple) else (made, [])
        while choices := [*(partial(world.store.step, name) for name in world.store.ready()), *later[:1]]:
            if taken == len(path):
                todo += [[*path, other] for other in range(1, len(choices))]
                path = [*path, 0]
            if path[taken] == len(choices) - 1 and later:
                later.pop(0)
            choices[path[taken]]()
            taken += 1
        yield world


# -- known, unknown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("second", range(4))
def test_the_first_word_on_another_channel_joins_what_is_open(first: int, second: int) -> None:
    world = World()
    mail, chat = world.address("m", first, "email"), world.address("w", second, "webchat")
    world.arrive(said(world, mail, "my cup is broken"), "email")
    for words in ("from the site", "and again"):
        put(world, said(world, chat, words), "webchat")
    world.store.settle()
    one_conversation(world, "my cup is broken", "from the site", "and again")
    (_, other) = world.store.events(kind=IdentityLinked)
    assert (other.identity.linked_by, other.why, other.by) == ("verified_claim", "the same verified email", "system")
    assert [(link.action, link.why, link.identity) for link in world.contact.links] == [
        ("linked", "the same verified email", identity_key("webchat", "webchat", chat))
    ]
    assert [reach.channel for reach in world.conversation.reaches] == ["email", "webchat"]
    assert len(world.store.events(kind=ContactCreated)) == 1 and not world.store.events(kind=ContactMerged)


@pytest.mark.parametrize("shard", range(4))
def test_somebody_whom_nobody_knows_is_born_once(shard: int) -> None:
    world = World()
    address = world.address("m", shard)
    for number in range(3):
        put(world, said(world, address, str(number)))
    world.store.settle()
    world.write(address, "3")
    one_conversation(world, "0", "1", "2", "3")
    assert world.contact.identities[0].linked_by == "birth" and len(world.contact.identities) == 1
    assert world.contact.claims == EMAIL


def test_the_owner_may_live_anywhere() -> None:
    """Somebody who was known before and proved their email later."""
    for shard in range(4):
        world = World()
        known, new = world.address("k", shard), world.address("n", FAR[0], "webchat")
        world.write(known, "hello")
        world.arrive(InboundIdentity(sender(known)))
        for words in ("it is me", "again"):
            put(world, said(world, new, words), "webchat")
        world.store.settle()
        one_conversation(world, "hello", "it is me", "again")


def test_who_proved_it_with_another_claim_too_is_found_by_that_one_as_well() -> None:
    world = World()
    a, b = world.address("a", FAR[0], "email"), world.address("b", FAR[1], "webchat")
    world.arrive(said(world, a, "mail", BOTH), "email")
    world.arrive(said(world, b, "chat", PHONE), "webchat")
    one_conversation(world, "mail", "chat")


def test_the_second_claim_of_a_newcomer_links_as_before() -> None:
    world = World()
    a, b, c = (world.address(name, number) for number, name in enumerate("abc"))
    world.arrive(said(world, a, "phone", PHONE))
    world.arrive(said(world, b, "mail"))
    assert len(world.contacts) == 2
    world.arrive(said(world, c, "both", BOTH))
    assert len(world.contacts) == 1 and len(world.contact.identities) == 3
    world.check()


def test_an_unproved_claim_links_nobody() -> None:
    world = World()
    world.arrive(said(world, world.address("a", 0), "mine"))
    world.arrive(said(world, world.address("b", 1), "not mine", Claims(email=MAIL)))
    assert len(world.contacts) == len(world.conversations) == 2
    world.check()


def test_a_word_less_identity_is_linked_before_it_writes() -> None:
    world = World()
    mail, chat = world.address("m", FAR[0], "email"), world.address("w", FAR[1], "webchat")
    world.arrive(said(world, mail, "mail"), "email")
    world.arrive(InboundIdentity(sender(chat), reachable=True), "webchat")
    assert len(world.contact.identities) == 2
    world.write(chat, "chat", "webchat")
    one_conversation(world, "mail", "chat")


def test_who_only_says_that_they_left_is_still_nobody() -> None:
    world = World()
    world.arrive(InboundIdentity(sender("x"), reachable=False))
    assert world.contacts == []


def test_an_edit_that_came_before_the_first_word_is_not_lost() -> None:
    world = World()
    world.arrive(said(world, world.address("m", FAR[0], "email"), "mail"), "email")
    chat = world.address("w", FAR[1], "webchat")
    world.arrive(InboundEdit("p-1", Sender(chat), (Text("better"),), world.conversation.opened_at), "webchat")
    world.arrive(said(world, chat, "worse", provider_id="p-1"), "webchat")
    one_conversation(world, "mail", "better")


# -- at the same moment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "most"), [(1, 2000), (2, 300)])
@pytest.mark.parametrize("places", [(FAR[0], FAR[1]), (FAR[0], FAR[0]), (FAR[0], HOME), (HOME, HOME)])
def test_two_with_the_same_claim_at_the_same_moment_in_every_order(
    places: tuple[int, int], words: int, most: int
) -> None:
    def make() -> World:
        world = World()
        for name, shard in zip("ab", places, strict=True):
            address = world.address(name, shard)
            for number in range(words if name == "a" else 1):
                put(world, said(world, address, f"{name}{number}"))
        return world

    count = 0
    for world in every_order(make, most):
        count += 1
        assert sorted(world.words()) == [*["a0", "a1"][:words], "b0"]
        one_conversation(world, *world.words())
        assert [each for each in world.words() if each != "b0"] == ["a0", "a1"][:words]
        assert len(world.store.events(kind=MessageReceived)) == words + 1
    assert words > 1 or 1 < count < most


def merged_owner(claims: Claims = EMAIL) -> tuple[World, str]:
    """The first who proved it was merged into somebody of another shard; the living contact."""
    world = World()
    first, second = world.address("m", FAR[0], "email"), world.address("k", FAR[1])
    world.arrive(said(world, first, "mail", claims), "email")
    world.status(world.conversation.id, "resolved")
    world.write(second, "line")
    into = world.owner(second)
    world.merge(world.owner(first, "email"), into)
    return world, into


@pytest.mark.parametrize("place", range(4))
def test_the_owner_was_merged_and_no_word_overtakes_another_in_any_order(place: int) -> None:
    """Words come at any moment of the detour."""

    def make() -> tuple[World, list[Callable[[], None]]]:
        world, _ = merged_owner()
        chat = world.address("w", place, "webchat")
        words = [said(world, chat, str(number)) for number in range(5)]
        return world, [partial(put, world, each, "webchat") for each in words]

    _, into = merged_owner()
    for world in every_order(make, most=500):
        assert world.contact.id == into == world.owner(world.address("w", place, "webchat"), "webchat")
        live = next(each for each in world.conversations if each.status == "open")
        assert world.words(live.id) == ["line", "0", "1", "2", "3", "4"] and len(world.conversations) == 2
        assert len(world.store.events(kind=MessageReceived)) == 7 and world.store.rows(UNDERWAY) == {}
        world.check()


def test_a_merge_of_the_owner_meanwhile_in_every_order() -> None:
    def make() -> World:
        world = World()
        first, second = world.address("m", FAR[0], "email"), world.address("k", FAR[1])
        world.arrive(said(world, first, "mail"), "email")
        world.write(second, "line")
        people = world.owner(first, "email"), world.owner(second)
        chat = world.address("w", FAR[2], "webchat")
        for number in range(2):
            put(world, said(world, chat, str(number)), "webchat")
        merge = MergeContact(contact=people[0], into=people[1], why="both")
        world.store.submit(conversation_shard(shard_of(people[0])), merge)
        return world

    for world in every_order(make, most=300):
        assert len(world.contacts) == 1 and len(world.conversations) == 2
        assert sorted(world.words()) == ["0", "1", "line", "mail"]
        assert len(world.store.events(kind=MessageReceived)) == 4
        world.check()


def test_a_merge_of_the_owner_that_is_refused_meanwhile_takes_nobody_along() -> None:
    """The claim is the owner's, and nobody else's, whatever the owner was about to become."""

    def make() -> Made:
        world = World()
        first, second = world.address("m", FAR[0], "email"), world.address("k", FAR[1])
        world.arrive(said(world, first, "mail"), "email")
        world.write(second, "line")
        people = world.owner(first, "email"), world.owner(second)
        for id, contact in enumerate(people):
            world.ask(UpdateContact(contact=contact, claims=Claims(external_id=str(id))))
        merge = MergeContact(contact=people[0], into=people[1], why="both")
        chat = world.address("w", FAR[2], "webchat")
        words = [partial(put, world, said(world, chat, str(number)), "webchat") for number in range(2)]
        return world, [partial(world.store.submit, f"c:{HOME:02d}", merge), *words]

    for world in every_order(make):
        owner, stranger = (
            world.owner(world.address("m", FAR[0], "email"), "email"),
            world.owner(world.address("k", FAR[1])),
        )
        chat = world.address("w", FAR[2], "webchat")
        assert owner != stranger and world.owner(chat, "webchat") == owner
        assert len(world.contacts) == len(world.conversations) == 2
        assert sorted(each.contact for each in world.messages()) == sorted([owner, owner, owner, stranger])
        assert len(world.store.events(kind=MessageReceived)) == 4
        world.check()


def test_a_merge_of_the_owner_so_long_ago_that_no_record_is_left_still_leads_on() -> None:
    world, into = merged_owner()
    for number in range(LINKS):
        world.link(into, f"x{number}", "webchat")
    chat = world.address("w", FAR[2], "webchat")
    for number in range(3):
        put(world, said(world, chat, str(number)), "webchat")
    world.store.settle()
    assert world.owner(chat, "webchat") == into
    assert world.words(world.contact.conversations[-1].id) == ["line", "0", "1", "2"]
    world.check()


# -- again, and otherwise --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True])
def test_a_redelivery_during_the_detour_is_one_message_in_every_order(known: bool) -> None:
    def make() -> World:
        world = World()
        if known:
            world.arrive(said(world, world.address("m", FAR[0], "email"), "mail"), "email")
        chat = world.address("w", FAR[1], "webchat")
        for id in ("p-1", "p-1", "p-2", "p-1", "p-2"):
            put(world, said(world, chat, id, provider_id=id), "webchat")
        return world

    for world in every_order(make, most=100):
        one_conversation(world, *(["mail"] if known else []), "p-1", "p-2")


def test_a_redelivery_after_the_owner_moved_on_is_known_by_its_own_shard() -> None:
    """The homes that took the message know nothing of each other; the identity's shard does."""
    world = World()
    world.arrive(said(world, world.address("m", FAR[0], "email"), "mail"), "email")
    chat = world.address("w", FAR[1], "webchat")
    first = said(world, chat, "chat")
    world.arrive(first, "webchat")
    world.status(world.conversation.id, "closed")
    world.write(world.address("k", FAR[2]), "line")
    world.merge(world.owner(chat, "webchat"), world.owner(world.address("k", FAR[2])))
    world.arrive(first, "webchat")
    assert len(world.store.events(kind=MessageReceived)) == 3
    world.check()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("merged", [False, True])
def test_differing_ids_in_the_operators_system_stay_apart(place: int, merged: bool) -> None:
    one, two = (Claims(email=MAIL, email_verified=True, external_id=id) for id in "12")
    world = World()
    if merged:
        world, _ = merged_owner(one)
    else:
        world.arrive(said(world, world.address("m", FAR[0], "email"), "mail", one), "email")
    before = len(world.conversations)
    chat = world.address("w", place, "webchat")
    for number in range(3):
        put(world, said(world, chat, str(number), two), "webchat")
    world.store.settle()
    assert len(world.contacts) == 2 and len(world.conversations) == before + 1
    theirs = next(each for each in world.contacts if each.claims.external_id == "2")
    assert world.owner(chat, "webchat") == theirs.id and len(theirs.identities) == 1
    assert world.words(theirs.conversations[0].id) == ["0", "1", "2"]
    assert world.store.rows(UNDERWAY) == {}
    world.check()


@pytest.mark.parametrize("own", [False, True])
def test_a_code_goes_before_a_claim(own: bool) -> None:
    """``own``: the code is that of the claim's own contact."""
    world = World()
    mail, other = world.address("m", FAR[0], "email"), world.address("k", FAR[1])
    world.arrive(said(world, mail, "mail"), "email")
    if not own:
        world.write(other, "line")
    contact = world.owner(mail, "email") if own else world.owner(other)
    code = world.code(contact)
    chat = world.address("w", FAR[2], "webchat")
    for words, more in ((code, {"handover": code}), ("and now", {})):
        put(world, said(world, chat, words, **more), "webchat")
    world.store.settle()
    assert len(world.contacts) == 1 and len(world.contact.identities) == (2 if own else 3)
    assert len(world.conversations) == (1 if own else 2)
    joined = next(each.conversation for each in world.messages() if "handover" in each.flags)
    assert world.words(joined) == ["mail" if own else "line", code, "and now"]
    world.check()


def test_a_code_shown_during_the_detour_is_a_message_only_and_a_later_one_counts() -> None:
    world = World()
    other = world.address("k", FAR[1])
    world.write(other, "line")
    contact = world.owner(other)
    chat = world.address("w", FAR[2], "webchat")
    put(world, said(world, chat, "hello"), "webchat")
    code = world.code(contact)
    put(world, said(world, chat, code, handover=code), "webchat")
    world.store.settle()
    assert len(world.contacts) == 2 and world.words(world.conversations[1].id) == ["hello", code]
    world.arrive(said(world, chat, code, handover=code), "webchat")
    assert len(world.contacts) == 1
    world.check()


def test_a_new_owner_in_the_middle_changes_nothing() -> None:
    def make() -> World:
        world = World()
        world.arrive(said(world, world.address("m", FAR[0], "email"), "mail"), "email")
        for number in range(2):
            put(world, said(world, world.address("w", FAR[1], "webchat"), str(number)), "webchat")
        return world

    for steps in range(8):
        world = make()
        for _ in range(steps):
            world.store.step(world.store.ready()[0])
        world.store.restart()
        world.store.settle()
        one_conversation(world, "mail", "0", "1")


def test_known_identities_are_looked_up_as_before() -> None:
    """No value more than before for somebody without claims."""
    world = World()
    world.write("a")
    before = {name: shard.loads for name, shard in world.store.shards.items()}
    world.write("a", "again")
    after = {name: shard.loads for name, shard in world.store.shards.items()}
    assert sum(after.values()) - sum(before.values()) == 2  # MESSAGE and TRACE of the new message
