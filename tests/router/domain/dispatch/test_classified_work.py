"""What becomes of work as the rules classify it."""

from __future__ import annotations

from contracts.commands import TagConversation
from contracts.policy import Match, Policy, Queue, Rule
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


def test_the_text_is_kept_no_longer_than_the_rules_may_be_asked() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.ask(1, text="my secret words")
    assert floor.work(1).facts.text == "my secret words"
    assert "secret" not in repr(floor.work(1))
    floor.accept(1, "ann")
    assert floor.work(1).facts.text == ""
