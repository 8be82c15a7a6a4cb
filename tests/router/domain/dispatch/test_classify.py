"""The policy's rules, asked in order."""

from __future__ import annotations

import pytest

from contracts.commands import Facts, TagConversation
from contracts.policy import Match, Policy, Queue, Rule
from router.domain.dispatch.classify import Classified, Classifier
from tests.router.domain.dispatch.floor import Floor

RULES = (
    Rule("vip", Match(tags=("vip",)), priority=50, tags=("vip-care",)),
    Rule("money", Match(words=("ＩＮＶＯＩＣＥ", "請求", "straße")), queue="billing", tags=("money",)),
    Rule("japanese shop", Match(accounts=("shop",), languages=("ja",)), queue="sales-ja", priority=10),
    Rule("shop", Match(accounts=("shop", "store"), channels=("line", "webchat")), queue="sales"),
    Rule("low", Match(channels=("email",)), priority=-5),
    Rule("mail", Match(channels=("email",)), queue="mail"),
)


def facts(**how: object) -> Facts:
    plain: dict[str, object] = {"channel": "webchat", "account": "site", "channel_class": "chat", "contact": "ct_01_a"}
    return Facts(**{**plain, **how})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, (None, None, 0, ())),
        ({"text": "About my Invoice"}, ("billing", "money", 0, ("money",))),
        ({"text": "ｉｎｖｏｉｃｅ"}, ("billing", "money", 0, ("money",))),
        ({"text": "今月の請求書について"}, ("billing", "money", 0, ("money",))),
        ({"text": "STRASSE 5"}, ("billing", "money", 0, ("money",))),
        ({"text": "invoices", "tags": ("vip",)}, ("billing", "money", 50, ("vip-care", "money"))),
        ({"tags": ("vip", "old")}, (None, None, 50, ("vip-care",))),
        ({"account": "shop", "language": "ja-JP"}, ("sales-ja", "japanese shop", 10, ())),
        ({"account": "shop", "language": "JA"}, ("sales-ja", "japanese shop", 10, ())),
        ({"account": "shop", "language": "jav"}, ("sales", "shop", 0, ())),
        ({"account": "shop"}, ("sales", "shop", 0, ())),
        ({"account": "store", "channel": "line"}, ("sales", "shop", 0, ())),
        ({"account": "store", "channel": "sms"}, (None, None, 0, ())),
        ({"channel": "email"}, ("mail", "mail", -5, ())),
        ({"channel": "email", "priority": 7}, ("mail", "mail", 7, ())),
        ({"channel": "email", "priority": 0}, ("mail", "mail", 0, ())),
    ],
)
def test_rules_in_order(given: dict[str, object], said: tuple[object, ...]) -> None:
    assert Classifier(Policy(rules=RULES)).classify(facts(**given)) == Classified(*said)  # type: ignore[arg-type]


def test_the_conversation_is_told_its_tags_once() -> None:
    floor = Floor(Policy(queues=(Queue("default"), Queue("billing")), rules=(RULES[0], RULES[1])))
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
