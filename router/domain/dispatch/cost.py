"""What work costs and who has room for it: weights and limits by channel class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from contracts.decision import RuledOut
from contracts.policy import ChannelClass, Policy
from router.domain.dispatch.seat import ELIGIBLE, Seat, Standing, Verdict

OTHER: Final = "custom"
"""Stands for every channel class that the policy does not know."""

DEFAULTS: Final[dict[str, ChannelClass]] = {
    "chat": ChannelClass(20),
    "social": ChannelClass(20),
    "sms": ChannelClass(20),
    "email": ChannelClass(10),
    "voice": ChannelClass(100, exclusive=True),
    OTHER: ChannelClass(20),
}

Kind = tuple[str, int]
"""A channel class, and what the work weighs: its class's weight unless a rule says otherwise."""


class Costs:
    """The channel classes of a policy, over the defaults, and every kind of work there can be."""

    def __init__(self, policy: Policy) -> None:
        self.classes: dict[str, ChannelClass] = {**DEFAULTS, **policy.classes}
        own = sorted({rule.weight for rule in policy.rules if rule.weight is not None})
        kinds: list[Kind] = []
        for name in sorted(self.classes):
            kinds += [(name, weight) for weight in dict.fromkeys((self.classes[name].weight, *own))]
        self.place: dict[Kind, int] = {kind: place for place, kind in enumerate(kinds)}
        self.expected = tuple(sorted({each.expected_s for each in self.classes.values() if each.expected_s}))
        """How long work of the classes usually takes, in seconds, rising."""
        self._limits = {name: costs.limit for name, costs in self.classes.items() if costs.limit is not None}
        self._standings: dict[tuple[Verdict, ...], Standing] = {}
        self._known: dict[object, Standing] = {}

    def class_of(self, channel_class: str) -> str:
        return channel_class if channel_class in self.classes else OTHER

    def of(self, channel_class: str) -> ChannelClass:
        """What the policy says of a class; of one that it no longer knows, what it says of ``custom``."""
        return self.classes.get(channel_class) or self.classes[OTHER]

    def weight(self, channel_class: str) -> int:
        return self.classes[channel_class].weight

    def limits(self, own: dict[str, int]) -> tuple[tuple[str, int], ...]:
        """The limits that hold for an agent: their own come first."""
        return tuple({**self._limits, **own}.items())

    def standing(self, seat: Seat) -> Standing:
        """What the agent can take now, kind by kind."""
        reason = seat.blocked
        key = (reason,) if reason is not None else self._load(seat)
        known = self._known.get(key)
        if known is None:
            verdicts = self._blocked(reason) if reason is not None else tuple(self._verdicts(seat))
            known = self._known[key] = self._standings.setdefault(verdicts, Standing(verdicts))
        return known

    def room(self, seat: Seat, channel_class: str, weight: int) -> Verdict:
        """Whether this very work fits, whatever the agent's presence."""
        return self._verdict(seat, channel_class, weight, _full(seat))

    def _load(self, seat: Seat) -> tuple[object, ...]:
        """All that decides what an available agent can take."""
        full = _full(seat) if seat.limits else ()
        held = (seat.spare, seat.agent.capacity - seat.primary, seat.primary_count > 0, seat.exclusive > 0, full)
        return held if seat.ending_s is None else (*held, seat.ending_s)

    def _blocked(self, reason: RuledOut) -> tuple[Verdict, ...]:
        return (reason,) * len(self.place)

    def _verdicts(self, seat: Seat) -> Iterable[Verdict]:
        full, ending_s = _full(seat), seat.ending_s
        for name, weight in self.place:
            long = ending_s is not None and (self.of(name).expected_s or 0) > ending_s
            yield "shift_ending" if long else self._verdict(seat, name, weight, full)

    def _verdict(self, seat: Seat, channel_class: str, weight: int, full: tuple[str, ...]) -> Verdict:
        """Work that cannot be interrupted sees only what cannot be interrupted; the rest must fit in what is left."""
        costs = self.of(channel_class)
        if seat.exclusive or (costs.exclusive and seat.primary_count):
            return "exclusive"
        if weight > seat.agent.capacity - (seat.used if costs.interruptible else seat.primary):
            return "no_capacity"
        return "class_limit" if channel_class in full else ELIGIBLE


def _full(seat: Seat) -> tuple[str, ...]:
    """The classes of which the agent holds as many as they may."""
    counts = seat.counts
    return tuple([name for name, limit in seat.limits if counts.get(name, 0) >= limit])
