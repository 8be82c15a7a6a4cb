"""The language is heard in the first words, before anybody is asked for; enrichers are told of what opens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from contracts.commands import Enriched, RequestAgent
from contracts.events import ConversationOpened
from contracts.identity import Profile
from contracts.inbound import Sender
from router.domain.conversation import ConversationRules
from router.domain.effects import Enrich
from tests.router.domain.conversation.world import KEY, World


def by_word(text: str, hints: Sequence[str | None]) -> str | None:
    """Knows three words, and takes a hint where the word could be either."""
    return next(filter(None, hints), None) if text == "電話" else {"hello": "en", "返金": "ja"}.get(text)


@pytest.fixture
def world() -> World:
    return World(rules=ConversationRules(handover_key=KEY, detect=by_word, languages={"shop": "zh"}))


def asked(world: World) -> list[str | None]:
    """The languages that dispatch was told, in order."""
    return [command.facts.language for command in world.told(RequestAgent)]


def test_heard_before_the_first_classification(world: World) -> None:
    world.write(world.address("taro", 0), "返金")
    assert asked(world) == ["ja"]
    (opened,) = world.store.events(kind=ConversationOpened)
    assert opened.language == world.conversation.language == "ja"
    world.check()


def test_what_the_channel_says_comes_first(world: World) -> None:
    world.write(world.address("taro", 0), "hello", language="ja")
    assert asked(world) == ["ja"]


@pytest.mark.parametrize(
    ("profile", "account", "language"), [("ja", "line", "ja"), (None, "shop", "zh"), (None, "line", None)]
)
def test_words_that_could_be_either(world: World, profile: str | None, account: str, language: str | None) -> None:
    address = world.address("taro", 0, account=account)
    sender = Sender(address, verified=True, profile=Profile(language=profile))
    world.write(address, "電話", account=account, sender=sender)
    assert world.conversation.language == language


def test_heard_later_what_still_waits_is_looked_at_again(world: World) -> None:
    taro = world.address("taro", 0)
    world.write(taro, "12345")
    world.write(taro, "返金")
    world.write(taro, "hello")
    assert asked(world) == [None, "ja"]
    assert world.told(RequestAgent)[-1].trigger == "enriched"
    assert world.conversation.language == "ja"


def test_who_has_an_agent_keeps_them(world: World) -> None:
    taro = world.address("taro", 0)
    world.write(taro, "12345")
    world.assign(world.conversation.id, "ann")
    world.write(taro, "返金")
    assert asked(world) == [None]
    assert world.conversation.language == "ja"


def test_enrichers_are_told_once_when_it_opens(world: World) -> None:
    taro = world.address("taro", 0)
    world.write(taro, "hello")
    world.write(taro, "hello again")
    (effect,) = world.store.effects(Enrich)
    assert effect.conversation == world.conversation.id
    assert (effect.facts.text, effect.facts.contact) == ("hello", world.contact.id)


def test_and_what_they_find_is_told_to_dispatch(world: World) -> None:
    world.write(world.address("taro", 0), "hello")
    world.ask(Enriched(conversation=world.conversation.id, enricher="crm", attributes={"tier": "gold"}))
    assert world.told(RequestAgent)[-1].facts.attributes == {"tier": "gold"}
    assert world.told(RequestAgent)[-1].trigger == "enriched"
