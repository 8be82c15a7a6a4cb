"""What becomes of work as the rules classify it."""

from __future__ import annotations

from contracts.commands import TagConversation, WorkClassified
from contracts.policy import Match, Policy, Queue, Rule, Sla
from tests.router.domain.dispatch.floor import Floor

RULES = (
    Rule("vip", Match(tags=("vip",)), priority=50, tags=("vip-care",)),
    Rule("money", Match(words=("invoice",)), queue="billing", tags=("money",)),
)


def test_the_conversation_is_told_its_tags_once() -> None:
    floor = Floor(Policy(queues=(Queue("default"), Queue("billing")), rules=RULES))
    floor.ask(1, text="invoice")
    assert [command.add for command in floor.told(TagConversation)] == [("money",)]
    floor.ask(1, text="invoice", tags=("vip",))
    assert [command.add for command in floor.told(TagConversation)] == [("vip-care",)]
    assert floor.work(1).queue == "billing"
    assert floor.work(1).priority == 50


def test_the_conversation_is_told_what_is_promised_whenever_that_is_new() -> None:
    queues, slas = (Queue("default"), Queue("billing", sla="quick")), {"quick": Sla(60), "slow": Sla(600)}
    floor = Floor(Policy(queues=queues, rules=RULES, slas=slas))
    floor.ask(1, text="hello")
    assert floor.told(WorkClassified) == []
    floor.ask(1, text="invoice")
    assert [(told.queue, told.sla) for told in floor.told(WorkClassified)] == [("billing", "quick")]
    floor.ask(1, tags=("vip",))
    assert floor.told(WorkClassified) == []
    floor.publish(Policy(version="2", queues=(Queue("default"), Queue("billing", sla="slow")), rules=RULES, slas=slas))
    assert [told.sla for told in floor.told(WorkClassified)] == ["slow"]
    floor.ask(1, trigger="transferred", queue="default")
    assert [(told.queue, told.sla) for told in floor.told(WorkClassified)] == [("default", None)]
    floor.ask(2, text="invoice")
    assert [told.sla for told in floor.told(WorkClassified)] == ["slow"]


def test_the_text_is_kept_as_long_as_the_rules_may_be_asked_again() -> None:
    floor = Floor(Policy(queues=(Queue("default", auto_accept=True),)))
    floor.agent("ann")
    floor.ask(1, text="my secret invoice")
    assert "secret" not in repr(floor.work(1))
    floor.publish(Policy(version="2", queues=(Queue("default"), Queue("billing")), rules=RULES))
    assert (floor.work(1).queue, floor.holder(1)) == ("default", ("assigned", "ann"))
    floor.declare("ann", "offline")
    assert (floor.work(1).queue, floor.holder(1)) == ("billing", ("waiting", None))
    assert [command.add for command in floor.told(TagConversation)] == [("money",)]


def test_a_transfer_without_a_text_does_not_forget_it() -> None:
    floor = Floor(Policy(queues=(Queue("default"), Queue("billing")), rules=RULES))
    floor.ask(1, text="invoice")
    floor.ask(1, trigger="transferred", queue="default")
    assert floor.work(1).facts.text == "invoice"
