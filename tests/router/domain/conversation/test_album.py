"""Albums: items that come one by one, in any order and several times, are one message in the customer's order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Image
from contracts.events import MessageEdited, MessageReceived
from contracts.ids import identity_key
from contracts.inbound import (
    Album,
    Inbound,
    InboundEdit,
    InboundIdentity,
    InboundMessage,
    InboundReaction,
    InboundUnsend,
    Sender,
    Threading,
)
from contracts.message import Message
from router.domain.conversation.tables import FETCH
from tests.router.domain.conversation.world import World
from tests.router.domain.memory import START_MS

T0 = moment(START_MS)


def item(number: int, group: str = "g", address: str = "taro") -> InboundMessage:
    return InboundMessage(
        f"{address}/{group}{number}",
        Sender(address, verified=True),
        (Image(Attachment(f"at_{address}{group}{number}", source="x"), f"{group}{number}"),),
        T0,
        album=Album(f"{address}/{group}", number),
    )


def edit(number: int, words: str, seconds: int = 1, address: str = "taro") -> InboundEdit:
    image = Image(Attachment(f"at_{address}g{number}", source="x"), words)
    return InboundEdit(f"{address}/g{number}", Sender(address), (image,), T0 + timedelta(seconds=seconds))


def captions(message: Message) -> list[str | None]:
    return [part.caption for part in message.parts if isinstance(part, Image)]


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_items_in_any_order_are_one_message_in_theirs(order: tuple[int, ...], shards: int) -> None:
    world = World(shards)
    for number in (*order, *order):
        world.arrive(item(number))
    (message,) = world.messages()
    assert captions(message) == ["g1", "g2", "g3"]
    assert "album" in message.flags and message.edited_at is None
    assert world.conversation.messages == 1
    assert len(world.store.events(kind=MessageReceived)) == 1
    assert [event.joined for event in world.store.events(kind=MessageEdited)] == [True, True]
    assert set(world.store.rows(FETCH)) == {"at_tarog1", "at_tarog2", "at_tarog3"}
    world.check()


@pytest.mark.parametrize("grouping", ["contact", "thread"])
def test_albums_and_people_are_kept_apart(grouping: str) -> None:
    world = World()
    for event in (item(1), item(1, "h"), item(1, address="hanako"), item(2), item(2, "h"), item(2, address="hanako")):
        world.arrive(event, grouping=grouping)
    assert sorted(captions(each) for each in world.messages()) == [["g1", "g2"], ["g1", "g2"], ["h1", "h2"]]
    world.check()


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_an_edit_changes_its_own_item_in_any_order(order: tuple[int, ...]) -> None:
    world = World()
    steps: list[Inbound] = [item(1), item(2), edit(2, "new"), edit(2, "old", seconds=0)]
    for step in order:
        world.arrive(steps[step])
    (message,) = world.messages()
    assert captions(message) == ["g1", "new"]
    world.check()


def test_edits_of_two_items_do_not_count_against_each_other() -> None:
    world = World()
    for event in (item(1), item(2), edit(2, "second", seconds=5), edit(1, "first", seconds=1)):
        world.arrive(event)
    assert captions(world.messages()[0]) == ["first", "second"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_item_that_is_taken_back_leaves_the_others(order: tuple[int, ...]) -> None:
    world = World()
    steps: list[Inbound] = [item(1), item(2), InboundUnsend("taro/g2", Sender("taro"), T0)]
    for step in order:
        world.arrive(steps[step])
    left = [each for each in world.messages() if each.unsent_at is None]
    assert [captions(each) for each in left] == [["g1"]]
    world.check()


def test_when_the_last_item_is_taken_back_the_message_is() -> None:
    world = World()
    for event in (item(1), item(2), *(InboundUnsend(f"taro/g{number}", Sender("taro"), T0) for number in (1, 2))):
        world.arrive(event)
    (message,) = world.messages()
    assert message.parts == () and message.unsent_at == T0


def test_answers_and_reactions_to_any_item_find_the_message() -> None:
    world = World()
    world.arrive(item(1))
    world.arrive(item(2))
    world.arrive(InboundReaction("taro/g2", Sender("taro"), "👍"))
    world.write("taro", threading=Threading(quoted="taro/g2"))
    album, answer = world.messages()
    assert [each.emoji for each in album.reactions] == ["👍"] and answer.reply_to == album.id


def test_items_follow_to_the_shard_of_their_conversation() -> None:
    world = World()
    first, second = world.address("a", 0), world.address("b", 1)
    world.write(first)
    world.write(second)
    world.merge(world.owner(first), world.owner(second))
    world.status(world.conversations[1].id, "closed")
    for number in (2, 1, 3, 2, 1, 3):
        world.arrive(item(number, address=first))
    (album,) = [each for each in world.messages() if "album" in each.flags]
    assert captions(album) == ["g1", "g2", "g3"]
    world.check()


def test_items_follow_even_where_they_would_begin_a_conversation_of_their_own() -> None:
    world = World()
    first, second = world.address("a", 0), world.address("b", 1)
    world.write(first)
    world.write(second)
    world.merge(world.owner(first), world.owner(second))
    world.status(world.conversations[1].id, "closed")
    quoted = world.write(first)
    answer = replace(item(1, address=first), threading=Threading(quoted=quoted))
    for event in (answer, item(2, address=first)):
        world.arrive(event, grouping="thread")
    (album,) = [each for each in world.messages() if "album" in each.flags]
    assert captions(album) == ["g1", "g2"] and len(world.conversations) == 2
    world.check()


def test_what_is_passed_on_twice_joins_once() -> None:
    world = World(1)
    world.write("taro")
    world.arrive(item(1))
    onward = replace(world.command(item(2)), home=world.conversation.id)
    for _ in range(2):
        world.store.submit("c:00", onward)
        world.store.settle()
    (album,) = [each for each in world.messages() if "album" in each.flags]
    assert captions(album) == ["g1", "g2"]


# -- another address --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", range(4))
@pytest.mark.parametrize("new", range(4))
def test_who_is_given_another_address_stays_the_same_contact(old: int, new: int) -> None:
    world = World()
    before, after = world.address("old", old), world.address("new", new)
    world.write(before, "一")
    moved = InboundIdentity(Sender(before, verified=True), False, "migrated", became=after)
    world.arrive(moved)
    world.arrive(moved)
    world.write(after, "二")
    assert world.words(world.conversation.id) == ["一", "二"]
    reachable = {each.address: each.reachable for each in world.contact.identities}
    assert reachable == {before: False, after: True}
    assert world.owner(after) == world.owner(before)
    assert {reach.address for reach in world.conversation.reaches} == {after}
    world.check()


def test_answers_go_to_the_new_address_at_once() -> None:
    world = World()
    world.write("group")
    world.arrive(InboundIdentity(Sender("group"), False, "migrated", became="supergroup"))
    id = world.answer(world.conversation.id)
    (message,) = [each for each in world.messages() if each.id == id]
    assert message.address == "supergroup"
    assert identity_key("line", "line", "supergroup") in {each.key for each in world.contact.identities}
