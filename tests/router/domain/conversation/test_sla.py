"""Promises by hand-computed tables: hours, lunch breaks, clock changes, holidays, reopening, bots, transfers.

Times are wall-clock times of the calendar's own zone. 2027-01-18 is a Monday.
"""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.codec import tag_of
from contracts.commands import NotifyCustomer, RequestAgent, Transfer, WorkClassified
from contracts.events import SlaChanged, SlaMet, SlaPaused
from contracts.policy import Calendar, Sla
from contracts.terms import Terms
from tests.router.domain.conversation.world import World

DAYS = ("mon", "tue", "wed", "thu", "fri")
LUNCH: dict[str, tuple[str, ...]] = dict.fromkeys(DAYS, ("09:00-12:00", "13:00-18:00"))
CALENDARS = {
    "tokyo": Calendar("Asia/Tokyo", LUNCH, "JP"),
    "berlin": Calendar("Europe/Berlin", dict.fromkeys((*DAYS, "sat", "sun"), ("00:00-24:00",))),
}
HOUR = 3600
SLAS = {
    "office": Sla(HOUR, 2 * HOUR, 8 * HOUR, "tokyo"),
    "round": Sla(HOUR, 2 * HOUR, 8 * HOUR),
    "first": Sla(first_response_s=HOUR),
    "next": Sla(next_response_s=HOUR),
    "solve": Sla(resolution_s=4 * HOUR, hours="tokyo"),
    "berlin": Sla(first_response_s=3 * HOUR, hours="berlin"),
    "quick": Sla(first_response_s=600, resolution_s=1800),
    "urgent": Sla(600, 600, None, None, 0.5, 10, 30, "late"),
}
TERMS = Terms(number=1, slas=SLAS, calendars=CALENDARS, bots=("bot",))


class Story:
    """Steps at times, and what was told of promises: ``01-18 09:10 started first_response 10:10``."""

    def __init__(self, sla: str | None, zone: str = "Asia/Tokyo", terms: Terms = TERMS) -> None:
        self.world = World()
        self.world.terms(terms)
        self.zone = ZoneInfo(zone)
        self.sla = sla

    def at(self, time: str) -> datetime:
        return datetime.fromisoformat(f"2027-{time}").replace(tzinfo=self.zone)

    def run(self, *steps: tuple[str, str]) -> list[str]:
        for time, step in steps:
            self.world.until(self.at(time))
            for each in step.split(" + "):
                self.do(*each.split())
        self.world.check()
        return self.told()

    def do(self, step: str, *more: str) -> None:
        world = self.world
        if step in ("write", "auto"):
            begins = not world.conversations or world.conversation.status == "resolved"
            world.write("taro", flags=("automatic",) if step == "auto" else ())
            if begins and world.conversation.status != "resolved":
                self.classify(self.sla)
        elif step in ("answer", "service"):
            world.answer(world.conversation.id, by=f"agent:{more[0]}" if more else "token:crm")
        elif step == "assign":
            world.assign(world.conversation.id, more[0])
        elif step == "handoff":
            world.ask(Transfer(conversation=world.conversation.id, queue="people", by=f"agent:{more[0]}"))
        elif step == "classify":
            self.classify(more[0] if more else None)
        elif step == "snooze":
            world.status(world.conversation.id, "snoozed", in_s=int(more[0]))
        elif step == "fail":
            world.deliver("failed")
        elif step != "look":
            world.status(world.conversation.id, step)

    def classify(self, sla: str | None) -> None:
        self.world.ask(WorkClassified(conversation=self.world.conversation.id, queue="default", sla=sla))

    def told(self) -> list[str]:
        return [self.line(event) for event in self.world.store.events(kind=SlaChanged)]

    def line(self, event: SlaChanged) -> str:
        at = event.at.astimezone(self.zone)
        line = f"{at:%m-%d %H:%M} {tag_of(event).removeprefix('sla.')} {event.target}"
        if isinstance(event, SlaMet):
            return line + (f" late {event.late_s}" if event.late_s else "")
        if isinstance(event, SlaPaused):
            return f"{line} left {event.left_s}"
        due = event.due_at.astimezone(self.zone) if event.due_at else None
        return f"{line} {due:%m-%d %H:%M}" if due else line


CASES: dict[str, tuple[str | None, list[tuple[str, str]], list[str]]] = {
    "nothing promised": (
        None,
        [("01-18 09:00", "write"), ("01-19 09:00", "answer a"), ("01-20 09:00", "resolved")],
        [],
    ),
    "answered in time": (
        "first",
        [("01-18 09:00", "write"), ("01-18 09:30", "answer a")],
        ["01-18 09:00 started first_response 01-18 10:00", "01-18 09:30 met first_response"],
    ),
    "answered late": (
        "first",
        [("01-18 09:00", "write"), ("01-18 10:20", "answer a")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:48 at_risk first_response 01-18 10:00",  # four fifths of it
            "01-18 10:00 breached first_response 01-18 10:00",
            "01-18 10:20 met first_response late 1200",
        ],
    ),
    "a second message while waiting changes nothing": (
        "first",
        [("01-18 09:00", "write"), ("01-18 09:20", "write"), ("01-18 09:30", "answer a")],
        ["01-18 09:00 started first_response 01-18 10:00", "01-18 09:30 met first_response"],
    ),
    "over lunch": (
        "office",
        [("01-18 11:30", "write"), ("01-18 13:20", "answer a"), ("01-18 13:20", "resolved")],
        [
            "01-18 11:30 started first_response 01-18 13:30",
            "01-18 11:30 started resolution 01-19 11:30",  # 0.5 h before lunch, 5 h after it, 2.5 h the next day
            "01-18 13:18 at_risk first_response 01-18 13:30",  # 48 min of hours: 30 before lunch and 18 after it
            "01-18 13:20 met first_response",
            "01-18 13:20 met resolution",
        ],
    ),
    "next answers": (
        "round",
        [
            ("01-18 09:00", "write"),
            ("01-18 09:10", "answer a"),
            ("01-18 09:40", "write"),
            ("01-18 10:00", "write"),
            ("01-18 10:30", "answer a"),
            ("01-18 11:00", "write"),
            ("01-18 11:05", "answer a + resolved"),
        ],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:10 met first_response",
            "01-18 09:40 started next_response 01-18 11:40",
            "01-18 10:30 met next_response",
            "01-18 11:00 started next_response 01-18 13:00",
            "01-18 11:05 met next_response",
            "01-18 11:05 met resolution",
        ],
    ),
    "next answers alone begin with the first message": (
        "next",
        [("01-18 09:00", "write"), ("01-18 09:10", "answer a")],
        ["01-18 09:00 started next_response 01-18 10:00", "01-18 09:10 met next_response"],
    ),
    "resolution waits for the customer": (
        # Four hours of hours: one and a half until 10:30; then paused; on at 14:00 with two and a half left.
        "solve",
        [
            ("01-18 09:00", "write"),
            ("01-18 10:30", "answer a + waiting"),
            ("01-18 14:00", "write"),
            ("01-18 14:10", "answer a + waiting"),
            ("01-19 09:00", "write"),
            ("01-19 09:20", "answer a + resolved"),
        ],
        [
            "01-18 09:00 started resolution 01-18 14:00",
            "01-18 10:30 paused resolution left 9000",
            "01-18 14:00 started resolution 01-18 16:30",
            "01-18 14:10 paused resolution left 8400",
            "01-19 09:00 started resolution 01-19 11:20",
            "01-19 09:20 met resolution",
        ],
    ),
    "a snooze pauses it too, and ends by itself": (
        "solve",
        [
            ("01-18 09:00", "write"),
            ("01-18 10:00", "snooze 10800"),
            ("01-18 16:00", "look"),
            ("01-18 16:30", "resolved"),
        ],
        [
            "01-18 09:00 started resolution 01-18 14:00",
            "01-18 10:00 paused resolution left 10800",
            "01-18 13:00 started resolution 01-18 16:00",
            "01-18 15:12 at_risk resolution 01-18 16:00",  # 192 of 240 minutes have run
            "01-18 16:00 breached resolution 01-18 16:00",
            "01-18 16:30 met resolution late 1800",
        ],
    ),
    "breached, then waiting, then on": (
        "solve",
        [
            ("01-18 09:00", "write"),
            ("01-18 15:00", "waiting"),
            ("01-18 16:00", "write"),
            ("01-18 16:30", "resolved"),
        ],
        [
            "01-18 09:00 started resolution 01-18 14:00",
            "01-18 13:12 at_risk resolution 01-18 14:00",
            "01-18 14:00 breached resolution 01-18 14:00",
            "01-18 15:00 paused resolution left 0",
            "01-18 16:00 started resolution 01-18 16:00",
            "01-18 16:30 met resolution late 5400",  # an hour before the pause, and half an hour after it
        ],
    ),
    "an answer that failed": (
        "round",
        [
            ("01-18 09:00", "write"),
            ("01-18 09:10", "answer a"),
            ("01-18 09:12", "fail"),
            ("01-18 09:30", "answer a + resolved"),
        ],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:10 met first_response",
            "01-18 09:12 started next_response 01-18 11:10",  # since the answer that never came
            "01-18 09:30 met next_response",
            "01-18 09:30 met resolution",
        ],
    ),
    "an automatic mail is nobody who waits": (
        "first",
        [("01-18 09:00", "auto"), ("01-18 09:30", "write"), ("01-18 09:40", "auto"), ("01-18 09:50", "answer a")],
        ["01-18 09:30 started first_response 01-18 10:30", "01-18 09:50 met first_response"],
    ),
    "resolved without an answer": (
        "round",
        [("01-18 09:00", "write"), ("01-18 09:30", "resolved"), ("01-18 12:00", "look")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:30 met resolution",
        ],
    ),
    "reopened after an answer": (
        "round",
        [
            ("01-18 09:00", "write"),
            ("01-18 09:30", "answer a + resolved"),
            ("01-19 10:00", "write"),
            ("01-19 10:30", "answer a + resolved"),
        ],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:30 met first_response",
            "01-18 09:30 met resolution",
            "01-19 10:00 started next_response 01-19 12:00",  # not a first response, and not since the day before
            "01-19 10:00 started resolution 01-19 18:00",
            "01-19 10:30 met next_response",
            "01-19 10:30 met resolution",
        ],
    ),
    "reopened without any answer before": (
        "first",
        [("01-18 09:00", "write"), ("01-18 09:30", "resolved"), ("01-19 10:00", "write"), ("01-19 10:10", "answer a")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-19 10:00 started first_response 01-19 11:00",
            "01-19 10:10 met first_response",
        ],
    ),
    "a bot's answer is no first response": (
        "first",
        [
            ("01-18 09:00", "write + assign bot"),
            ("01-18 09:01", "answer bot"),
            ("01-18 09:31", "write"),
            ("01-18 09:32", "answer bot"),
            ("01-18 09:40", "handoff bot"),
            ("01-18 09:41", "assign a"),
            ("01-18 10:00", "answer a"),
        ],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:01 paused first_response left 3540",
            "01-18 09:31 started first_response 01-18 10:30",
            "01-18 09:32 paused first_response left 3480",
            "01-18 09:40 started first_response 01-18 10:38",  # the customer waits for a person from now on
            "01-18 10:00 met first_response",
        ],
    ),
    "a service's answer ends the wait and is no first response": (
        "first",
        [("01-18 09:00", "write"), ("01-18 09:10", "service"), ("01-18 12:00", "look"), ("01-18 12:30", "answer a")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:10 paused first_response left 3000",
            "01-18 12:30 met first_response",
        ],
    ),
    "a transfer alone changes nothing": (
        "first",
        [("01-18 09:00", "write + assign a"), ("01-18 09:20", "handoff a"), ("01-18 09:50", "assign b + answer b")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:48 at_risk first_response 01-18 10:00",
            "01-18 09:50 met first_response",
        ],
    ),
    "another promise counts from when the first did": (
        "round",
        [("01-18 09:00", "write"), ("01-18 09:05", "classify quick"), ("01-18 09:08", "answer a + resolved")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:05 started first_response 01-18 09:10",
            "01-18 09:05 started resolution 01-18 09:30",
            "01-18 09:08 at_risk first_response 01-18 09:10",
            "01-18 09:08 met first_response",
            "01-18 09:08 met resolution",
        ],
    ),
    "another promise that is broken already": (
        "round",
        [("01-18 09:00", "write"), ("01-18 09:20", "classify quick"), ("01-18 09:21", "answer a + resolved")],
        [
            "01-18 09:00 started first_response 01-18 10:00",
            "01-18 09:00 started resolution 01-18 17:00",
            "01-18 09:20 started first_response 01-18 09:10",
            "01-18 09:20 started resolution 01-18 09:30",
            "01-18 09:20 breached first_response 01-18 09:10",
            "01-18 09:21 met first_response late 660",
            "01-18 09:21 met resolution",
        ],
    ),
    "another promise that is not broken yet": (
        "quick",
        [("01-18 09:00", "write"), ("01-18 09:20", "classify first"), ("01-18 10:05", "answer a")],
        [
            "01-18 09:00 started first_response 01-18 09:10",
            "01-18 09:00 started resolution 01-18 09:30",
            "01-18 09:08 at_risk first_response 01-18 09:10",
            "01-18 09:10 breached first_response 01-18 09:10",
            "01-18 09:20 started first_response 01-18 10:00",
            "01-18 09:48 at_risk first_response 01-18 10:00",
            "01-18 10:00 breached first_response 01-18 10:00",
            "01-18 10:05 met first_response late 300",
        ],
    ),
    "pauses do not count against another promise": (
        "solve",
        [
            ("01-18 09:00", "write"),
            ("01-18 09:10", "answer a + waiting"),
            ("01-18 11:00", "write"),
            ("01-18 11:05", "classify quick"),
            ("01-18 11:06", "answer a + resolved"),
        ],
        [
            "01-18 09:00 started resolution 01-18 14:00",
            "01-18 09:10 paused resolution left 13800",
            "01-18 11:00 started resolution 01-18 15:50",
            "01-18 11:05 started resolution 01-18 11:20",  # half an hour, of which ten minutes had run before the pause
            "01-18 11:06 met resolution",
        ],
    ),
    "nothing promised any more": (
        "round",
        [("01-18 09:00", "write"), ("01-18 09:05", "classify"), ("01-18 12:00", "answer a + resolved")],
        ["01-18 09:00 started first_response 01-18 10:00", "01-18 09:00 started resolution 01-18 17:00"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_story(name: str) -> None:
    sla, steps, told = CASES[name]
    assert Story(sla).run(*steps) == told


def test_over_a_weekend_and_a_holiday() -> None:
    # A Friday; Monday 2027-03-22 is the day in lieu of the vernal equinox.
    story = Story("office")
    told = story.run(("03-19 17:30", "write"), ("03-23 09:10", "answer a"), ("03-23 18:30", "resolved"))
    assert told == [
        "03-19 17:30 started first_response 03-23 09:30",
        "03-19 17:30 started resolution 03-23 17:30",
        "03-23 09:10 met first_response",
        "03-23 15:54 at_risk resolution 03-23 17:30",
        "03-23 17:30 breached resolution 03-23 17:30",
        "03-23 18:30 met resolution late 1800",  # until six; it was closed then
    ]


@pytest.mark.parametrize(
    ("write", "due"),
    [
        ("03-28 00:30", "03-28 04:30"),  # clocks are put forward at two
        ("10-31 00:30", "10-31 02:30"),  # put back at three: two comes twice, and this is the second time
        ("10-30 00:30", "10-30 03:30"),
    ],
)
def test_clocks_put_forward_and_back(write: str, due: str) -> None:
    assert Story("berlin", "Europe/Berlin").run((write, "write"))[0] == f"{write} started first_response {due}"


def test_a_policy_published_meanwhile() -> None:
    story = Story("round")
    story.run(("01-18 09:00", "write"), ("01-18 09:10", "answer a + waiting"))
    slower = Terms(number=2, slas={"round": Sla(resolution_s=9 * HOUR)})
    story.world.terms(slower)
    story.world.terms(TERMS)  # older, and comes too late
    assert story.run(("01-18 10:00", "write"))[-1] == "01-18 10:00 started resolution 01-18 18:50"
    gone = Terms(number=3)
    story.world.terms(gone)
    story.run(("01-18 10:10", "answer a + waiting"))
    assert story.world.conversation.sla is None
    assert "sla:" not in "".join(key for shard in story.world.store.shards.values() for key in shard.timers)


def test_what_runs_keeps_the_time_it_was_given() -> None:
    story = Story("first")
    story.run(("01-18 09:00", "write"))
    story.world.terms(Terms(number=2, slas={"first": Sla(first_response_s=60)}))
    assert story.run(("01-18 09:30", "answer a"))[-1] == "01-18 09:30 met first_response"


def test_a_promise_that_the_policy_forgot_ends_when_it_comes_due() -> None:
    story = Story("first")
    story.run(("01-18 09:00", "write"))
    story.world.terms(Terms(number=2))
    story.run(("01-18 12:00", "look"))
    assert story.world.conversation.sla is None and len(story.told()) == 1


def test_what_is_reopened_was_promised_nothing_until_the_rules_have_spoken() -> None:
    story = Story("round")
    story.run(("01-18 09:00", "write"), ("01-18 09:10", "answer a + resolved"))
    before = len(story.told())
    assert story.world.conversation.sla is not None
    story.world.write("taro")
    assert story.world.conversation.sla is None and len(story.told()) == before


def test_what_was_kept_and_what_was_not_is_remembered() -> None:
    story = Story("round")
    story.run(
        ("01-18 09:00", "write"), ("01-18 10:01", "answer a"), ("01-18 10:10", "write"), ("01-18 10:20", "answer a")
    )
    state = story.world.conversation.sla
    assert state is not None and (state.met, state.breached) == (("next_response",), ("first_response",))
    assert [clock.target for clock in state.clocks] == ["resolution"]


# -- what follows ----------------------------------------------------------------------------------------------------


def raised(world: World) -> list[int]:
    return [request.raised for request in world.told(RequestAgent)]


def test_priority_follows_and_falls_again() -> None:
    story = Story("urgent")
    story.run(("01-18 09:00", "write"))
    assert raised(story.world) == [0]
    story.run(("01-18 09:05", "look"))
    assert raised(story.world) == [0, 10] and story.world.told(RequestAgent)[-1].trigger == "promise"
    story.run(("01-18 09:10", "look"))
    assert raised(story.world) == [0, 10, 30]
    story.run(("01-18 09:11", "handoff a"))
    assert raised(story.world) == [0, 10, 30, 30]
    story.run(("01-18 09:12", "assign b + answer b"))
    assert raised(story.world)[-1] == 0 and len(raised(story.world)) == 5
    story.run(("01-18 09:13", "resolved"))
    assert len(raised(story.world)) == 5


def test_the_customer_is_told_once_while_they_wait_that_it_will_be_late() -> None:
    story = Story("urgent")
    story.run(("01-18 09:00", "write"), ("01-18 09:20", "write"))
    told = [message for message in story.world.messages() if message.direction == "outbound"]
    assert [(message.author, message.flags) for message in told] == [("system", ("automatic",))]
    conversation = story.world.conversation
    assert conversation.first_response_at is None and conversation.waiting_since == story.at("01-18 09:00")
    story.run(("01-18 09:30", "answer a"), ("01-18 09:40", "write"), ("01-18 10:00", "look"))
    assert len([message for message in story.world.messages() if message.author == "system"]) == 2


def test_news_for_a_conversation_that_is_over_is_out_of_date() -> None:
    story = Story(None)
    story.run(("01-18 09:00", "write"), ("01-18 09:01", "resolved"), ("01-18 09:02", "classify first"))
    assert story.world.conversation.sla is None
    story.world.ask(NotifyCustomer(conversation=story.world.conversation.id, text="late"))
    assert story.world.conversation.messages == 1


def test_timers_are_one_and_go_with_the_promise() -> None:
    story = Story("round")
    story.run(("01-18 09:00", "write"), ("01-18 09:10", "answer a"))
    (shard,) = [shard for shard in story.world.store.shards.values() if shard.timers]
    assert [key.partition(":")[0] for key in shard.timers] == ["sla"]
    story.run(("01-18 09:20", "resolved"))
    assert [key.partition(":")[0] for key in shard.timers] == ["close"]


def test_a_promise_without_hours_to_come_never_comes_due() -> None:
    never: dict[str, Any] = {"never": Calendar("Asia/Tokyo", {})}
    story = Story("first", terms=Terms(number=1, slas={"first": Sla(HOUR, hours="never")}, calendars=never))
    assert story.run(("01-18 09:00", "write"), ("01-20 09:00", "answer a")) == [
        "01-18 09:00 started first_response",
        "01-20 09:00 met first_response",
    ]
