"""Promises kept by the clock: what runs, what is paused, what was kept and what was not. Pure arithmetic.

- ``first_response`` runs while the customer waits and no person has answered them yet; a bot's answer pauses it. It is
  asked for once; when the conversation is reopened without any answer, anew. Who asked to be called back later does
  not wait until then.
- ``next_response`` runs from each message that is not answered yet to the next answer, after the first.
- ``resolution`` runs from the opening, or the reopening, to the end; paused while it waits for the customer or sleeps.

The end of a conversation ends the promise of an answer: it was neither kept nor broken. What runs keeps the time it was
given, whatever the policy says meanwhile, until it is paused or another promise takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from msgspec.structs import replace

from contracts.codec import milliseconds, moment
from contracts.conversation import Conversation
from contracts.events import SlaAtRisk, SlaBreached, SlaChanged, SlaMet, SlaPaused, SlaStarted
from contracts.policy import Calendar, Sla
from contracts.sla import Clock, SlaState, Target
from router.domain.conversation.listing import LIVE
from router.domain.hours import add_open, open_between

TARGETS: Final[tuple[Target, ...]] = ("first_response", "next_response", "resolution")
KEPT: Final = 10
"""How many met and breached targets are remembered."""

Wish = Literal["run", "pause", "met", "gone"]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of the policy, with its calendar (None: always open)."""

    name: str
    sla: Sla
    hours: Calendar | None

    def seconds(self, target: Target) -> int | None:
        """The time promised for the target; None: not promised."""
        return getattr(self.sla, f"{target}_s")  # type: ignore[no-any-return]

    def due(self, since_ms: int, seconds: float) -> datetime | None:
        at_ms = add_open(self.hours, since_ms, round(seconds))
        return None if at_ms is None else moment(at_ms)


@dataclass(slots=True)
class Step:
    """How a conversation's promises stand at a moment, and the events that tell what changed."""

    promise: Promise
    state: SlaState
    at_ms: int
    events: list[tuple[type[SlaChanged], dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: type[SlaChanged], clock: Clock, **more: Any) -> None:
        self.events.append((kind, {"sla": self.promise.name, "target": clock.target, "due_at": clock.due_at, **more}))

    def clocks(self) -> dict[Target, Clock]:
        return {clock.target: clock for clock in self.state.clocks}

    def keep(self, clocks: Iterator[Clock]) -> None:
        found = tuple(clocks)  # making them may change the state
        self.state = replace(self.state, clocks=found)


def follow(promise: Promise, now: Conversation, state: SlaState, at_ms: int) -> Step:
    """Brings the clocks in step with the conversation: they start, pause, run again, and end."""
    step = Step(promise, state, at_ms)
    known = step.clocks()
    wishes = ((target, _wish(promise, now, target)) for target in TARGETS)
    found = [_TURNS[wish](step, now, target, known.get(target)) for target, wish in wishes]
    step.keep(clock for clock in found if clock is not None)
    if now.waiting_since is None and step.state.noticed:
        step.state = replace(step.state, noticed=False)
    return step


def promised(promise: Promise, now: Conversation, at_ms: int) -> Step:
    """The promise that holds from now on, in place of another or of none. It counts from when the other did; pauses
    do not count."""
    before = now.sla or SlaState(promise.name)
    step = Step(promise, replace(before, name=promise.name), at_ms)
    step.keep(_again(step, clock) for clock in before.clocks if promise.seconds(clock.target) is not None)
    step.events += (after := follow(promise, now, step.state, at_ms)).events
    step.state = after.state
    last = pass_time(promise, step.state, at_ms)
    step.events += last.events
    step.state = last.state
    return step


def pass_time(promise: Promise, state: SlaState, at_ms: int) -> Step:
    """What has come to be at risk, or was breached, by this moment."""
    step = Step(promise, state, at_ms)
    step.keep(_passed(step, clock) for clock in state.clocks)
    return step


def next_ms(state: SlaState | None) -> int | None:
    """When time will change something next."""
    moments = [at for clock in (state.clocks if state is not None else ()) if (at := _next(clock)) is not None]
    return milliseconds(min(moments)) if moments else None


def raised(promise: Promise | None, state: SlaState | None) -> int:
    """What the conversation's priority is raised by: the most that any clock that runs asks for."""
    if promise is None or state is None:
        return 0
    return max((_urgency(promise.sla, clock) for clock in state.clocks if clock.left_s is None), default=0)


def same(before: Conversation, now: Conversation) -> bool:
    """Whether nothing changed that a clock looks at."""
    return (
        before.waiting_since == now.waiting_since
        and before.status == now.status
        and before.first_response_at == now.first_response_at
        and before.callback_at == now.callback_at
        and before.sla is now.sla
    )


def _wish(promise: Promise, now: Conversation, target: Target) -> Wish:
    """What the conversation asks of a clock."""
    if promise.seconds(target) is None:
        return "gone"
    live = now.status in LIVE
    if target == "resolution":
        return "met" if not live else "run" if now.status == "open" else "pause"
    if not live:
        return "gone"
    waits: Wish = "pause" if now.waiting_since is None or now.callback_at is not None else "run"
    if target == "first_response":
        return "met" if now.first_response_at is not None else waits
    if now.first_response_at is None and promise.sla.first_response_s is not None:
        return "gone"
    return "met" if now.waiting_since is None else waits


def _run(step: Step, now: Conversation, target: Target, clock: Clock | None) -> Clock | None:
    if clock is not None and clock.left_s is None:
        return clock
    if clock is None:
        start = _begin(now, target, step.at_ms)
        clock = _timed(step, Clock(target, moment(start)), start)
    else:
        clock = _timed(step, replace(clock, left_s=None, since=moment(step.at_ms)), step.at_ms)
    step.tell(SlaStarted, clock)
    return clock


def _pause(step: Step, now: Conversation, target: Target, clock: Clock | None) -> Clock | None:
    if clock is not None and clock.left_s is not None:
        return clock
    if clock is None:
        if target != "resolution":
            return None
        start = _begin(now, target, step.at_ms)
        clock = _timed(step, Clock(target, moment(start)), start)
    clock = _passed(step, clock)
    ran = _ran(step, clock)
    left = max((step.promise.seconds(target) or 0) - ran, 0)
    clock = replace(clock, due_at=None, risk_at=None, left_s=left, ran_s=ran)
    step.tell(SlaPaused, clock, left_s=left)
    return clock


def _met(step: Step, now: Conversation, target: Target, clock: Clock | None) -> Clock | None:
    if clock is not None:
        clock = _passed(step, clock)
        step.tell(SlaMet, clock, late_s=_late(step, clock))
        if not clock.breached:
            step.state = replace(step.state, met=(*step.state.met, target)[-KEPT:])
    return None


def _gone(step: Step, now: Conversation, target: Target, clock: Clock | None) -> Clock | None:
    return None


def _begin(now: Conversation, target: Target, at_ms: int) -> int:
    """From when a new clock counts."""
    if target == "resolution":
        return at_ms if now.reopened else milliseconds(now.opened_at)
    return milliseconds(now.waiting_since) if now.waiting_since is not None else at_ms


def _again(step: Step, clock: Clock) -> Clock:
    """A clock as the new promise has it."""
    total = step.promise.seconds(clock.target) or 0
    clock = replace(clock, at_risk=False, breached=False)
    if clock.left_s is not None:
        return replace(clock, left_s=max(total - clock.ran_s, 0))
    clock = _timed(step, clock, milliseconds(clock.since or clock.started_at))
    step.tell(SlaStarted, clock)
    return clock


def _timed(step: Step, clock: Clock, since_ms: int) -> Clock:
    """The clock running since then, with when it will be due."""
    total = step.promise.seconds(clock.target) or 0
    due = step.promise.due(since_ms, max(total - clock.ran_s, 0))
    risk = step.promise.due(since_ms, max(total * step.promise.sla.at_risk - clock.ran_s, 0))
    return replace(clock, due_at=due, risk_at=risk)


def _passed(step: Step, clock: Clock) -> Clock:
    if clock.left_s is not None or clock.breached:
        return clock
    if clock.due_at is not None and milliseconds(clock.due_at) <= step.at_ms:
        step.tell(SlaBreached, clock)
        step.state = replace(step.state, breached=(*step.state.breached, clock.target)[-KEPT:])
        return replace(clock, at_risk=True, breached=True)
    if not clock.at_risk and clock.risk_at is not None and milliseconds(clock.risk_at) <= step.at_ms:
        step.tell(SlaAtRisk, clock)
        return replace(clock, at_risk=True)
    return clock


def _ran(step: Step, clock: Clock) -> int:
    """Seconds of its hours for which the clock, which runs, has run."""
    since = milliseconds(clock.since or clock.started_at)
    return clock.ran_s + open_between(step.promise.hours, since, step.at_ms)


def _late(step: Step, clock: Clock) -> int:
    if not clock.breached:
        return 0
    before = max(clock.ran_s - (step.promise.seconds(clock.target) or 0), 0)
    due = clock.due_at
    return before if due is None else before + open_between(step.promise.hours, milliseconds(due), step.at_ms)


def _next(clock: Clock) -> datetime | None:
    if clock.breached or clock.left_s is not None:
        return None
    return clock.due_at if clock.at_risk else clock.risk_at


def _urgency(sla: Sla, clock: Clock) -> int:
    if clock.breached:
        return max(sla.at_risk_priority, sla.breach_priority)
    return sla.at_risk_priority if clock.at_risk else 0


_TURNS: Final[dict[Wish, Callable[[Step, Conversation, Target, Clock | None], Clock | None]]] = {
    "run": _run,
    "pause": _pause,
    "met": _met,
    "gone": _gone,
}
