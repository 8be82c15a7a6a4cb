"""What dispatch is told: the whole of what its rules may look at, and again when it changes."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from contracts.commands import (
    Enriched,
    PutTerms,
    RequestAgent,
    SetPriority,
    TagConversation,
    UpdateContact,
)
from contracts.events import ConversationEnriched
from contracts.terms import Terms
from router.domain.conversation.tables import TERMS
from tests.router.domain.conversation.world import World


def begun() -> tuple[World, str]:
    world = World()
    world.write("taro")
    return world, world.conversation.id


def triggers(world: World) -> list[str]:
    return [each.trigger for each in world.told(RequestAgent)]


def test_facts_of_somebody_known() -> None:
    world, id = begun()
    first = world.told(RequestAgent)[-1].facts
    assert (first.earlier, first.last_at, first.preferred, first.attributes) == (0, None, (), {})
    attributes: dict[str, str | None] = {"plan": "gold", "preferred_agent": "hanako, jiro", "city": "Tokyo"}
    world.ask(
        UpdateContact(contact=world.contact.id, tags=("vip", "agent:saburo", "agent:jiro"), attributes=attributes)
    )
    world.store.advance(seconds=60)
    world.answer(id)
    last = world.conversation.last_message_at
    world.status(id, "resolved")
    world.store.advance(seconds=30 * 86_400)  # it was closed meanwhile
    world.write("taro", "again")
    facts = world.told(RequestAgent)[-1].facts
    assert (facts.earlier, facts.last_at) == (1, last)
    assert facts.preferred == ("hanako", "jiro", "saburo") and facts.attributes["plan"] == "gold"
    new = world.conversations[-1].id
    world.ask(TagConversation(conversation=new, add=("urgent", "vip"), attributes={"plan": "silver", "order": "7"}))
    world.ask(Enriched(conversation=new, enricher="crm", attributes={"order": "8", "mood": "angry"}, language="ja"))
    facts = world.told(RequestAgent)[-1].facts
    assert facts.tags == ("vip", "agent:saburo", "agent:jiro", "urgent") and facts.language == "ja"
    assert {name: facts.attributes[name] for name in ("plan", "order", "mood", "city")} == {
        "plan": "silver",
        "order": "8",
        "mood": "angry",
        "city": "Tokyo",
    }
    world.check()


def test_a_priority_set_by_hand_is_told() -> None:
    world, id = begun()
    world.ask(SetPriority(conversation=id, priority=50), SetPriority(conversation=id, priority=50))
    assert triggers(world) == ["work_arrived", "priority_changed"]
    request = world.told(RequestAgent)[-1]
    assert request.facts.priority == 50 and request.facts.text == "" and request.waiting_since
    world.assign(id, "hanako")
    world.ask(SetPriority(conversation=id, priority=60))
    assert len(triggers(world)) == 3  # it counts if it comes back
    world.status(id, "resolved")
    world.ask(SetPriority(conversation=id, priority=70))
    assert len(triggers(world)) == 3


def test_tags_are_told_while_it_waits_but_not_those_of_the_rules() -> None:
    world, id = begun()
    world.ask(TagConversation(conversation=id, add=("a",), by="policy"))
    assert triggers(world) == ["work_arrived"]
    world.ask(TagConversation(conversation=id, add=("b",), by="agent:hanako"))
    assert triggers(world) == ["work_arrived", "labelled"]
    assert world.told(RequestAgent)[-1].facts.tags == ("a", "b")
    world.assign(id, "hanako")
    world.ask(TagConversation(conversation=id, add=("c",)))
    assert len(triggers(world)) == 2


def test_what_enrichers_find_is_kept_and_told_once() -> None:
    world, id = begun()
    found = Enriched(conversation=id, enricher="mood", attributes={"mood": "angry"}, language="ja")
    world.ask(found, found)
    assert world.conversation.enriched == {"mood": "angry"} and world.conversation.language == "ja"
    (event,) = world.store.events(kind=ConversationEnriched)
    assert (event.enricher, event.attributes, event.language) == ("mood", {"mood": "angry"}, "ja")
    assert triggers(world) == ["work_arrived", "enriched"]
    world.ask(Enriched(conversation=id, enricher="mood", attributes={"mood": "calm"}))
    assert world.conversation.enriched == {"mood": "calm"} and world.conversation.language == "ja"
    world.assign(id, "hanako")
    world.ask(Enriched(conversation=id, enricher="mood", attributes={"mood": "happy"}))
    assert len(triggers(world)) == 3 and world.conversation.enriched == {"mood": "happy"}
    many = {f"a{number}": "x" for number in range(200)}
    world.ask(Enriched(conversation=id, enricher="crm", attributes={**many, "mood": "sad"}))
    assert len(world.conversation.enriched) == 100 and world.conversation.enriched["mood"] == "sad"
    world.ask(Enriched(conversation="cv_00_x", enricher="crm", attributes={"a": "b"}))
    world.check()


def test_terms_are_kept_and_older_ones_are_not() -> None:
    world = World(shards=1)
    for number, bot in ((3, "a"), (2, "b"), (3, "c")):
        world.store.submit("c:00", PutTerms(terms=Terms(number=number, bots=(bot,))))
    world.store.settle()
    assert world.store.rows(TERMS) == {"current": Terms(3, bots=("c",))}
