"""Work that nobody would ever be given: the example, its way through rules and queues, and what is wrong at its end.

Everybody is taken to be there and idle, and time to pass: what stays then stays for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec

from contracts.agent import Agent
from contracts.codec import iso, milliseconds, moment
from contracts.commands import Facts
from contracts.policy import Policy
from router.domain.dispatch.cost import Costs
from router.domain.policy.kinds import Kind, classes_of, kinds_of, moments, signature, waited_s, weight_of
from router.domain.policy.walk import End, Why, World

MOST: Final = 20
"""So many examples are told; one alone is enough to know."""
_MOST_WALKS: Final = 20_000
"""More are not tried; a second or two."""


class Strand(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way to be stranded. ``example`` came at ``at_ms``; ``story`` is its way, and ``sentence`` sums it up."""

    queue: str
    why: Why
    sentence: str
    example: Facts
    at_ms: int
    story: tuple[str, ...]
    rule: str | None = None

    def __str__(self) -> str:
        return self.sentence


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """``complete``: every kind of work was looked at, so that without ``strands`` nothing can be stranded. ``looked``:
    how many pieces of work were."""

    strands: tuple[Strand, ...]
    looked: int
    complete: bool


def strands(
    policy: Policy, agents: Sequence[Agent] | None, at_ms: int, classes: Collection[str] | None = None
) -> Report:
    """What can be stranded from that moment on (milliseconds since 1970), with these agents; None: with some who can do
    everything. ``classes``: the channel classes that work comes in; None: the usual ones and those of the policy. The
    policy has no errors."""
    asked = kinds_of(policy, at_ms)
    unlike = _unlike(policy, agents, classes_of(policy) if classes is None else classes)
    pieces = list(_pieces(policy, asked.kinds, unlike))
    found: dict[tuple[str, Why, str | None], Strand] = {}
    world = World(policy, agents)
    stuck: set[tuple[int, str]] = set()
    for number, kind, name in pieces[:_MOST_WALKS]:
        end = world.walk(kind, name) if (number, name) not in stuck else None
        if end is None or end.why is None:
            continue
        stuck.add((number, name))
        if len(found) < MOST and (end.queue, end.why, kind.rule) not in found:
            found[end.queue, end.why, kind.rule] = _strand(policy, kind, name, end)
    return Report(tuple(found.values()), len(pieces), asked.complete and len(pieces) <= _MOST_WALKS)


def _pieces(policy: Policy, kinds: Sequence[Kind], classes: Sequence[str]) -> Iterator[tuple[int, Kind, str]]:
    """Each kind, with its place, in each class, at every moment at which it matters when it comes; the first first."""
    when = moments(policy, min(kind.at_ms for kind in kinds))
    times = [when[signature(policy, kind.at_ms)] for kind in kinds]
    for number in range(max(map(len, times))):
        for place, (kind, mine) in enumerate(zip(kinds, times, strict=True)):
            if number < len(mine):
                yield from ((place, _at(kind, mine[number]), name) for name in classes)


def _at(kind: Kind, at_ms: int) -> Kind:
    """The same work at another moment at which the same calendars are open."""
    last_at = kind.facts.last_at
    later = last_at and moment(milliseconds(last_at) + at_ms - kind.at_ms)
    return kind._replace(at_ms=at_ms, facts=msgspec.structs.replace(kind.facts, last_at=later))


def _unlike(policy: Policy, agents: Sequence[Agent] | None, classes: Collection[str]) -> list[str]:
    """One of each lot of classes that the policy and the agents treat alike."""
    costs = Costs(policy)
    found: dict[object, str] = {}
    for name in sorted(classes):
        overflows = [name in one.classes for queue in policy.queues for one in queue.overflow if one.classes]
        limits = [agent.limits.get(name) for agent in agents or ()]
        found.setdefault(repr((costs.of(name), overflows, limits)), name)
    return list(found.values())


# -- in plain words --------------------------------------------------------------------------------------------------


def _strand(policy: Policy, kind: Kind, channel_class: str, end: End) -> Strand:
    assert end.why is not None
    facts = msgspec.structs.replace(kind.facts, channel_class=channel_class, contact="")
    begin = f"rule {kind.rule!r} decides" if kind.rule else "no rule decides, so the default queue gets it"
    others = [rule for rule in kind.rules if rule != kind.rule]
    also = f" ({', '.join(map(repr, others))} held before)" if others else ""
    what = describe(facts, kind.at_ms)
    blame = _blame(policy, kind, channel_class, end)
    sentence = f"{what} would wait for ever in {end.queue!r}: {blame}"
    return Strand(end.queue, end.why, sentence, facts, kind.at_ms, (begin + also, *end.story), kind.rule)


def describe(facts: Facts, at_ms: int) -> str:
    """``A chat on 'line' in 'ja' tagged 'vip' at 2027-01-15T08:00:00.000Z``."""
    article = "An" if facts.channel_class[:1] in "aeiou" else "A"
    parts = [f"{article} {facts.channel_class or 'conversation'}"]
    parts += [f"on {facts.channel!r}"] if facts.channel != "other" else []
    parts += [f"at the account {facts.account!r}"] if facts.account != "other" else []
    parts += [f"in {facts.language!r}"] if facts.language else []
    parts += [f"that says {facts.text!r}"] if facts.text else []
    parts += [f"tagged {', '.join(map(repr, facts.tags))}"] if facts.tags else []
    parts += [f"with {name} = {value!r}" for name, value in facts.attributes.items()]
    parts += [f"of a contact with {facts.earlier} earlier conversations"] if facts.earlier else []
    ago = waited_s(facts, at_ms)
    parts += [f"{ago} s after the last one"] if ago is not None else []
    return " ".join((*parts, f"at {iso(moment(at_ms))}"))


def _blame(policy: Policy, kind: Kind, channel_class: str, end: End) -> str:
    weight = weight_of(kind, Costs(policy), channel_class)
    needs = ", ".join(f"{need.skill} {need.level}" for need in kind.skills if need.required)
    told: dict[Why, str] = {
        "nobody": "no enabled agent serves it",
        "lacks_skill": f"nobody who serves it has what is asked for ({needs}), not even after every step of relaxation",
        "no_capacity": f"it costs {weight} units, and nobody who could have it has so many",
        "class_limit": f"everybody who could have it is limited to no {channel_class} at all",
        "off_shift": "whoever could have it never works while the queue is open",
        "shift_ending": "it takes longer than the shifts of all who could have it",
        "closed": "the queue never opens",
    }
    assert end.why is not None
    return told[end.why]
