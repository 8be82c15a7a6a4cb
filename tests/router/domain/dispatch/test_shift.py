"""Shifts: when agents work, their breaks, and what is not begun shortly before the end."""

from __future__ import annotations

import pytest

from contracts.codec import moment
from contracts.events import AgentPresenceChanged, OfferWithdrawn
from contracts.policy import Calendar, ChannelClass, Policy, Queue
from contracts.streams import DISPATCH
from router.domain.dispatch.shift import Shift, shift_of
from router.domain.dispatch.tables import AGENTS
from tests.router.domain.dispatch.floor import Floor
from tests.router.domain.memory import START_MS

EARLY = Calendar(week={"fri": ("08:00-08:10", "08:15-08:30")})
MINUTE = 60_000


def policy(**more: object) -> Policy:
    classes = {"chat": ChannelClass(20, expected_s=240), "email": ChannelClass(10, expected_s=60)}
    return Policy(calendars={"early": EARLY}, classes=classes, presence_grace_s=10**6, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at_min", "expected", "shift"),
    [
        (0, (), Shift(True, 10, None, 10)),
        (0, (60, 240), Shift(True, 10, None, 6)),
        (7, (60, 240), Shift(True, 10, 60, 9)),
        (9.5, (60, 240), Shift(True, 10, 0, 10)),
        (10, (60, 240), Shift(False, 15, None, 15)),
        (15, (60, 240), Shift(True, 30, None, 26)),
        (26, (60, 240), Shift(True, 30, None, 26)),
    ],
)
def test_a_shift_at_one_moment(at_min: float, expected: tuple[int, ...], shift: Shift) -> None:
    found = shift_of(EARLY, expected, START_MS + int(at_min * MINUTE))

    def minute(at_ms: int | None) -> int | None:
        return None if at_ms is None else (at_ms - START_MS) // MINUTE

    assert found._replace(changes_ms=minute(found.changes_ms), next_ms=minute(found.next_ms)) == shift
    assert found.next_ms is not None and found.next_ms > START_MS + at_min * MINUTE


def test_none_and_always() -> None:
    assert shift_of(None, (60,), START_MS) == Shift()
    assert shift_of(Calendar(), (60,), START_MS) == Shift(True)


def test_off_shift_is_the_third_fact() -> None:
    floor = Floor(policy())
    floor.agent("ann", shift="early")
    presence = floor.state("ann").presence
    assert (presence.on_shift, presence.shift_changes_at) == (True, moment(START_MS + 10 * MINUTE))
    floor.wait(600)
    event = floor.events(AgentPresenceChanged)[-1]
    assert (event.presence.on_shift, event.available, event.presence.declared) == (False, False, "online")
    floor.ask(1)
    assert floor.decision().counts == {"off_shift": 1}
    floor.wait(300)
    assert floor.holder(1) == ("offered", "ann"), "the break is over"
    assert floor.decision().trigger == "shift"


def test_the_end_of_a_shift_never_takes_work_away_and_passes_offers_on() -> None:
    floor = Floor(policy())
    floor.agent("ann", shift="early", capacity=40)
    floor.wait(320)
    floor.ask(1)
    floor.accept(1, "ann")
    floor.wait(275)
    floor.ask(2, channel_class="sms")
    assert floor.holder(2) == ("offered", "ann")
    floor.wait(5)
    assert floor.holder(1) == ("assigned", "ann") and floor.state("ann").work == ("cv_01_1",)
    assert floor.holder(2) == ("waiting", None)
    assert [each.reason for each in floor.events(OfferWithdrawn)] == ["shift"]
    assert floor.claim(2, "ann") is None, "whoever wants to may go on"


def test_what_takes_longer_than_is_left_is_not_begun() -> None:
    floor = Floor(policy())
    floor.agent("ann", shift="early")
    floor.wait(6 * 60)
    floor.ask(1)
    assert floor.holder(1) == ("offered", "ann"), "just in time"
    floor.wait(0.001)
    floor.ask(2)
    floor.ask(3, channel_class="email")
    floor.ask(4, channel_class="voice")
    assert floor.holder(2) == ("waiting", None) and floor.holder(3) == ("offered", "ann")
    assert floor.state("ann").ending_s == 60 and floor.work(4).state == "waiting"
    floor.store.restart(DISPATCH)
    floor.wait(3 * 60)
    floor.ask(5, channel_class="email")
    assert floor.decision().counts == {"shift_ending": 1}
    floor.release(4)
    floor.wait(6 * 60)
    assert floor.holder(2)[0] == "offered", "after the break"


def test_nobody_is_waited_for_who_is_about_to_go() -> None:
    floor = Floor(policy(queues=(Queue("default", prefer_wait_s=30),)))
    floor.agent("ann", shift="early")
    floor.wait(7 * 60)
    floor.ask(1, previous_agent="ann")
    assert floor.work(1).only == () and floor.decision().reason == "nobody_eligible"


def test_another_policy_and_another_shift_take_effect_at_once() -> None:
    floor = Floor(policy())
    floor.agent("ann", shift="early")
    floor.ask(1)
    late = Policy(calendars={"early": Calendar(week={"sat": ("08:00-09:00",)})}, presence_grace_s=10**6)
    assert floor.publish(late) is None
    assert floor.holder(1) == ("waiting", None) and floor.state("ann").presence.on_shift is False
    floor.agent("ann", here=False)
    assert floor.state("ann").presence.on_shift is None and floor.holder(1) == ("offered", "ann")
    floor.remove("ann")
    assert "shift:ann" not in floor.store[DISPATCH].timers and floor.store.rows(AGENTS) == {}
