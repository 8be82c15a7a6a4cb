"""One holder of the floor: bots and people, advice, and the summary of a handoff."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from typing import Any

import pytest

from contracts.codec import moment
from contracts.commands import AddNote, Consult, RequestAgent, Transfer, WorkReturned
from contracts.content import Text
from contracts.events import ConversationAssigned, ConversationConsulted, ConversationTransferred
from contracts.policy import Need
from contracts.terms import Terms
from tests.router.domain.conversation.world import World


def begun(agent: str | None = "bot") -> tuple[World, str]:
    world = World()
    world.terms(Terms(1, bots=("bot", "robot")))
    world.write("taro")
    id = world.conversation.id
    if agent is not None:
        world.assign(id, agent)
    return world, id


def refused(world: World, command: str) -> str | None:
    problem = world.store.outcome(command).problem
    return problem.kind if problem is not None else None


def test_the_floor_rises_with_each_change_of_holder() -> None:
    world, id = begun(None)
    floors = [world.conversation.floor]
    for agent in ("bot", "bot", "hanako"):
        world.assign(id, agent)
        floors.append(world.conversation.floor)
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="left"))
    floors.append(world.conversation.floor)
    assert floors[0] == 0 and floors[1] == floors[2] and sorted(set(floors)) == sorted({*floors})
    assert floors == sorted(floors) and len(set(floors)) == 4
    told = [event.floor for event in world.store.events(kind=ConversationAssigned)]
    assert told == [floors[1], floors[3]]


def test_a_bots_late_answer_after_the_handoff_is_refused() -> None:
    world, id = begun()
    floor = world.conversation.floor
    world.answer(id, by="agent:bot", floor=floor, **{"id": "cm_1"})
    world.ask(Transfer(conversation=id, queue="people", by="agent:bot", floor=floor, id="cm_2"))
    world.answer(id, by="agent:bot", floor=floor, **{"id": "cm_3"})  # nobody has it yet
    world.answer(id, by="agent:bot", **{"id": "cm_4"})
    world.assign(id, "hanako")
    world.answer(id, by="agent:bot", **{"id": "cm_5"})
    world.ask(Transfer(conversation=id, queue="people", by="agent:bot", id="cm_6"))
    world.ask(Transfer(conversation=id, queue="people", by="token:crm", floor=floor, id="cm_7"))
    outcomes = [refused(world, f"cm_{number}") for number in range(1, 8)]
    assert outcomes == [None, None, "conflict", "conflict", "conflict", "conflict", "conflict"]
    assert world.conversation.agent == "hanako"
    world.check()


@pytest.mark.parametrize(("by", "floor", "kind"), [("agent:robot", None, "conflict"), ("agent:hanako", None, None)])
def test_nobody_has_it(by: str, floor: int | None, kind: str | None) -> None:
    world, id = begun(None)
    world.answer(id, by=by, floor=floor, **{"id": "cm_1"})
    assert refused(world, "cm_1") == kind


def test_a_service_speaks_for_the_floor_it_knows() -> None:
    world, id = begun()
    floor = world.conversation.floor
    world.answer(id, by="token:bot", floor=floor, **{"id": "cm_1"})
    world.assign(id, "hanako")
    world.answer(id, by="token:bot", floor=floor, **{"id": "cm_2"})
    world.answer(id, by="token:bot", **{"id": "cm_3"})
    assert [refused(world, f"cm_{number}") for number in (1, 2, 3)] == [None, "conflict", None]


def test_a_handoff_has_a_summary_and_says_what_is_needed() -> None:
    world, id = begun()
    world.answer(id, by="agent:bot")
    assert world.conversation.waiting_since is None
    world.store.advance(seconds=5)
    need = Need("billing", 3)
    world.ask(Transfer(conversation=id, queue="people", by="agent:bot", summary="Wants a refund.", skills=(need,)))
    request = world.told(RequestAgent)[-1]
    assert (request.queue, request.exclude, request.skills, request.force) == ("people", ("bot",), (need,), False)
    assert request.waiting_since == world.conversation.waiting_since  # for a person, since the handoff
    assert request.waiting_since == moment(world.store.now_ms)
    assert world.store.events(kind=ConversationTransferred)[0].summary == "Wants a refund."
    world.assign(id, "hanako")
    assert world.store.events(kind=ConversationAssigned)[-1].context.summary == "Wants a refund."
    world.ask(Transfer(conversation=id, agent="jiro", force=True, by="agent:hanako"))
    assert world.told(RequestAgent)[-1].force
    world.assign(id, "jiro")
    assert world.store.events(kind=ConversationAssigned)[-1].context.summary == "Wants a refund."
    world.ask(Transfer(conversation=id, queue="q", summary="x" * 4001, id="cm_long"))
    assert refused(world, "cm_long") == "invalid"
    world.status(id, "resolved")
    world.write("taro")
    assert world.conversation.summary is None
    world.check()


def test_a_person_who_hands_over_does_not_make_the_customer_wait() -> None:
    world, id = begun("hanako")
    world.answer(id, by="agent:hanako")
    world.ask(Transfer(conversation=id, queue="people", by="agent:hanako"))
    assert world.conversation.waiting_since is None


def test_the_first_answer_by_a_person_is_timed() -> None:
    world, id = begun()
    world.answer(id, by="agent:bot")
    assert world.conversation.first_response_at is None
    world.assign(id, "hanako")
    world.answer(id, by="agent:hanako")
    assert world.conversation.first_response_at is not None


# -- advice ----------------------------------------------------------------------------------------------------------


def test_who_is_asked_for_advice_writes_notes_and_does_not_answer() -> None:
    world, id = begun("hanako")
    world.ask(Consult(conversation=id, agent="jiro", note="How does this work?", by="agent:hanako"))
    world.ask(Consult(conversation=id, agent="jiro", by="agent:hanako"))
    assert world.conversation.consulted == ("jiro",) and world.conversation.agent == "hanako"
    (event,) = world.store.events(kind=ConversationConsulted)
    assert (event.consultant, event.note, event.ended) == ("jiro", "How does this work?", False)
    assert world.messages()[-1].direction == "note"
    world.ask(AddNote(conversation=id, message="ms_n", parts=(Text("like this"),), by="agent:jiro"))
    world.answer(id, by="agent:jiro", **{"id": "cm_1"})
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="left"))
    world.answer(id, by="agent:jiro", **{"id": "cm_2"})
    assert [refused(world, each) for each in ("cm_1", "cm_2")] == ["conflict", "conflict"]
    assert len(world.told(RequestAgent)) == 1  # nobody else was asked for
    assert listed(world) == {"consulted:jiro": {id}}
    world.assign(id, "jiro")
    assert world.conversation.consulted == () and listed(world) == {}
    world.answer(id, by="agent:jiro", **{"id": "cm_3"})
    assert refused(world, "cm_3") is None
    world.check()


def listed(world: World) -> dict[str, set[str]]:
    """The conversations in which each is asked for advice, as they find them."""
    indexes = [(name, set(ids)) for shard in world.store.shards.values() for name, ids in shard.indexes.items() if ids]
    return {name: ids for name, ids in indexes if name.startswith("consulted:")}


def test_advice_ends_by_itself_and_by_hand() -> None:
    world, id = begun("hanako")
    world.ask(*(Consult(conversation=id, agent=agent, by="agent:hanako") for agent in ("jiro", "saburo", "shiro")))
    world.ask(Consult(conversation=id, agent="jiro", end=True, by="agent:hanako"))
    world.ask(Consult(conversation=id, agent="saburo", end=True, by="agent:saburo"))
    assert world.conversation.consulted == ("shiro",)
    assert listed(world) == {"consulted:shiro": {id}}
    world.status(id, "resolved")
    assert world.conversation.consulted == () and listed(world) == {}
    ended = [event.consultant for event in world.store.events(kind=ConversationConsulted) if event.ended]
    assert ended == ["jiro", "saburo", "shiro"]
    world.check()


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"agent": "hanako", "by": "agent:hanako"}, "invalid"),
        ({"agent": "shiro", "by": "agent:jiro"}, "conflict"),
        ({"agent": "shiro", "by": "token:boss"}, None),
        ({"agent": "jiro", "by": "agent:saburo", "end": True}, "conflict"),
        ({"agent": "nobody", "by": "agent:hanako", "end": True}, None),
    ],
)
def test_who_may_ask_for_advice(how: dict[str, Any], kind: str | None) -> None:
    world, id = begun("hanako")
    world.ask(Consult(conversation=id, agent="jiro", by="agent:hanako"))
    world.ask(Consult(conversation=id, id="cm_1", **how))
    assert refused(world, "cm_1") == kind


def test_advice_has_limits() -> None:
    world, id = begun("hanako")
    world.ask(*(Consult(conversation=id, agent=f"a{number}", by="agent:hanako") for number in range(10)))
    world.ask(Consult(conversation=id, agent="one more", by="agent:hanako", id="cm_1"))
    world.status(id, "resolved")
    world.ask(Consult(conversation=id, agent="jiro", by="token:boss", id="cm_2"))
    world.ask(Consult(conversation="cv_00_x", agent="jiro", id="cm_3"))
    assert [refused(world, f"cm_{number}") for number in (1, 2, 3)] == ["conflict", "conflict", "not_found"]
