"""An answer that cannot be said is refused at once, and names the ways that can; pieces of a message keep their ids."""

from __future__ import annotations

from datetime import timedelta

from contracts.commands import DeliveryReported
from contracts.content import Text
from contracts.inbound import InboundReceipt, Sender
from contracts.message import Problem
from contracts.reply import Way
from router.domain.conversation.rules import ConversationRules
from tests.router.domain.conversation.world import KEY, World
from tests.router.domain.reply.test_judge import FACTS

RULES = ConversationRules(handover_key=KEY, reply=FACTS)
AWAY = Problem("unreachable", "away", True)


def world_of(channel: str = "whatsapp") -> World:
    world = World(rules=RULES)
    world.write("taro", channel=channel)
    world.assign(world.conversation.id, "a")
    return world


def test_in_the_window_it_is_sent_and_after_it_refused_with_alternatives() -> None:
    world = world_of()
    conversation = world.conversation
    world.link(conversation.contact, "taro@example.jp", "email")
    assert world.messages()[-1].id != world.answer(conversation.id)
    world.store.now_ms += 25 * 3_600_000
    world.answer(conversation.id, **{"id": "cm_late"})
    problem = world.store.outcome("cm_late").problem
    assert problem is not None and problem.kind == "window_closed"
    assert problem.alternatives == ("email:email:taro@example.jp",)
    world.answer(conversation.id, channel="email", **{"id": "cm_mail"})
    assert world.store.outcome("cm_mail").problem is None


def test_a_way_that_the_customer_never_used_has_no_window() -> None:
    world = world_of("email")
    conversation = world.conversation
    world.ask()
    world.link(conversation.contact, "taro-wa", "whatsapp")
    world.answer(conversation.id, channel="whatsapp", **{"id": "cm_1"})
    problem = world.store.outcome("cm_1").problem
    assert problem is not None and problem.kind == "window_closed" and problem.alternatives[0].startswith("email:")


def test_the_context_tells_the_ways() -> None:
    world = world_of()
    (assigned,) = [each for each in world.store.events() if each.__struct_config__.tag == "conversation.assigned"]
    (way,) = assigned.context.ways
    assert isinstance(way, Way) and (way.channel, way.state) == ("whatsapp", "open")
    assert way.window_ends_at is not None and way.window_ends_at - assigned.at > timedelta(hours=23)


def report(world: World, id: str, attempt: int, result: str, *ids: str, parts: int = 0) -> None:
    problem = None if result in ("sent", "sending") else AWAY
    world.ask(
        DeliveryReported(
            conversation=world.conversation.id,
            message=id,
            attempt=attempt,
            result=result,  # type: ignore[arg-type]
            provider_ids=ids,
            problem=problem,
            sent_parts=parts,
        )
    )


def receipt(world: World, provider_id: str, state: str) -> None:
    world.arrive(InboundReceipt(sender=Sender("taro"), provider_id=provider_id, state=state), "whatsapp")


def test_every_piece_of_a_message_in_two_attempts_is_known() -> None:
    world = world_of()
    id = world.answer(world.conversation.id)
    report(world, id, 1, "sending")
    assert world.messages()[-1].state == "sending"
    report(world, id, 1, "retry", "out-1", "out-2", parts=2)
    receipt(world, "out-1", "delivered")
    assert world.messages()[-1].state == "sending"
    report(world, id, 2, "sent", "out-3", parts=3)
    message = world.messages()[-1]
    assert (message.provider_id, message.state) == ("out-1", "delivered")
    receipt(world, "out-2", "read")
    assert world.messages()[-1].state == "read"
    assert [kind for kind in world.story() if kind.startswith("message.")][1:] == [
        "message.queued", "message.sending", "message.sent", "message.delivered", "message.read",
    ]  # fmt: skip
    world.check()


def test_a_receipt_of_a_piece_does_not_hide_that_the_rest_failed() -> None:
    world = world_of()
    id = world.answer(world.conversation.id)
    report(world, id, 1, "retry", "out-1", parts=1)
    receipt(world, "out-1", "sent")
    report(world, id, 2, "failed", parts=1)
    assert world.messages()[-1].state == "failed" and world.messages()[-1].provider_id == "out-1"


def test_bulk_is_flagged() -> None:
    world = world_of()
    world.answer(world.conversation.id, bulk=True)
    assert world.messages()[-1].flags == ("bulk",) and world.messages()[-1].parts == (Text("hi"),)
