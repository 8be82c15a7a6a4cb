"""Every kind of work that a policy tells apart, each with an example: facts that the rules were really asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product
from math import prod
from typing import Any, Final, NamedTuple

from contracts.codec import milliseconds, moment
from contracts.commands import Facts
from contracts.policy import Match, Need, Policy, Relax, Rule
from router.domain.dispatch.classify import Classified, Classifier
from router.domain.dispatch.cost import Costs
from router.domain.dispatch.skill import gathered
from router.domain.hours import is_open, next_change

MOST: Final = 4_000
"""So many examples are asked about one by one; with more, those that the rules themselves suggest."""
USUAL: Final = ("chat", "email", "sms", "social")
"""Channel classes that any installation may have; others count when the policy speaks of them."""
_WHOLE: Final = 4
"""Of so many words (or tags) every subset is tried."""
_MOMENTS: Final = 400
"""So many openings and closings are looked through."""
_CLOSELY: Final = 40
"""And so many of them, two weeks or so, closely."""
_OTHER: Final = "other"


class Kind(NamedTuple):
    """Work that the policy treats alike, and one example of it. ``classes``: the channel classes that it may have."""

    facts: Facts
    at_ms: int
    queue: str
    rule: str | None
    rules: tuple[str, ...]
    skills: tuple[Need, ...]
    relax: tuple[Relax, ...]
    weight: int | None
    sla: str | None


class Kinds(NamedTuple):
    """``complete``: no kind can be missing."""

    kinds: list[Kind]
    complete: bool


def classes_of(policy: Policy) -> list[str]:
    """The channel classes that work may be of."""
    named = [name for queue in policy.queues for overflow in queue.overflow for name in overflow.classes]
    return [*dict.fromkeys((*USUAL, *policy.classes, *named))]


def kinds_of(policy: Policy, at_ms: int) -> Kinds:
    """The kinds of work that come from that moment on."""
    pools = _pools(policy, at_ms)
    complete = prod(len(pool.values) for pool in pools) <= MOST
    examples = _all(pools) if complete else _suggested(policy, pools)
    classifier = Classifier(policy)
    found: dict[str, Kind] = {}
    for given in examples:
        kind = _asked(policy, classifier, given)
        found.setdefault(repr((kind[2:], signature(policy, kind.at_ms))), kind)
    return Kinds(list(found.values()), complete and all(pool.whole for pool in pools))


# -- what there is to choose from ------------------------------------------------------------------------------------


class _Pool(NamedTuple):
    """The values of one fact that the rules can tell apart. ``whole``: there are no others."""

    fact: str
    values: Sequence[Any]
    whole: bool = True


def _pools(policy: Policy, at_ms: int) -> list[_Pool]:
    matches = [match for rule in policy.rules for match in (rule.when, rule.unless) if match is not None]
    return [
        _Pool("channel", [_OTHER, *_named(matches, "channels")]),
        _Pool("account", [_OTHER, *_named(matches, "accounts")]),
        _Pool("language", [None, *_named(matches, "languages")]),
        _texts(matches),
        _subsets("tags", _named(matches, "tags")),
        _attributes(matches),
        _Pool("earlier", sorted({0, *_counts(matches)})),
        _Pool("ago_s", [None, *sorted({match.earlier_within_s for match in matches if match.earlier_within_s})]),
        _Pool("at_ms", [first for first, *_ in moments(policy, at_ms).values()]),
    ]


def _named(matches: Iterable[Match], field: str) -> list[str]:
    return [*dict.fromkeys(name for match in matches for name in getattr(match, field))]


def _counts(matches: Iterable[Match]) -> Iterator[int]:
    for match in matches:
        if match.earlier_at_least is not None:
            yield match.earlier_at_least
        if match.earlier_at_most is not None:
            yield from (match.earlier_at_most, match.earlier_at_most + 1)


def _texts(matches: Sequence[Match]) -> _Pool:
    """A pattern is tried as it is written, without its signs; whether it is found then, the rules say."""
    words, patterns = _named(matches, "words"), _named(matches, "patterns")
    pool = _subsets("text", [*words, *("".join(c for c in one if c.isalnum() or c == " ") for one in patterns)])
    return _Pool("text", [" ".join(some) for some in pool.values], pool.whole and not patterns)


def _subsets(fact: str, atoms: Sequence[str]) -> _Pool:
    if len(atoms) <= _WHOLE:
        every = chain.from_iterable(combinations(atoms, size) for size in range(len(atoms) + 1))
        return _Pool(fact, [*every])
    return _Pool(fact, [(), *((atom,) for atom in atoms), tuple(atoms)], whole=False)


def _attributes(matches: Iterable[Match]) -> _Pool:
    """Each attribute absent, or with one of the values that are named, or with another."""
    named: dict[str, dict[str | None, None]] = {}
    for match in matches:
        for name, values in match.attributes.items():
            own = named.setdefault(name, {None: None, _OTHER: None})
            own.update(dict.fromkeys(value for value in values if value != "*"))
    pools = [[(name, value) for value in values] for name, values in named.items()]
    whole = prod(map(len, pools)) <= MOST
    chosen = product(*pools) if whole else ([pair] for pool in pools for pair in pool)
    return _Pool("attributes", [{name: value for name, value in some if value is not None} for some in chosen], whole)


def moments(policy: Policy, at_ms: int) -> dict[tuple[bool, ...], list[int]]:
    """For each way in which the policy's calendars can be open and closed together, the moments at which it matters
    when work comes: around every change, and so long before it that waiting ends there."""
    spans = {0, *_spans(policy)}
    found: dict[tuple[bool, ...], list[int]] = {}
    for number, change in enumerate(_changes(policy, at_ms)):
        around = [change] if number >= _CLOSELY else [change - span * 1000 + by for span in spans for by in (0, -1)]
        for near in sorted({max(at, at_ms) for at in around}):
            here = found.setdefault(signature(policy, near), [])
            if number < _CLOSELY or not here:
                here.append(near)
    return found


def _spans(policy: Policy) -> Iterator[int]:
    """The seconds after which something happens to work that waits."""
    for queue in policy.queues:
        yield from (overflow.at or 0 for overflow in queue.overflow if overflow.when == "waited")
    for rule in policy.rules:
        yield from (step.after_s for step in rule.relax)


def _changes(policy: Policy, at_ms: int) -> Iterator[int]:
    """The moment itself, and those at which a calendar opens or closes."""
    for _ in range(_MOMENTS):
        yield at_ms
        changes = [change for each in policy.calendars.values() if (change := next_change(each, at_ms)) is not None]
        if not changes:
            return
        at_ms = min(changes)


def signature(policy: Policy, at_ms: int) -> tuple[bool, ...]:
    return tuple(is_open(calendar, at_ms) for calendar in policy.calendars.values())


# -- examples --------------------------------------------------------------------------------------------------------


def _all(pools: Sequence[_Pool]) -> Iterator[dict[str, Any]]:
    names = [pool.fact for pool in pools]
    return (dict(zip(names, values, strict=True)) for values in product(*(pool.values for pool in pools)))


def _suggested(policy: Policy, pools: Sequence[_Pool]) -> Iterator[dict[str, Any]]:
    """Plain work, and for each rule work that it asks for: alone, and with each and all of those that only add."""
    plain = {pool.fact: pool.values[0] for pool in pools}
    adding = [rule for rule in policy.rules if rule.queue is None]
    for at_ms in next(pool.values for pool in pools if pool.fact == "at_ms"):
        base = plain | {"at_ms": at_ms}
        yield base
        for rule in policy.rules:
            for own in _meeting(base, rule):
                yield own
                yield from (_met(own, other.when) for other in adding if other is not rule)
                everything = own
                for other in adding:
                    everything = _met(everything, other.when)
                yield everything


def _meeting(base: dict[str, Any], rule: Rule) -> Iterator[dict[str, Any]]:
    """One for each channel and language that the rule names, as an earlier rule may take some of them."""
    for channel in rule.when.channels or (base["channel"],):
        for language in rule.when.languages or (base["language"],):
            yield _met(base, rule.when) | {"channel": channel, "language": language}


def _met(given: dict[str, Any], match: Match) -> dict[str, Any]:
    """The facts changed so that the conditions hold, as far as they were free."""
    met = dict(given)
    for fact, values in (("channel", match.channels), ("account", match.accounts), ("language", match.languages)):
        if values and met[fact] in (_OTHER, None):
            met[fact] = values[0]
    met["text"] = " ".join((met["text"], *match.words[:1])).strip()
    met["tags"] = (*met["tags"], *match.tags[:1])
    wanted = {name: _OTHER if "*" in values else values[0] for name, values in match.attributes.items() if values}
    met["attributes"] = wanted | met["attributes"]
    met["earlier"] = max(met["earlier"], match.earlier_at_least or 0)
    met["ago_s"] = match.earlier_within_s or met["ago_s"]
    return met


def _asked(policy: Policy, classifier: Classifier, given: dict[str, Any]) -> Kind:
    at_ms, ago_s = given["at_ms"], given["ago_s"]
    plain = {name: value for name, value in given.items() if name not in ("at_ms", "ago_s")}
    last_at = None if ago_s is None else moment(at_ms - ago_s * 1000)
    return kind_of(policy, classifier, Facts(**plain, channel_class="", contact="", last_at=last_at), at_ms)


def kind_of(policy: Policy, classifier: Classifier, facts: Facts, at_ms: int) -> Kind:
    """What the policy makes of these facts at that moment."""
    said: Classified = classifier.classify(facts, at_ms)
    queue = said.queue if any(queue.name == said.queue for queue in policy.queues) else policy.default_queue
    return Kind(
        facts=facts,
        at_ms=at_ms,
        queue=queue or "",
        rule=said.rule,
        rules=said.rules,
        skills=gathered(said.skills),
        relax=_in_order(said.relax),
        weight=said.weight,
        sla=said.sla,
    )


def _in_order(relax: Iterable[Relax]) -> tuple[Relax, ...]:
    return tuple(sorted(relax, key=lambda step: step.after_s))


def weight_of(kind: Kind, costs: Costs, channel_class: str) -> int:
    """What work of this kind and class costs."""
    return costs.weight(channel_class) if kind.weight is None else kind.weight


def waited_s(facts: Facts, at_ms: int) -> int | None:
    """How long before the moment the contact's last conversation had its last message."""
    return None if facts.last_at is None else (at_ms - milliseconds(facts.last_at)) // 1000
