"""What a policy means for conversations."""

from __future__ import annotations

from contracts.agent import Agent
from contracts.policy import Calendar, Policy, Queue, Sla
from contracts.terms import Care, Terms
from router.domain.terms import terms_of

OFFICE, NIGHT, SPARE = Calendar("Asia/Tokyo", {}), Calendar("UTC", {}), Calendar("Europe/Berlin", {})
GOLD = Sla(first_response_s=60, hours="night")


def test_only_what_conversations_need() -> None:
    policy = Policy(
        queues=(
            Queue("default"),
            Queue("chat", titles={"ja": "窓口"}, idle_after_s=600, unanswered_s=300, hours="office"),
            Queue("mail", unanswered_s=60, unanswered="escalate", escalate="chat"),
            Queue("closed", hours="spare"),
        ),
        calendars={"office": OFFICE, "night": NIGHT, "spare": SPARE},
        slas={"gold": GOLD},
        texts={"closed": {"en": "We are closed."}},
    )
    agents = [Agent("taro", "Taro"), Agent("z", "Zed", kind="bot"), Agent("b", "Bee", kind="bot", enabled=False)]
    assert terms_of(policy, 7, agents) == Terms(
        number=7,
        slas={"gold": GOLD},
        calendars={"office": OFFICE, "night": NIGHT},
        care={"chat": Care(600, 300, "reassign", None, "office"), "mail": Care(None, 60, "escalate", "chat", None)},
        texts={"closed": {"en": "We are closed."}},
        titles={"chat": {"ja": "窓口"}},
        bots=("b", "z"),
    )


def test_the_plain_policy_means_nothing() -> None:
    assert terms_of(Policy(), 0, [Agent("taro", "Taro")]) == Terms()
