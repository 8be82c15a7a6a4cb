"""Skills with levels: required and wished, most and nearest, less asked for with time, and agents who learn."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.codec import moment
from contracts.policy import Match, Need, Policy, Queue, Relax, Rule
from router.domain.dispatch.skill import gathered, rank, relaxed_needs
from tests.router.domain.dispatch.floor import Floor


def asking(*skills: Need, relax: tuple[Relax, ...] = (), **queue: Any) -> Floor:
    """A floor whose work all asks for this."""
    queues = (Queue("default", auto_accept=True, **queue), Queue("other", auto_accept=True))
    return Floor(Policy(queues=queues, rules=(Rule("all", Match(), "default", skills=skills, relax=relax),)))


def test_nobody_below_a_required_level() -> None:
    floor = asking(Need("ja", 3))
    floor.agent("ann", skills={"ja": 2})
    floor.agent("bob", skills={"en": 5})
    floor.ask(1)
    assert floor.holder(1) == ("waiting", None)
    assert floor.decision().counts == {"lacks_skill": 2}
    assert floor.decision().skills == (Need("ja", 3),)
    assert [(c.agent, c.ruled_out) for c in floor.decision().considered] == [
        ("ann", "lacks_skill"),
        ("bob", "lacks_skill"),
    ]


@pytest.mark.parametrize(
    ("needs", "proficiency", "expected"),
    [
        ((Need("ja", 2, required=False),), "any", ["cy", "ann", "bob"]),
        ((Need("ja", 2),), "most", ["cy", "dee"]),
        ((Need("ja", 2),), "nearest", ["dee", "cy"]),
        ((Need("ja", 2), Need("vip", 1, required=False)), "nearest", ["cy", "dee"]),
        ((Need("ja", 2, required=False), Need("vip", 1, required=False)), "any", ["cy", "bob", "dee", "ann"]),
    ],
)
def test_who_comes_first(needs: tuple[Need, ...], proficiency: Any, expected: list[str]) -> None:
    """Longest idle: ann, then bob, cy, dee."""
    floor = asking(*needs, proficiency=proficiency)
    skills = {"ann": {}, "bob": {"vip": 1}, "cy": {"ja": 5, "vip": 1}, "dee": {"ja": 2}}
    for name, own in skills.items():
        if name != "dee" or len(expected) != 3:
            floor.agent(name, skills=own, capacity=20)
        floor.wait(1)
    given = []
    for number in range(len(expected)):
        floor.ask(number)
        given.append(floor.holder(number)[1])
    assert given == expected


def test_the_reason_names_the_skill() -> None:
    for proficiency, reason in (("most", "most_proficient"), ("nearest", "nearest_skilled"), ("any", "longest_idle")):
        floor = asking(Need("ja"), proficiency=proficiency)
        floor.agent("ann", skills={"ja": 1})
        floor.ask(1)
        assert floor.decision().reason == reason


def test_it_relaxes_step_by_step_and_stays_so() -> None:
    steps = (Relax(10, levels={"ja": 3}), Relax(20, drop=("vip",)), Relax(30, drop=("*",), queues=("other",)))
    floor = asking(Need("ja", 5), Need("vip"), relax=steps)
    floor.agent("ann", skills={"ja": 4}, capacity=20)
    floor.agent("bob", "other", capacity=20)
    floor.ask(1)
    floor.wait(19)
    assert floor.holder(1) == ("waiting", None)
    assert floor.decision().relaxed == 1 and floor.decision().skills == (Need("ja", 3), Need("vip"))
    floor.wait(1)
    assert floor.holder(1) == ("assigned", "ann")
    assert (floor.decision().trigger, floor.decision().relaxed) == ("relaxed", 2)
    floor.ask(2)
    floor.wait(30)
    assert floor.holder(2) == ("assigned", "bob")
    assert floor.decision().counts == {"eligible": 1, "no_capacity": 1}


def test_work_that_is_old_when_it_comes_asks_for_less_at_once() -> None:
    floor = asking(Need("ja"), relax=(Relax(10, drop=("ja",)),))
    floor.agent("ann")
    from_then = floor.store.now_ms - 10_000
    floor.ask(1, since=moment(from_then))
    assert floor.holder(1) == ("assigned", "ann")


def test_an_agent_of_a_wider_queue_is_served_with_the_oldest_of_all() -> None:
    floor = asking(Need("ja"), relax=(Relax(5, queues=("other",)),))
    floor.ask(1)
    floor.wait(1)
    floor.ask(2, queue="other")
    floor.wait(10)
    floor.agent("bob", "other", skills={"ja": 1}, capacity=20)
    assert floor.holder(1) == ("assigned", "bob")
    floor.release(1)
    assert floor.holder(2) == ("assigned", "bob")


def test_who_learns_gets_what_waits_at_once_and_who_forgets_keeps_what_they_have() -> None:
    floor = asking(Need("ja"))
    floor.agent("ann")
    floor.ask(1)
    floor.agent("ann", here=False, skills={"ja": 1})
    assert floor.holder(1) == ("assigned", "ann")
    floor.agent("ann", here=False)
    floor.ask(2)
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.holder(2) == ("waiting", None)


def test_a_handoff_names_skills_beside_those_of_the_rules() -> None:
    floor = asking(Need("ja", 2))
    floor.agent("ann", skills={"ja": 5})
    floor.agent("bob", skills={"ja": 3, "vip": 1})
    floor.ask(1)
    assert floor.holder(1) == ("assigned", "ann")
    floor.ask(1, trigger="transferred", queue="default", skills=(Need("vip"), Need("ja", 3, required=False)))
    assert floor.holder(1) == ("assigned", "bob")
    assert floor.decision().skills == (Need("ja", 3), Need("vip"))


def test_teams_serve_queues_that_name_them() -> None:
    floor = Floor(Policy(queues=(Queue("default", auto_accept=True, teams=("blue",)),)))
    floor.agent("ann", "elsewhere", teams=("red", "blue"))
    floor.agent("bob", "elsewhere", teams=("red",))
    floor.ask(1)
    assert floor.holder(1) == ("assigned", "ann")
    assert floor.decision().counts == {"eligible": 1, "not_in_queue": 1}
    floor.agent("bob", "elsewhere", here=False, teams=("blue",))
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("assigned", "bob")


def test_each_skill_is_asked_once_at_its_highest() -> None:
    together = gathered((Need("b", 2), Need("a", 1, required=False)), (Need("b", 4, required=False), Need("a", 1)))
    assert together == (Need("a", 1), Need("b", 4))


@pytest.mark.parametrize(
    ("skills", "proficiency", "expected"),
    [
        ({"a": 3, "b": 1}, "nearest", 1),
        ({"a": 2, "b": 5}, "most", -7),
        ({"a": 5}, "any", 10_000),
        ({"a": 5}, "nearest", 10_003),
    ],
)
def test_rank(skills: dict[str, int], proficiency: Any, expected: int) -> None:
    assert rank(skills, (Need("a", 2), Need("b", 1, required=False)), proficiency) == expected


def test_a_step_never_asks_for_more() -> None:
    assert relaxed_needs((Need("a", 2),), [Relax(1, levels={"a": 4, "unknown": 1})]) == (Need("a", 2),)


def test_who_was_answered_and_passed_on_is_asked_for_in_full_again() -> None:
    floor = asking(Need("ja", 5), relax=(Relax(10, levels={"ja": 1}),))
    floor.agent("ann", skills={"ja": 5})
    floor.agent("bob", skills={"ja": 1})
    floor.ask(1)
    age = floor.work(1).line_key
    floor.wait(60)
    floor.declare("ann", "away")
    floor.ask(1, trigger="transferred")
    assert floor.holder(1) == ("waiting", None)
    assert floor.work(1).needs == (Need("ja", 5),) and floor.decision().waited_s == 0
    assert floor.work(1).line_key == age, "the place in line is the original one"
    floor.wait(10)
    assert floor.holder(1) == ("assigned", "bob")
    assert floor.decision().waited_s == 10


def test_who_was_not_answered_keeps_the_steps_of_the_whole_wait() -> None:
    floor = asking(Need("ja", 5), relax=(Relax(10, levels={"ja": 1}),))
    floor.agent("ann", skills={"ja": 5})
    floor.agent("bob", skills={"ja": 1})
    began = moment(floor.store.now_ms)
    floor.ask(1)
    floor.wait(60)
    floor.declare("ann", "away")
    floor.ask(1, began, trigger="unanswered", exclude=("ann",))
    assert floor.holder(1) == ("assigned", "bob")
    assert floor.decision().waited_s == 60


def test_what_comes_back_from_an_agent_waits_anew_and_declines_change_nothing() -> None:
    floor = Floor(
        Policy(
            queues=(Queue("default"),),
            rules=(Rule("all", Match(), "default", skills=(Need("ja", 2),), relax=(Relax(10, drop=("*",)),)),),
        )
    )
    floor.agent("ann", skills={"ja": 2})
    floor.ask(1)
    floor.wait(8)
    floor.decline(1, "ann")
    assert floor.decision().waited_s == 8 and floor.work(1).waits_since_ms == floor.work(1).waiting_since_ms
    floor.claim(1, "ann")
    floor.wait(100)
    floor.declare("ann", "offline")
    assert floor.holder(1) == ("waiting", None)
    assert (floor.decision().waited_s, floor.work(1).relaxed) == (0, 0)
