"""Rules that say nothing, cannot hold, or are never reached."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.policy import Match, Policy, Rule
from router.domain.dispatch.patterns import pattern_problem
from router.domain.policy.problem import Place, PolicyProblem

_EARLIER = ("earlier_at_least", "earlier_at_most", "earlier_within_s")


def senseless(policy: Policy) -> Iterator[PolicyProblem]:
    """Conditions that cannot be meant so."""
    for number, rule in enumerate(policy.rules):
        place: Place = ("policy", "rules", number)
        for part, match in (("when", rule.when), ("unless", rule.unless)):
            if match is not None:
                yield from _match(match, (*place, part))
        if rule.unless == Match():
            yield PolicyProblem((*place, "unless"), "without a condition it always holds, and so the rule never does")
        if _says_nothing(rule):
            yield PolicyProblem(place, "it says nothing: neither queue, priority, tags, skills nor promise", "warning")


def unreachable(policy: Policy) -> Iterator[PolicyProblem]:
    """A rule behind one that decides whatever this one could match."""
    for number, rule in enumerate(policy.rules):
        before = next((other for other in policy.rules[:number] if other.queue and _covers(other, rule)), None)
        if before is not None:
            sentence = f"never reached: {before.name!r} before it decides everything that it could match"
            yield PolicyProblem(("policy", "rules", number), sentence, "warning")


def _match(match: Match, place: Place) -> Iterator[PolicyProblem]:
    for field in Match.__struct_fields__:
        value = getattr(match, field)
        if isinstance(value, tuple) and any(not text.strip() for text in value):
            yield PolicyProblem((*place, field), "an empty text would match everything")
    for number, pattern in enumerate(match.patterns):
        wrong = pattern_problem(pattern) if pattern.strip() else None
        if wrong is not None:
            yield PolicyProblem((*place, "patterns", number), wrong)
    for name, values in match.attributes.items():
        if not values:
            yield PolicyProblem((*place, "attributes", name), "no value would do; '*' stands for any")
    if match.earlier_at_most is not None and (match.earlier_at_least or 0) > match.earlier_at_most:
        yield PolicyProblem((*place, "earlier_at_most"), "is less than earlier_at_least, so it never holds")
    both = sorted(set(match.open) & set(match.closed))
    if len(match.open) == len(match.closed) == 1 and both:
        yield PolicyProblem((*place, "closed"), f"{both[0]!r} cannot be open and closed at once", "warning")


def _says_nothing(rule: Rule) -> bool:
    says = (rule.queue, rule.priority, rule.sla, rule.weight)
    return says == (None, None, None, None) and not (rule.tags or rule.skills or rule.relax)


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether each condition of ``wide`` also stands in ``narrow``, there no wider."""
    if wide.unless is not None and wide.unless != narrow.unless:
        return False
    return all(_no_wider(field, wide.when, narrow.when) for field in Match.__struct_fields__)


def _no_wider(field: str, wide: Match, narrow: Match) -> bool:
    values, own = getattr(wide, field), getattr(narrow, field)
    if field == "attributes":
        return all(set(own.get(name, ())) and _among(own[name], some) for name, some in values.items())
    if field in _EARLIER:
        return values is None or own == values
    return not values or (bool(own) and _among(own, values))


def _among(own: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return "*" in values or set(own) <= set(values)
