"""What work costs and who has room for it: weights and limits by channel class."""

from __future__ import annotations

from typing import Final

from contracts.policy import ChannelClass, Policy
from router.domain.dispatch.seat import Seat, Standing, Verdict

OTHER: Final = "custom"
"""Stands for every channel class that the policy does not know."""

DEFAULTS: Final[dict[str, ChannelClass]] = {
    "chat": ChannelClass(20),
    "social": ChannelClass(20),
    "sms": ChannelClass(20),
    "email": ChannelClass(10),
    "voice": ChannelClass(100),
    OTHER: ChannelClass(20),
}


class Costs:
    """The channel classes of a policy, over the defaults."""

    def __init__(self, policy: Policy) -> None:
        self.classes: dict[str, ChannelClass] = {**DEFAULTS, **policy.classes}
        self.names: tuple[str, ...] = tuple(sorted(self.classes))
        self.place: dict[str, int] = {name: place for place, name in enumerate(self.names)}
        self._needs = [(name, self.classes[name].weight, self.classes[name].limit) for name in self.names]

    def class_of(self, channel_class: str) -> str:
        return channel_class if channel_class in self.classes else OTHER

    def weight(self, channel_class: str) -> int:
        return self.classes[channel_class].weight

    def standing(self, seat: Seat) -> Standing:
        """What the agent can take now, class by class."""
        reason = seat.blocked
        if reason is not None:
            return (reason,) * len(self.names)
        spare, counts, own = seat.spare, seat.counts, seat.agent.limits
        return tuple(
            [
                "no_capacity" if weight > spare else _full(counts.get(name, 0), own.get(name, limit))
                for name, weight, limit in self._needs
            ]
        )

    def room(self, seat: Seat, channel_class: str, weight: int) -> Verdict:
        """Whether this very work fits, whatever the agent's presence."""
        if weight > seat.spare:
            return "no_capacity"
        limit = seat.agent.limits.get(channel_class, self.classes[channel_class].limit)
        return _full(seat.counts.get(channel_class, 0), limit)


def _full(count: int, limit: int | None) -> Verdict:
    return "class_limit" if limit is not None and count >= limit else "eligible"
