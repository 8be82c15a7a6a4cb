"""Answers: who may, which way they take, one at a time, and what became of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.codec import moment
from contracts.commands import AddNote, DeliveryReported
from contracts.content import Text
from contracts.events import CommandDone, Event
from contracts.identity import ReplyContext
from contracts.inbound import InboundIdentity, InboundReceipt, Sender
from contracts.message import Problem
from router.domain.conversation.tables import DELIVER
from router.domain.effects import Deliver
from tests.router.domain.conversation.world import World

LOST = Problem("unreachable", "away", True)


def begun() -> World:
    world = World()
    world.write("taro", reply=ReplyContext(token="t1"))
    world.assign(world.conversation.id, "a")
    return world


def refusal(world: World, id: str) -> str | None:
    problem = world.store.outcome(id).problem
    return problem.kind if problem is not None else None


def test_an_answer_is_queued_sent_and_names_the_provider_id() -> None:
    world = begun()
    conversation = world.conversation.id
    id = world.answer(conversation, message="ms_1", **{"id": "cm_1"})
    assert world.conversation.waiting_since is None and world.conversation.first_response_at is not None
    (effect,) = world.deliver()
    assert (effect.message, effect.attempt) == (id, 1)
    message = world.messages(conversation)[-1]
    assert (message.state, message.provider_id, message.command) == ("sent", "out-ms_1", "cm_1")
    assert world.story()[-2:] == ["message.queued", "message.sent"]
    assert world.store.rows(DELIVER) == {} and world.conversation.sending == ()
    done = world.store.events(kind=CommandDone)[-1]
    assert done.result == {"message": "ms_1"}
    world.check()


def test_the_same_message_id_is_one_message() -> None:
    world = begun()
    for _ in range(2):
        world.answer(world.conversation.id, message="ms_1")
    assert world.conversation.messages == 2 and len(world.store.effects(Deliver)) == 1


def test_answers_leave_one_after_the_other() -> None:
    world = begun()
    ids = [world.answer(world.conversation.id, str(number)) for number in range(4)]
    left: list[str] = []
    while sent := world.deliver("failed" if len(left) == 1 else "sent", problem=LOST):
        assert len(sent) == 1
        left.append(sent[0].message)
    assert left == ids and world.conversation.sending == ()
    assert [each.state for each in world.messages()[1:]] == ["sent", "failed", "sent", "sent"]
    world.check()


def test_a_retry_waits_its_time_and_survives_a_restart() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    at = moment(world.store.now_ms + 5000)
    world.deliver("retry", retry_at=at, problem=LOST, sent_parts=1)
    assert world.store.rows(DELIVER)[id].done_pieces == 1
    (again,) = world.store.restart()
    assert isinstance(again, Deliver) and again.attempt == 2 and again.ready_ms == world.store.now_ms + 5000
    world.store.advance(ms=4999)
    assert world.store.effects(Deliver) == []
    world.store.advance(ms=1)
    assert [effect.attempt for effect in world.deliver()] == [2]
    assert world.messages()[-1].state == "sent" and world.messages()[-1].attempts == 2
    world.check()


def test_a_report_of_an_attempt_that_is_over_is_ignored() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    world.deliver("retry", retry_at=moment(world.store.now_ms), problem=LOST)
    world.ask(DeliveryReported(conversation=world.conversation.id, message=id, attempt=1, result="failed"))
    assert world.messages()[-1].state == "queued"


def test_uncertain_is_never_sent_again_and_a_late_receipt_settles_it() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    world.deliver("uncertain")
    assert world.messages()[-1].state == "uncertain"
    assert world.store.restart() == [] and world.store.effects(Deliver) == []
    world.arrive(InboundReceipt(Sender("taro"), "delivered", message=id))
    assert world.messages()[-1].state == "delivered"


def test_a_failure_lets_the_customer_wait_on() -> None:
    world = begun()
    world.answer(world.conversation.id)
    world.deliver("failed", problem=LOST)
    assert world.conversation.waiting_since is not None


def test_a_used_reply_token_is_gone_but_not_a_newer_one() -> None:
    world = begun()
    world.answer(world.conversation.id)
    world.deliver(used_token=True)
    reply = world.conversation.reaches[0].reply
    assert reply is not None and reply.token is None
    world.answer(world.conversation.id)
    world.store.advance(seconds=1)
    world.write("taro", reply=ReplyContext(token="t2"))
    world.deliver(used_token=True)
    reply = world.conversation.reaches[0].reply
    assert reply is not None and reply.token == "t2"


@pytest.mark.parametrize(("by", "refused"), [("agent:b", True), ("agent:a", False), ("token:boss", False)])
def test_only_the_agent_who_has_it_or_a_supervisor_answers(by: str, refused: bool) -> None:
    world = begun()
    world.answer(world.conversation.id, by=by, **{"id": "cm_1"})
    assert (refusal(world, "cm_1") == "conflict") is refused


def test_refusals() -> None:
    world = begun()
    conversation = world.conversation.id
    world.answer(conversation, channel="email", **{"id": "no way"})
    world.answer(conversation, address="mallory", **{"id": "not theirs"})
    world.arrive(InboundIdentity(Sender("taro"), reachable=False, reason="blocked"))
    world.answer(conversation, **{"id": "blocked"})
    world.status(conversation, "resolved")
    world.status(conversation, "closed")
    world.answer(conversation, **{"id": "closed"})
    kinds = [refusal(world, id) for id in ("no way", "not theirs", "blocked", "closed")]
    assert kinds == ["no_way", "no_way", "opted_out", "conflict"]
    assert world.conversation.messages == 1
    world.check()


def test_who_blocked_us_and_writes_again_is_reachable() -> None:
    world = begun()
    world.arrive(InboundIdentity(Sender("taro"), reachable=False))
    assert not world.contact.identities[0].reachable
    world.write("taro")
    assert world.contact.identities[0].reachable


def test_a_note_is_written_and_never_sent() -> None:
    world = begun()
    command = AddNote(conversation=world.conversation.id, message="ms_n", parts=(Text("careful"),), by="agent:b")
    world.ask(command, command)
    assert world.messages()[-1].direction == "note" and world.conversation.messages == 2
    assert world.store.effects(Deliver) == [] and world.story()[-1] == "message.noted"


# -- receipts --------------------------------------------------------------------------------------------------------


def receipt(world: World, state: str, **more: object) -> None:
    world.arrive(InboundReceipt(Sender("taro"), state, **more))  # type: ignore[arg-type]


def states(world: World) -> list[str]:
    return [
        event.state for event in world.store.events(kind=Event) if hasattr(event, "state") and hasattr(event, "attempt")
    ]


def test_receipts_only_move_forward() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    world.deliver()
    for state in ("delivered", "sent", "read", "delivered", "failed", "read"):
        receipt(world, state, provider_id=f"out-{id}")
    assert world.messages()[-1].state == "read"
    assert states(world) == ["sent", "delivered", "read"]
    world.check()


def test_a_bounce_after_sending_is_a_failure_with_its_reason() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    world.deliver()
    receipt(world, "failed", provider_id=f"out-{id}", code="5.1.1", reason="no such user")
    message = world.messages()[-1]
    assert message.state == "failed" and message.problem is not None and message.problem.code == "5.1.1"


def test_receipts_that_overtake_the_report_of_sending_are_not_lost() -> None:
    world = begun()
    id = world.answer(world.conversation.id)
    receipt(world, "read", provider_id=f"out-{id}")
    receipt(world, "delivered", provider_id=f"out-{id}")
    assert world.messages()[-1].state == "queued"
    world.deliver()
    assert world.messages()[-1].state == "read" and states(world)[-1] == "read"
    world.check()


def test_a_read_mark_covers_everything_sent_to_that_identity_until_then() -> None:
    world = begun()
    for _ in range(3):
        world.answer(world.conversation.id)
        world.deliver()
        world.store.advance(seconds=10)
    world.answer(world.conversation.id)
    upto = world.messages()[2].at + timedelta(seconds=1)
    receipt(world, "read", upto=upto)
    assert [each.state for each in world.messages()[1:]] == ["read", "read", "sent", "queued"]
    world.check()


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("settled", [False, True])
def test_a_receipt_with_both_ids_tells_what_the_provider_calls_a_message_whose_answer_was_lost(
    early: bool, settled: bool
) -> None:
    world = begun()
    id = world.answer(world.conversation.id, message="ms_1")
    if settled:
        world.deliver("uncertain")
    events = [
        InboundReceipt(Sender("taro"), "sent", provider_id="mid.1", message="ms_1.0"),
        InboundReceipt(Sender("taro"), "delivered", provider_id="mid.1"),
    ]
    for event in reversed(events) if early else events:
        world.arrive(event)
    if not settled:
        world.deliver("uncertain")
    assert [each.state for each in world.messages(world.conversation.id) if each.id == id] == ["delivered"]
    world.check()
