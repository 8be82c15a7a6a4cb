"""The telephone: who is put through to whom, and what picking up, not picking up and hanging up mean."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from contracts.commands import (
    AcceptOffer,
    DeclineOffer,
    NotifyCustomer,
    ReleaseWork,
    RequestAgent,
    RequestCallback,
    WorkAssigned,
    WorkDiverted,
    WorkOffered,
)
from contracts.content import Call, Part, Postback, Text
from contracts.decision import Decision
from contracts.inbound import InboundCall, InboundMessage, Sender, Threading
from tests.router.domain.conversation.world import World

CALLER, PHONE = Sender("+818012345678"), "+819011112222"


def called(*parts: Part, **more: Any) -> World:
    """Somebody calls."""
    world = World()
    arrive(world, "CA1", *(parts or (Call("ringing"),)), **more)
    return world


def arrive(world: World, id: str, *parts: Part, **more: Any) -> None:
    tell(world, InboundMessage(id, CALLER, parts, threading=Threading(thread="CA1"), **more))


def tell(world: World, event: Any) -> None:
    world.put(replace(world.command(event, "tel", grouping="thread"), channel_class="voice"))
    world.store.settle()


def became(world: World, did: Any, **more: Any) -> None:
    tell(world, InboundCall("CA1", CALLER, did, **more))


def decision(world: World) -> Decision:
    return Decision(
        id="dc_1", at=world.conversation.opened_at, trigger="work_arrived", conversation=world.conversation.id,
        queue="default", outcome="offered", policy="1",
    )  # fmt: skip


def offer(world: World, agent: str = "hanako", voice: str | None = PHONE, seconds: int = 20) -> None:
    until = world.conversation.opened_at + timedelta(seconds=seconds)
    facts = {"conversation": world.conversation.id, "queue": "default", "decision": decision(world)}
    world.ask(WorkOffered(agent=agent, expires_at=until, voice=voice, **facts))


def assign(world: World, agent: str = "hanako", voice: str | None = PHONE) -> None:
    world.ask(WorkAssigned(conversation=world.conversation.id, agent=agent, queue="default", voice=voice))


def on_the_line(world: World) -> list[tuple[Part, ...]]:
    return [each.parts for each in world.messages() if each.author == "system"]


def call(world: World) -> Call:
    part = next(each for each in world.messages() if each.provider_id == "CA1").parts[0]
    assert isinstance(part, Call)
    return part


# -- put through ------------------------------------------------------------------------------------------------------


def test_an_offer_rings_as_long_as_it_stands() -> None:
    world = called()
    offer(world)
    ((ringing,),) = on_the_line(world)
    assert isinstance(ringing, Call) and (ringing.state, ringing.agent, ringing.to) == ("ringing", "hanako", PHONE)
    assert not ringing.fresh and 15 <= (ringing.ring_s or 0) <= 20
    assert world.messages()[-1].extra == {"call": "CA1"}


def test_who_was_offered_it_is_not_called_again_when_it_is_theirs() -> None:
    world = called()
    offer(world)
    assign(world)
    assert len(on_the_line(world)) == 1
    assert world.conversation.agent == "hanako"


def test_who_is_given_it_without_an_offer_is_called() -> None:
    world = called()
    assign(world)
    assert [each[0].to for each in on_the_line(world)] == [PHONE]  # type: ignore[union-attr]


def test_an_agent_without_a_telephone_has_a_voice_mail_left() -> None:
    world = called()
    offer(world, voice=None)
    assert on_the_line(world) == []
    assign(world, voice=None)
    assert on_the_line(world) == [(Call("voicemail"),)]


def test_nobody_is_called_for_who_has_hung_up_or_only_wrote() -> None:
    world = called()
    became(world, "ended")
    world.status(world.conversation.id, "open")
    written = World()
    written.write("taro")
    for each in (world, written):
        offer(each)
        assert on_the_line(each) == []


# -- what the line tells ----------------------------------------------------------------------------------------------


def test_picking_up_accepts_and_not_picking_up_declines() -> None:
    world = called()
    offer(world)
    became(world, "answered", agent="aoi")
    assert world.told(AcceptOffer) == [], "somebody else's telephone"
    became(world, "answered", agent="hanako")
    (accepted,) = world.told(AcceptOffer)
    assert (accepted.agent, accepted.by) == ("hanako", "agent:hanako")
    assert (call(world).state, call(world).agent) == ("answered", "hanako")

    other = called()
    offer(other)
    became(other, "unanswered", agent="hanako", reason="busy")
    (declined,) = other.told(DeclineOffer)
    assert (declined.agent, declined.reason, declined.by) == ("hanako", "busy", "agent:hanako")


def test_who_accepted_elsewhere_and_does_not_pick_up_loses_it() -> None:
    world = called()
    offer(world)
    assign(world)
    became(world, "unanswered", agent="hanako")
    assert world.conversation.agent is None
    asked = world.told(RequestAgent)[-1]
    assert (asked.queue, asked.exclude, asked.trigger) == ("default", ("hanako",), "unanswered")


def test_a_talk_that_is_over_is_resolved_and_whatever_comes_late_changes_nothing() -> None:
    world = called()
    assign(world)
    became(world, "answered", agent="hanako")
    became(world, "ended", duration_s=42)
    assert (call(world).state, call(world).duration_s) == ("ended", 42)
    assert (world.conversation.status, world.conversation.agent) == ("resolved", None)
    assert len(world.told(ReleaseWork)) == 1
    seq = world.conversation.seq
    for did in ("ended", "answered", "unanswered"):
        became(world, did, agent="hanako")
    assert world.conversation.seq == seq and call(world).state == "ended"


def test_a_caller_whom_nobody_answered_is_missed() -> None:
    world = called()
    became(world, "ended", duration_s=70)
    assert (call(world).state, call(world).duration_s) == ("missed", 70)
    assert (world.conversation.status, world.conversation.tags) == ("resolved", ("missed_call",))


def test_what_was_left_gets_its_words_and_keeps_the_rest() -> None:
    world = called()
    arrive(world, "RE1", Call("voicemail", 7))
    tell(world, InboundCall("RE1", CALLER, "transcribed", transcript="届いていません"))
    assert world.messages()[-1].parts == (Call("voicemail", 7, transcript="届いていません"),)


def test_a_call_that_nobody_knows_is_nothing() -> None:
    world = called()
    tell(world, InboundCall("CA9", CALLER, "ended"))
    assert world.conversation.status == "open"


# -- instead of waiting -----------------------------------------------------------------------------------------------


def test_words_and_what_follows_are_one_message() -> None:
    world = called()
    world.ask(WorkDiverted(conversation=world.conversation.id, to="voicemail", queue="default"))
    ((words, after),) = on_the_line(world)
    assert isinstance(words, Text) and after == Call("voicemail")


def test_while_a_telephone_rings_nothing_is_said() -> None:
    world = called()
    news = NotifyCustomer(conversation=world.conversation.id, text="position", values={"position": "1"})
    world.ask(news)
    offer(world)
    world.ask(news)
    assert [type(each[0]) for each in on_the_line(world)] == [Text, Call]


def test_a_call_back_is_asked_for_by_key_keeps_the_place_and_calls_both() -> None:
    world = called()
    arrive(world, "CA1.key.1", Postback("callback"))
    ((words, after),) = on_the_line(world)
    assert isinstance(words, Text) and after == Call("ended")
    became(world, "ended")
    now = world.conversation
    assert (now.status, now.diverted, call(world).state) == ("open", "callback", "missed")
    offer(world)
    (ringing,) = on_the_line(world)[-1]
    assert isinstance(ringing, Call) and ringing.fresh and ringing.to == PHONE
    became(world, "answered", agent="hanako")
    assign(world)
    became(world, "ended", agent="hanako", duration_s=61)
    assert world.conversation.status == "resolved"


def test_a_call_back_that_is_over_at_once_is_done_too() -> None:
    """Before dispatch has said whose it is."""
    world = called()
    arrive(world, "CA1.key.1", Postback("callback"))
    became(world, "ended")
    offer(world)
    became(world, "answered", agent="hanako")
    became(world, "ended", agent="hanako", duration_s=1)
    assert world.conversation.status == "resolved"
    assert [type(each) for each in world.told((AcceptOffer, ReleaseWork))] == [AcceptOffer, ReleaseWork]


def test_a_call_back_goes_where_they_want_it() -> None:
    world = called()
    world.ask(RequestCallback(conversation=world.conversation.id, address="+81312345678"))
    became(world, "ended")
    offer(world)
    assert world.messages()[-1].address == "+81312345678"


# -- the menu ---------------------------------------------------------------------------------------------------------


def test_what_was_chosen_is_an_attribute_from_the_start() -> None:
    world = called(Call("waiting"), Postback("orders"), attributes={"menu": "orders"})
    (asked,) = world.told(RequestAgent)
    assert asked.facts.attributes == world.conversation.attributes == {"menu": "orders"}
    assert "conversation.tagged" in world.story()


@pytest.mark.parametrize("agent", [None, "hanako"])
def test_what_is_chosen_later_is_told_while_it_waits(agent: str | None) -> None:
    world = called()
    if agent is not None:
        assign(world, agent)
    arrive(world, "CA1.key.1", Text("急ぎ"), attributes={"menu": "urgent"})
    assert world.conversation.attributes == {"menu": "urgent"}
    assert len(world.told(RequestAgent)) == (2 if agent is None else 1)
