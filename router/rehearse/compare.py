"""Two policies' days side by side: who would have got what."""

from __future__ import annotations

import msgspec

from router.rehearse.outcome import Life, Outcome


class Side(msgspec.Struct, frozen=True):
    """What became of a conversation under one policy. ``queue`` None: it was part of an earlier one."""

    queue: str | None = None
    rule: str | None = None
    agent: str | None = None
    wait_s: float | None = None
    end: str | None = None


class Changed(msgspec.Struct, frozen=True):
    """A conversation whose queue, first agent or end differs."""

    conversation: str
    at_ms: int
    before: Side
    after: Side


class Changes(msgspec.Struct, frozen=True):
    """How many differ, by what; ``all``: those of another queue first, then by how much longer or shorter they waited.
    ``waits``: in how many only the wait differs."""

    conversations: int
    differing: int
    queues: int
    agents: int
    ends: int
    waits: int
    all: list[Changed]


def changes(before: Outcome, after: Outcome) -> Changes:
    """Conversation by conversation. One differing decision moves others: who is busy is not there for the next."""
    old, new = _by_case(before), _by_case(after)
    nobody = Side()
    found = [
        Changed(key[0], key[1], _side(old[key]) if key in old else nobody, _side(new[key]) if key in new else nobody)
        for key in dict.fromkeys((*old, *new))
    ]
    differing = [one for one in found if _differs(one)]
    return Changes(
        conversations=len(found),
        differing=len(differing),
        queues=sum(one.before.queue != one.after.queue for one in differing),
        agents=sum(one.before.agent != one.after.agent for one in differing),
        ends=sum(one.before.end != one.after.end for one in differing),
        waits=sum(_only_waits(one) for one in found),
        all=sorted(differing, key=_weight),
    )


def _by_case(outcome: Outcome) -> dict[tuple[str, int], Life]:
    return {(life.conversation, life.at_ms): life for life in outcome.lives}


def _side(life: Life) -> Side:
    wait_ms = life.wait_ms
    return Side(
        queue=life.served_queue or life.queue,
        rule=life.rule,
        agent=life.agents[0] if life.agents else None,
        wait_s=None if wait_ms is None else wait_ms / 1000,
        end=life.end,
    )


def _differs(one: Changed) -> bool:
    before, after = one.before, one.after
    return (before.queue, before.agent, before.end) != (after.queue, after.agent, after.end)


def _only_waits(one: Changed) -> bool:
    return not _differs(one) and one.before.wait_s != one.after.wait_s


def _weight(one: Changed) -> tuple[bool, float, int, str]:
    longer = abs((one.before.wait_s or 0.0) - (one.after.wait_s or 0.0))
    return (one.before.queue == one.after.queue, -longer, one.at_ms, one.conversation)
