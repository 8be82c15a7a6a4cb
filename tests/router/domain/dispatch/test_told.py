"""Conversation shards are told what the policy means for them, when it changes and not otherwise."""

from __future__ import annotations

from contracts.agent import Agent
from contracts.commands import DeclarePresence, PublishPolicy, PutAgent, PutTerms, RemoveAgent
from contracts.policy import Policy, Queue, Sla
from contracts.streams import DISPATCH
from router.domain.dispatch.tables import TOLD
from tests.router.domain.dispatch.floor import Floor

POLICY = Policy(queues=(Queue("default", sla="gold"),), slas={"gold": Sla(first_response_s=60)})


def told(floor: Floor) -> list[tuple[str, PutTerms]]:
    found = [(shard, each) for shard, each in floor.store.undelivered if isinstance(each, PutTerms)]
    floor.store.undelivered.clear()
    return found


def test_every_shard_is_told_once_for_each_publication() -> None:
    floor = Floor(POLICY)
    first = told(floor)
    assert [shard for shard, _ in first] == ["c:00", "c:01", "c:02", "c:03"]
    assert {command.terms.number for _, command in first} == {1} and first[0][1].terms.slas == POLICY.slas
    assert floor.do(PublishPolicy(policy=POLICY)) is None
    assert told(floor) == []
    assert floor.do(PublishPolicy(policy=Policy(queues=(Queue("default", idle_after_s=60),)))) is None
    assert [command.terms.number for _, command in told(floor)] == [2, 2, 2, 2]


def test_bots_are_told_of_and_people_are_not() -> None:
    floor = Floor(POLICY)
    told(floor)
    floor.do(PutAgent(agent=Agent("taro", "Taro")))
    floor.do(DeclarePresence(agent="taro", declared="online"))
    assert told(floor) == []
    floor.do(PutAgent(agent=Agent("bot", "Bot", kind="bot")))
    assert [command.terms.bots for _, command in told(floor)] == [("bot",)] * 4
    floor.do(PutAgent(agent=Agent("bot", "Better bot", kind="bot")))
    assert told(floor) == []
    floor.do(PutAgent(agent=Agent("taro", "Taro", kind="bot")))
    floor.do(RemoveAgent(agent="bot"))
    floor.do(PutAgent(agent=Agent("taro", "Taro")))
    floor.do(RemoveAgent(agent="taro"))
    assert [command.terms.bots for _, command in told(floor)[::4]] == [("bot", "taro"), ("taro",), ()]


def test_a_new_owner_tells_only_if_nobody_told_them_yet() -> None:
    floor = Floor(POLICY)
    told(floor)
    floor.store.restart(DISPATCH)
    floor.do(PutAgent(agent=Agent("taro", "Taro")))
    assert told(floor) == []
    floor.store[DISPATCH].state[TOLD.name].clear()  # as a store was before there were terms
    floor.store.restart(DISPATCH)
    floor.do(PutAgent(agent=Agent("jiro", "Jiro")))
    assert len(told(floor)) == 4
    floor.do(PutAgent(agent=Agent("jiro", "Jiro 2")))
    assert told(floor) == []


def test_the_plain_policy_of_a_new_store_needs_no_telling() -> None:
    floor = Floor()
    floor.do(PutAgent(agent=Agent("taro", "Taro")))
    assert told(floor) == []
