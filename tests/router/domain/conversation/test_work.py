"""Status, agents, transfers, labels and the context."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.codec import moment
from contracts.commands import (
    ReleaseWork,
    RequestAgent,
    SetPriority,
    TagConversation,
    Transfer,
    UpdateContact,
    WorkAssigned,
    WorkOffered,
    WorkReturned,
)
from contracts.decision import Decision
from contracts.events import (
    ConversationAssigned,
    ConversationOffered,
    ConversationQueued,
    ConversationTransferred,
    ConversationUnassigned,
)
from router.domain.conversation import ConversationRules
from tests.router.domain.conversation.world import KEY, World


def begun() -> tuple[World, str]:
    world = World()
    world.write("taro")
    return world, world.conversation.id


def decision(world: World, **more: object) -> Decision:
    at = moment(world.store.now_ms)
    return Decision("de_1", at, world.conversation.id, "waiting", "work_arrived", "default", "1", **more)  # type: ignore[arg-type]


def test_waiting_offered_assigned() -> None:
    world, id = begun()
    world.ask(WorkOffered(conversation=id, decision=decision(world, position=3), queue="default"))
    assert world.store.events(kind=ConversationQueued)[0].position == 3 and world.conversation.queue == "default"
    world.ask(WorkOffered(conversation=id, decision=decision(world), queue="default", agent="hanako"))
    (offer,) = world.store.events(kind=ConversationOffered)
    assert offer.agent == "hanako" and offer.context is not None and world.conversation.offered_to == "hanako"
    world.store.advance(seconds=7)
    world.ask(WorkAssigned(conversation=id, agent="hanako", queue="default", decision=decision(world)))
    (event,) = world.store.events(kind=ConversationAssigned)
    assert event.agent == world.conversation.agent == "hanako" and event.waited_ms == 7000
    assert world.conversation.offered_to is None and event.context.contact.id == world.contact.id
    assert world.contact.conversations[0].agent == "hanako"
    world.check()


def test_the_context_shows_all_channels_in_order_and_what_else_is_known() -> None:
    world = World()
    world.write("taro", "old 1")
    old = world.conversation.id
    world.assign(old, "jiro")
    world.status(old, "resolved")
    world.store.advance(seconds=4 * 86_400)
    world.link(world.contact.id, "t@x.jp", "email")
    for number in range(15):
        world.write("taro", f"new {number}")
        world.store.advance(ms=5)
    world.write("t@x.jp", "by mail", channel="email")
    new = world.conversations[-1].id
    world.ask(UpdateContact(contact=world.contact.id, tags=("vip",), attributes={"plan": "gold"}))
    world.ask(TagConversation(conversation=new, add=("parcel",), attributes={"order": "7"}))
    world.assign(new, "hanako")
    context = world.store.events(kind=ConversationAssigned)[-1].context
    words = [part.text for message in context.messages for part in message.parts if hasattr(part, "text")]
    assert words == ["old 1", *(f"new {number}" for number in range(15)), "by mail"]
    assert [ref.id for ref in context.others] == [old] and context.agents == ("jiro",)
    assert context.tags == ("vip", "parcel") and context.attributes == {"plan": "gold", "order": "7"}
    assert context.waiting_since == world.conversations[-1].opened_at
    world.check()


def test_the_context_has_at_most_twenty_messages_the_latest() -> None:
    world, id = begun()
    for number in range(40):
        world.write("taro", str(number))
    world.assign(id, "hanako")
    context = world.store.events(kind=ConversationAssigned)[-1].context
    assert [message.seq for message in context.messages] == list(range(23, 43))


def test_work_taken_back() -> None:
    world, id = begun()
    world.assign(id, "hanako")
    world.ask(WorkReturned(conversation=id, agent="somebody else", reason="left"))
    assert world.conversation.agent == "hanako"
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="left"))
    (event,) = world.store.events(kind=ConversationUnassigned)
    assert (event.agent, event.reason) == ("hanako", "left")
    assert world.conversation.agent is None and world.conversation.agents == ("hanako",)
    assert world.contact.agents == ("hanako",)
    world.check()


def test_resolving_frees_the_agent_and_reopening_asks_for_them_again() -> None:
    world, id = begun()
    world.assign(id, "hanako")
    world.status(id, "resolved", by="agent:hanako")
    assert [(each.conversation, each.reason) for each in world.told(ReleaseWork)] == [(id, "resolved")]
    assert world.conversation.agent is None and world.conversation.waiting_since is None
    world.status(id, "open", by="agent:hanako")
    assert world.told(RequestAgent)[-1].facts.previous_agent == "hanako"
    assert world.story()[-1] == "conversation.reopened"
    world.check()


def test_news_from_dispatch_that_crossed_a_release_is_ignored() -> None:
    world, id = begun()
    world.status(id, "resolved")
    before = world.conversation
    world.assign(id, "hanako")
    world.ask(WorkOffered(conversation=id, decision=decision(world), queue="default"))
    assert world.conversation == before


def test_resolved_conversations_close_by_themselves() -> None:
    world = World(rules=ConversationRules(handover_key=KEY, close_after_s=100))
    world.write("taro")
    world.status(world.conversation.id, "resolved")
    world.store.advance(seconds=50)
    world.write("taro")
    world.status(world.conversation.id, "resolved")
    world.store.advance(seconds=99)
    assert world.conversation.status == "resolved"
    world.store.advance(seconds=1)
    assert world.conversation.status == "closed"
    world.write("taro")
    assert len(world.conversations) == 2
    world.check()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("resolved", "waiting"), "conflict"),
        (("closed", "open"), "conflict"),
        (("snoozed",), "invalid"),
        (("resolved", "closed", "resolved"), "conflict"),
    ],
)
def test_statuses_that_cannot_be(path: tuple[str, ...], kind: str) -> None:
    world, id = begun()
    for number, status in enumerate(path):
        world.status(id, status, id=f"cm_{number}")
    problem = world.store.outcome(f"cm_{len(path) - 1}").problem
    assert problem is not None and problem.kind == kind


def test_a_snooze_ends_at_its_time_and_not_when_moved() -> None:
    world, id = begun()
    world.status(id, "snoozed", in_s=10)
    world.status(id, "snoozed", in_s=100)
    world.store.advance(seconds=50)
    assert world.conversation.status == "snoozed"
    world.status(id, "waiting")
    world.store.advance(seconds=100)
    assert world.conversation.status == "waiting" and world.conversation.snoozed_until is None
    world.check()


def test_status_indexes_follow() -> None:
    world, id = begun()
    world.store.advance(seconds=5)
    world.status(id, "waiting")
    indexes = {
        name: members for shard in world.store.shards.values() for name, members in shard.indexes.items() if members
    }
    assert indexes["status:waiting"] == {id: world.store.now_ms} and "status:open" not in indexes
    assert set(indexes["contacts"]) == {world.contact.id}


def test_a_transfer_to_a_queue_leaves_a_note_and_the_giver_out() -> None:
    world, id = begun()
    world.assign(id, "hanako")
    world.store.advance(seconds=5)
    world.ask(Transfer(conversation=id, queue="refunds", note="needs a refund", by="agent:hanako"))
    request = world.told(RequestAgent)[-1]
    assert (request.queue, request.exclude, request.trigger) == ("refunds", ("hanako",), "transferred")
    assert request.waiting_since == world.conversation.opened_at and request.facts.previous_agent is None
    assert world.conversation.agent is None and world.messages()[-1].direction == "note"
    assert len(world.store.events(kind=ConversationTransferred)) == 1
    assert world.told(ReleaseWork) == []
    world.ask(WorkReturned(conversation=id, agent="hanako", reason="transferred"))
    world.ask(Transfer(conversation=id, agent="jiro"), Transfer(conversation=id, id="cm_bad"))
    assert world.told(RequestAgent)[-1].agent == "jiro"
    assert world.store.outcome("cm_bad").problem is not None
    world.check()


def test_an_assignment_to_another_agent_unassigns_the_first() -> None:
    world, id = begun()
    world.assign(id, "hanako")
    world.assign(id, "hanako")
    world.assign(id, "jiro")
    tags = [tag for tag in world.story() if "assigned" in tag]
    assert tags == ["conversation.assigned", "conversation.unassigned", "conversation.assigned"]
    world.check()


def test_labels() -> None:
    world, id = begun()
    world.ask(TagConversation(conversation=id, add=("a", "b"), attributes={"x": "1", "y": "2"}))
    world.ask(TagConversation(conversation=id, add=("b",), remove=("a",), attributes={"x": None}))
    world.ask(TagConversation(conversation=id, add=("b",)))
    assert (world.conversation.tags, world.conversation.attributes) == (("b",), {"y": "2"})
    assert world.story().count("conversation.tagged") == 2
    world.ask(SetPriority(conversation=id, priority=5), SetPriority(conversation=id, priority=5))
    world.ask(
        SetPriority(conversation=id, priority=101, id="cm_p"),
        SetPriority(conversation="cv_00_x", priority=1, id="cm_q"),
    )
    assert world.conversation.priority == 5 and world.story().count("conversation.priority_changed") == 1
    assert [world.store.outcome(each).problem.kind for each in ("cm_p", "cm_q")] == ["invalid", "not_found"]  # type: ignore[union-attr]
    world.check()


def test_waiting_since_is_the_first_unanswered_message() -> None:
    world, id = begun()
    world.answer(id)
    assert world.conversation.waiting_since is None
    world.store.advance(seconds=5)
    world.write("taro")
    since = world.conversation.waiting_since
    world.store.advance(seconds=5)
    world.write("taro")
    assert world.conversation.waiting_since == since == world.conversation.opened_at + timedelta(seconds=5)
