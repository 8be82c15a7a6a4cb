"""Edits, unsends, reactions: in any order, also before the message itself."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from contracts.attachment import Attachment
from contracts.codec import moment
from contracts.content import Image, Text
from contracts.events import MessageEdited, MessageReacted, MessageUnsent
from contracts.inbound import Inbound, InboundEdit, InboundReaction, InboundUnsend, Sender
from router.domain.conversation.tables import FETCH
from tests.router.domain.conversation.world import World
from tests.router.domain.memory import START_MS

T0 = moment(START_MS)


def edit(seconds: int, words: str, address: str = "taro") -> InboundEdit:
    return InboundEdit("p", Sender(address), (Text(words),), T0 + timedelta(seconds=seconds))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_edit_holds_in_any_order(order: tuple[int, ...]) -> None:
    world = World()
    steps: list[Inbound] = [world.message("taro", "first", provider_id="p"), edit(1, "second"), edit(2, "third")]
    for step in order:
        world.arrive(steps[step])
    assert world.words() == ["third"]
    world.check()


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_was_unsent_is_gone_in_any_order(order: tuple[int, ...]) -> None:
    world = World()
    steps: list[Inbound] = [
        world.message("taro", "secret", provider_id="p"),
        edit(1, "secret too"),
        InboundUnsend("p", Sender("taro"), T0),
    ]
    for step in order:
        world.arrive(steps[step])
    (message,) = world.messages()
    assert message.parts == () and message.unsent_at == T0
    assert world.conversation.messages == 1
    world.check()


def test_events_tell_of_edit_and_unsend_once() -> None:
    world = World()
    world.write("taro", provider_id="p")
    for _ in range(2):
        world.arrive(edit(1, "second"))
        world.arrive(InboundUnsend("p", Sender("taro"), T0))
    assert len(world.store.events(kind=MessageEdited)) == len(world.store.events(kind=MessageUnsent)) == 1


@pytest.mark.parametrize("shards", [1, 4])
def test_nobody_changes_the_words_of_others(shards: int) -> None:
    world = World(shards)
    world.arrive(edit(1, "forged early", "mallory"))
    world.write("taro", "mine", provider_id="p")
    world.write("mallory", "hello")
    world.arrive(edit(5, "forged", "mallory"))
    world.arrive(InboundUnsend("p", Sender("mallory"), T0))
    assert "mine" in world.words() and not any("forged" in each for each in world.words())


def test_unsent_media_are_not_fetched() -> None:
    world = World()
    world.write("taro", provider_id="p", parts=(Image(Attachment(id="at_1", source="x")),))
    world.arrive(InboundUnsend("p", Sender("taro")))
    assert world.store.rows(FETCH) == {}


def test_an_edit_brings_its_own_media() -> None:
    world = World()
    world.write("taro", provider_id="p", parts=(Image(Attachment(id="at_1", source="x")),))
    world.arrive(InboundEdit("p", Sender("taro"), (Image(Attachment(id="at_2", source="y")),), T0))
    assert list(world.store.rows(FETCH)) == ["at_2"]


def test_reactions_come_and_go() -> None:
    world = World()
    world.write("taro", provider_id="p")
    for removed in (False, False, True, True):
        world.arrive(InboundReaction("p", Sender("taro"), "👍", removed))
    assert world.messages()[0].reactions == ()
    assert [event.removed for event in world.store.events(kind=MessageReacted)] == [False, False, True]
    world.arrive(InboundReaction("p", Sender("taro"), "👍"))
    assert [each.emoji for each in world.messages()[0].reactions] == ["👍"]
    world.check()


def test_a_reaction_taken_away_without_a_name_takes_all_of_theirs() -> None:
    world = World()
    world.write("taro", provider_id="p")
    for emoji in ("👍", "❤️"):
        world.arrive(InboundReaction("p", Sender("taro"), emoji))
    world.arrive(InboundReaction("p", Sender("taro"), "", removed=True))
    assert world.messages()[0].reactions == ()
    world.check()
