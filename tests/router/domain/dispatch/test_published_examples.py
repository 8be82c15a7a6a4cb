"""What other products' public documents say of skills, capacity, order and relaxation, as far as we promise the same.

Each example names the page that it is from; numbers, names and outcomes are the page's, said in our words. Where a
page's levels go beyond 5 they are put on our scale, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.policy import ChannelClass, Match, Need, Policy, Queue, Relax, Rule
from tests.router.domain.dispatch.floor import Floor

AWS_PROFICIENCY = "https://docs.aws.amazon.com/connect/latest/adminguide/proficiency-routing.html"
AWS_CRITERIA = "https://docs.aws.amazon.com/connect/latest/adminguide/set-routing-criteria.html"
ACS_CAPACITY = "https://learn.microsoft.com/en-us/azure/communication-services/concepts/router/worker-capacity-concepts"
ACS_MODES = "https://learn.microsoft.com/en-us/azure/communication-services/concepts/router/distribution-concepts"
D365_SKILLS = "https://learn.microsoft.com/en-us/dynamics365/customer-service/administer/set-up-skill-based-routing"
SF_CAPACITY = (
    "https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/"
    "object-queueroutingconfig.html"
)
SF_INTERRUPTIBLE = "https://help.salesforce.com/s/articleView?id=service.omnichannel_configure_work_items_as_primary_or_interruptible.htm"
SF_ADDITIONAL = (
    "https://releasenotes.docs.salesforce.com/en-us/summer20/release-notes/rn_omnichannel_iterative_routing.htm"
)
TWILIO_ORDER = "https://www.twilio.com/docs/taskrouter/order-workers"
TWILIO_PREFERRED = "https://www.twilio.com/docs/taskrouter/lifecycle-task-workflows-and-assignment"
TWILIO_SKIP = "https://www.twilio.com/docs/taskrouter/worker-presence"
TWILIO_DIRECT = "https://twilio.com/en-us/changelog/route-directly-to-worker-task-queue-or-workflow"
TWILIO_CHANNELS = "https://www.twilio.com/docs/taskrouter/api/task-channel"
ZENDESK_CAPACITY = "https://support.zendesk.com/hc/en-us/articles/4776409839770"
ZENDESK_INACTIVE = "https://support.zendesk.com/hc/en-us/articles/5308501814042"

Step = tuple[Any, ...]


@dataclass(frozen=True)
class Example:
    """``steps``: what happens, and ``("with", number, agent)`` for what the page says of it; None: it waits."""

    says: str
    source: str
    policy: Policy
    agents: dict[str, dict[str, Any]]
    steps: tuple[Step, ...]


def one(
    *skills: Need, relax: tuple[Relax, ...] = (), classes: dict[str, ChannelClass] | None = None, **q: Any
) -> Policy:
    """One queue that assigns at once, and one rule for all."""
    queue = Queue("default", **{"auto_accept": True, **q})
    return Policy(
        queues=(queue,), rules=(Rule("all", Match(), "default", skills=skills, relax=relax),), classes=classes or {}
    )


def chats(*numbers: int, kind: str = "chat") -> tuple[Step, ...]:
    return tuple(("ask", number, {"channel_class": kind}) for number in numbers)


EXAMPLES = [
    Example(
        "French at least 4 and DynamoDB at least 5 for 30 seconds, then French at least 3 will do",
        AWS_PROFICIENCY,
        one(Need("french", 4), Need("dynamodb", 5), relax=(Relax(30, levels={"french": 3}),)),
        {"agent1": {"skills": {"french": 3, "dynamodb": 5}}, "agent2": {"skills": {"french": 5, "dynamodb": 3}}},
        (("ask", 1, {}), ("wait", 29), ("with", 1, None), ("wait", 1), ("with", 1, "agent1")),
    ),
    Example(
        "whoever meets the step that runs is joined at once, though the steps to come would admit others",
        AWS_PROFICIENCY,
        one(Need("french", 4), Need("dynamodb", 5), relax=(Relax(30, levels={"french": 3}),)),
        {"agent1": {"skills": {"french": 3, "dynamodb": 5}}, "agent2": {"skills": {"french": 4, "dynamodb": 5}}},
        (("ask", 1, {}), ("with", 1, "agent2")),
    ),
    Example(
        "when all steps are over, anyone in the queue is offered the contact",
        AWS_CRITERIA,
        one(Need("language:english", 4), Need("technology:kinesis", 2), relax=(Relax(60, drop=("*",)),)),
        {"anyone": {}},
        (("ask", 1, {}), ("wait", 59), ("with", 1, None), ("wait", 1), ("with", 1, "anyone")),
    ),
    Example(
        "English at least 4 AND Kinesis at least 2, in a step that does not expire",
        AWS_CRITERIA,
        one(Need("language:english", 4), Need("technology:kinesis", 2)),
        {
            "english only": {"skills": {"language:english": 5}},
            "too low": {"skills": {"language:english": 4, "technology:kinesis": 1}},
            "both": {"skills": {"language:english": 4, "technology:kinesis": 2}},
        },
        (("ask", 1, {}), ("with", 1, "both"), ("away", "both"), ("ask", 2, {}), ("wait", 140), ("with", 2, None)),
    ),
    Example(
        "a step may ask for one agent only, for a time",
        AWS_CRITERIA,
        one(prefer_wait_s=30),
        {"the one": {"capacity": 20}, "another": {}},
        (
            ("ask", 1, {"preferred": ("the one",)}),
            ("with", 1, "the one"),
            ("ask", 2, {"preferred": ("the one",)}),
            ("wait", 29),
            ("with", 2, None),
            ("wait", 1),
            ("with", 2, "another"),
        ),
    ),
    Example(
        "one voice job or up to five chat jobs: 100 units, voice 100, chat 20; chats first",
        ACS_CAPACITY,
        one(classes={"voice": ChannelClass(100), "chat": ChannelClass(20)}),
        {"worker1": {"capacity": 100}},
        (
            *chats(1, 2, 3, 4, 5, 6),
            *(("with", number, "worker1") for number in (1, 2, 3, 4, 5)),
            ("with", 6, None),
            *chats(7, kind="voice"),
            *(("done", number) for number in (1, 2, 3, 4, 5)),
            ("with", 6, "worker1"),
            ("with", 7, None),
            ("done", 6),
            ("with", 7, "worker1"),
        ),
    ),
    Example(
        "no chat as long as the voice job lasts",
        ACS_CAPACITY,
        one(classes={"voice": ChannelClass(100), "chat": ChannelClass(20)}),
        {"worker1": {"capacity": 100}},
        (
            *chats(1, kind="voice"),
            *chats(2),
            ("with", 1, "worker1"),
            ("with", 2, None),
            ("done", 1),
            ("with", 2, "worker1"),
        ),
    ),
    Example(
        "least used first, and of two alike who has been available longer: D, C, A, B",
        ACS_MODES,
        one(order="most_spare", prefer_previous=True, classes={"chat": ChannelClass(1)}),
        {"C": {"capacity": 5}, "A": {"capacity": 5}, "B": {"capacity": 4}, "D": {"capacity": 3}},
        (
            *(("ask", f"{agent}{number}", {"previous_agent": agent}) for agent in "CAB" for number in (1, 2, 3)),
            *(step for number in (1, 2, 3, 4) for step in (("ask", number, {}), ("away", "DCAB"[number - 1]))),
            ("with", 1, "D"),
            ("with", 2, "C"),
            ("with", 3, "A"),
            ("with", 4, "B"),
        ),
    ),
    Example(
        "round robin: each available worker in sequence",
        ACS_MODES,
        one(order="round_robin"),
        {"a": {}, "b": {}, "c": {}},
        (*chats(1, 2, 3, 4, 5), *(("with", number, "abcab"[number - 1]) for number in (1, 2, 3, 4, 5))),
    ),
    Example(
        "exact match: a rating at or above the required one, then the most capacity",
        D365_SKILLS,
        one(Need("english", 3), order="most_spare"),
        {
            "below": {"skills": {"english": 2}, "capacity": 200},
            "exactly": {"skills": {"english": 3}, "capacity": 60},
            "above": {"skills": {"english": 5}, "capacity": 100},
        },
        (("ask", 1, {}), ("with", 1, "above")),
    ),
    Example(
        "closest match: who has exactly the rating comes before who is above it, and the nearer one before the farther",
        D365_SKILLS,
        one(Need("english", 3), order="most_spare", proficiency="nearest"),
        {
            "expert": {"skills": {"english": 5}, "capacity": 100},
            "better": {"skills": {"english": 4}, "capacity": 20},
            "exact": {"skills": {"english": 3}, "capacity": 20},
        },
        (*chats(1, 2, 3), ("with", 1, "exact"), ("with", 2, "better"), ("with", 3, "expert")),
    ),
    Example(
        "a capacity of 6 and cases that weigh 2: three cases, and no more",
        SF_CAPACITY,
        one(classes={"email": ChannelClass(2)}),
        {"rep": {"capacity": 6}},
        (*chats(1, 2, 3, 4, kind="email"), *(("with", n, "rep") for n in (1, 2, 3)), ("with", 4, None)),
    ),
    Example(
        "a call takes all of the capacity: nothing new until it ends",
        SF_CAPACITY,
        one(),
        {"rep": {}},
        (*chats(1, kind="voice"), *chats(2, kind="email"), ("with", 2, None), ("done", 1), ("with", 2, "rep")),
    ),
    Example(
        "full of interruptible cases, the rep is still given a chat, which is primary; another case waits",
        SF_INTERRUPTIBLE,
        one(classes={"email": ChannelClass(1, interruptible=True), "chat": ChannelClass(1)}),
        {"alex": {"capacity": 3}},
        (
            *chats(1, 2, 3, 4, kind="email"),
            ("with", 4, None),
            *chats(5, 6, 7, 8),
            *(("with", number, "alex") for number in (5, 6, 7)),
            ("with", 8, None),
            ("done", 1),
            ("with", 4, None),
        ),
    ),
    Example(
        "additional skills are dropped group by group, location first; the language, which is required, never",
        SF_ADDITIONAL,
        one(
            Need("english"),
            Need("hardware"),
            Need("mouse"),
            Need("france"),
            relax=(Relax(30, drop=("france",)), Relax(60, drop=("mouse",)), Relax(90, drop=("hardware",))),
        ),
        {
            "no english": {"skills": {"hardware": 1, "mouse": 1, "france": 1}},
            "english and hardware": {"skills": {"english": 1, "hardware": 1}},
            "english": {"skills": {"english": 1}},
        },
        (
            ("ask", 1, {}),
            ("wait", 59),
            ("with", 1, None),
            ("wait", 1),
            ("with", 1, "english and hardware"),
            ("away", "english and hardware"),
            ("ask", 2, {}),
            ("wait", 89),
            ("with", 2, None),
            ("wait", 1),
            ("with", 2, "english"),
        ),
    ),
    Example(
        "without another order, the worker who has gone longest without a task",
        TWILIO_ORDER,
        one(),
        {"alice": {}, "bob": {}},
        (
            ("ask", 1, {}),
            ("wait", 1),
            ("ask", 2, {}),
            ("wait", 1),
            ("done", 1),
            ("wait", 1),
            ("ask", 3, {}),
            ("with", 3, "bob"),
        ),
    ),
    Example(
        "15 seconds for the preferred agents, then 15 for the whole queue",
        TWILIO_PREFERRED,
        one(prefer_wait_s=15),
        {"preferred": {"capacity": 20}, "other": {}},
        (
            ("ask", 1, {"preferred": ("preferred",)}),
            ("ask", 2, {"preferred": ("preferred",)}),
            ("wait", 14),
            ("with", 2, None),
            ("wait", 1),
            ("with", 2, "other"),
        ),
    ),
    Example(
        "the step is skipped at once when none of its workers is available",
        TWILIO_SKIP,
        one(prefer_wait_s=15),
        {"preferred": {"here": False}, "other": {}},
        (("ask", 1, {"preferred": ("preferred",)}), ("with", 1, "other")),
    ),
    Example(
        "routed directly, a worker gets the task even without capacity; with IgnoreCapacity false they do not",
        TWILIO_DIRECT,
        one(),
        {"worker": {"capacity": 20}},
        (
            ("ask", 1, {}),
            ("ask", 2, {"agent": "worker", "force": True}),
            ("with", 2, "worker"),
            ("ask", 3, {"agent": "worker"}),
            ("with", 3, None),
        ),
    ),
    Example(
        "ten SMS at a time, and one call",
        TWILIO_CHANNELS,
        one(classes={"sms": ChannelClass(1, limit=10), "voice": ChannelClass(1, limit=1)}),
        {"worker": {"capacity": 1000}},
        (
            *chats(*range(1, 12), kind="sms"),
            *chats(20, 21, kind="voice"),
            *(("with", number, "worker") for number in (*range(1, 11), 20)),
            ("with", 11, None),
            ("with", 21, None),
        ),
    ),
    Example(
        "standard: to the agent with the most spare capacity",
        ZENDESK_CAPACITY,
        one(order="most_spare"),
        {"small": {"capacity": 60}, "large": {"capacity": 200}},
        (*chats(1, 2, 3), *(("with", number, "large") for number in (1, 2, 3))),
    ),
    Example(
        "round robin: some spare capacity is enough, and the time since the last assignment decides",
        ZENDESK_CAPACITY,
        one(order="round_robin"),
        {"small": {"capacity": 40}, "large": {"capacity": 200}},
        (
            *chats(1, 2, 3, 4, 5),
            *(("with", n, ("large", "small", "large", "small", "large")[n - 1]) for n in (1, 2, 3, 4, 5)),
        ),
    ),
    Example(
        "an inactive conversation does not count: with a capacity of two, a third one comes. (When the first wakes it"
        " would there be one too many; here it waits.)",
        ZENDESK_INACTIVE,
        one(classes={"chat": ChannelClass(1)}),
        {"agent": {"capacity": 2}},
        (*chats(1, 2, 3), ("with", 3, None), ("pause", 1), ("with", 3, "agent"), ("wake", 1), ("with", 1, None)),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.says[:60] for example in EXAMPLES])
def test_example(example: Example) -> None:
    floor = Floor(example.policy)
    for name, how in example.agents.items():
        floor.agent(name, **how)
        floor.wait(0.001)
    for step in example.steps:
        _DO[step[0]](floor, *step[1:])


def _with(floor: Floor, number: int, agent: str | None) -> None:
    assert floor.holder(number) == (("assigned", agent) if agent else ("waiting", None))


_DO: dict[str, Callable[..., object]] = {
    "ask": lambda floor, number, how: floor.ask(number, **how),
    "wait": Floor.wait,
    "done": Floor.release,
    "pause": Floor.pause,
    "wake": Floor.wake,
    "away": lambda floor, agent: floor.declare(agent, "away"),
    "with": _with,
}
