"""What a recording makes of the dispatch shard's streams, entry by entry."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.agent import Agent, AgentState, Presence
from contracts.codec import moment
from contracts.commands import (
    AgentConnection,
    DeclarePresence,
    Facts,
    FinishWrapUp,
    PauseWork,
    PutAgent,
    ReleaseWork,
    RequestAgent,
    TimerDue,
    WakeWork,
)
from contracts.decision import Decision
from contracts.events import (
    DecisionMade,
    MessageQueued,
    OfferAccepted,
    OfferDeclined,
    OfferExpired,
    OfferMade,
    OfferWithdrawn,
)
from contracts.message import Message
from contracts.policy import Policy, Queue
from router.rehearse.day import Case, Day, Passing, Reaction, Silence
from router.rehearse.record import Seen, recorded, seen_answer, seen_event
from tests.router.rehearse.hand import BEGIN_MS, at, s

POLICY = Policy(queues=(Queue("default", idle_after_s=30),))


def of(*said: tuple[float, Any], agents: dict[str, AgentState] | None = None) -> Day:
    """``said``: seconds, and the command or event."""
    entries = [Seen(at(seconds), 0, place, what) for place, (seconds, what) in enumerate(said)]
    return recorded(entries, agents or {}, POLICY, 4)


def asks(number: int = 1, **how: Any) -> RequestAgent:
    facts = Facts("webchat", "web", "chat", f"ct_00_{number}", previous_agent=how.pop("previous", None))
    return RequestAgent(conversation=f"cv_00_{number}", facts=facts, waiting_since=moment(at(0)), **how)


def event(kind: Any, agent: str = "ann", number: int = 1, **how: Any) -> Any:
    return kind(id="", at=moment(BEGIN_MS), conversation=f"cv_00_{number}", agent=agent, queue="default", **how)


def decided(outcome: Any, agent: str | None = None, number: int = 1) -> DecisionMade:
    decision = Decision("dc", moment(BEGIN_MS), f"cv_00_{number}", outcome, "work_arrived", "default", "1", agent=agent)
    return DecisionMade(id="", at=moment(BEGIN_MS), conversation=f"cv_00_{number}", decision=decision)


def release(number: int = 1) -> ReleaseWork:
    return ReleaseWork(conversation=f"cv_00_{number}", reason="resolved")


def only(day: Day) -> Case:
    (one,) = day.cases
    return one


def test_handling_from_the_assignment_to_the_end() -> None:
    one = only(of((10, asks()), (10, decided("assigned", "ann")), (70, release())))
    assert (one.at_ms, one.waited_ms, one.handle_ms, one.patience_ms) == (at(10), s(10), s(60), None)


def test_reactions_to_offers() -> None:
    one = only(
        of(
            (0, asks()),
            (0, event(OfferMade)),
            (3, event(OfferDeclined)),
            (3, event(OfferMade, "bob")),
            (33, event(OfferExpired, "bob")),
            (33, event(OfferMade, "cyd")),
            (40, event(OfferWithdrawn, "cyd", reason="policy")),
            (40, event(OfferMade, "dee")),
            (44, event(OfferAccepted, "dee")),
            (100, release()),
        )
    )
    assert one.reactions == (
        Reaction(s(3), "decline"), Reaction(0, "miss"), Reaction(s(7) + 5000), Reaction(s(4)),
    )  # fmt: skip
    assert one.handle_ms == s(56)


def test_who_was_never_served_gave_up_and_takes_as_long_as_others_do() -> None:
    day = of(
        (0, asks(1)), (0, decided("waiting")), (50, release(1)),
        (60, asks(2)), (60, decided("assigned", "ann", 2)), (100, release(2)),
    )  # fmt: skip
    assert [(one.patience_ms, one.handle_ms) for one in day.cases] == [(s(50), s(40)), (None, s(40))]


def test_passed_on_and_only_the_time_with_agents_counts() -> None:
    one = only(
        of(
            (0, asks()),
            (0, decided("assigned", "ann")),
            (20, asks(queue="vip", trigger="transferred")),
            (20, decided("waiting")),
            (80, decided("assigned", "bob")),
            (90, release()),
        )
    )
    assert (one.handle_ms, one.passings) == (s(30), (Passing(s(20), queue="vip"),))


def test_silences() -> None:
    said = [(0, asks()), (0, decided("assigned", "ann")), (50, PauseWork(conversation="cv_00_1"))]
    wake = WakeWork(conversation="cv_00_1", waiting_since=moment(at(200)))
    one = only(of(*said, (200, wake), (260, release())))
    assert (one.silences, one.handle_ms) == ((Silence(s(20), s(180)),), s(260))
    assert only(of(*said, (260, release()))).silences == (Silence(s(20), s(240)),)


def test_who_did_not_answer_and_news_and_promises() -> None:
    one = only(
        of(
            (0, asks()),
            (0, decided("waiting")),
            (5, asks(raised=10, trigger="promise")),
            (8, asks(trigger="enriched")),
            (10, decided("assigned", "ann")),
            (40, asks(queue="default", trigger="unanswered")),
            (40, decided("assigned", "bob")),
            (60, release()),
        )
    )
    assert one.answers == (None, 0)
    assert [(news.after_ms, news.request.trigger) for news in one.news] == [(s(8), "enriched")]


def test_when_agents_first_answered() -> None:
    def wrote(author: str | None, seconds: float = 0) -> Seen | None:
        message = Message(
            "ms", "cv_00_1", "ct_00_1", 1, "outbound", "line", "line", "U1", (), moment(BEGIN_MS), author=author
        )
        return seen_answer(MessageQueued(id="", at=moment(at(seconds)), message=message))

    assert wrote("system") is wrote(None) is None
    entries = [Seen(at(0), 0, 0, asks()), Seen(at(0), 0, 1, decided("assigned", "ann")), Seen(at(50), 0, 0, release())]
    entries += [Seen(at(40), 0, 1, decided("assigned", "bob"))]
    answers = [one for seconds in (30, 20, 0) if (one := wrote("agent:ann", seconds)) is not None]
    assert only(recorded([*entries, *answers[:2]], {}, POLICY, 1)).answers == (s(20), 0)
    assert only(recorded([*entries, *answers], {}, POLICY, 1)).answers == ()


def test_wrap_up_ended_by_hand() -> None:
    done = FinishWrapUp(conversation="cv_00_1", agent="ann")
    assert only(of((0, asks()), (0, decided("assigned", "ann")), (9, release()), (15, done))).wrap_ms == s(6)


def test_reopened_is_another_case_and_knows_its_agent_of_the_day() -> None:
    day = of(
        (0, asks()), (0, decided("assigned", "ann")), (9, release()),
        (20, asks(previous="ann")), (20, decided("assigned", "ann")), (30, release()),
        (40, asks(2, previous="eve")), (50, release(2)),
    )  # fmt: skip
    assert [(one.conversation, one.returning) for one in day.cases] == [
        ("cv_00_1", False), ("cv_00_1", True), ("cv_00_2", False),
    ]  # fmt: skip


def test_what_is_cut_off_at_the_end_goes_on_as_long_as_usual() -> None:
    day = of(
        (0, asks(1)), (0, decided("assigned", "ann")), (40, release(1)),
        (50, asks(2)), (50, decided("assigned", "ann", 2)), (60, asks(3)), (60, event(OfferMade, number=3)),
    )  # fmt: skip
    assert [one.handle_ms for one in day.cases] == [s(40), s(50), s(40)]
    assert day.cases[2].reactions == (Reaction(5000),)


def test_sessions_are_told_by_beginning_and_end() -> None:
    def here(connected: bool = True) -> AgentConnection:
        return AgentConnection(agent="ann", session="s", connected=connected)

    day = of(
        (0, PutAgent(agent=Agent("ann", "Ann"))), (1, here()), (61, here()), (121, here()), (130, here(False)),
        (140, here()), (400, here()), (1000, TimerDue(timer="x", due=1)),
    )  # fmt: skip
    said = [((act.at_ms - BEGIN_MS) / 1000, act.command.connected) for act in day.acts[1:]]  # type: ignore[union-attr]
    assert said == [(1, True), (130, False), (140, True), (290, False), (400, True), (550, False)]


def test_agents_from_before_the_streams_begin() -> None:
    states = {
        "ann": AgentState(Agent("ann", "Ann"), Presence("online", True, since=moment(at(-100)))),
        "bob": AgentState(Agent("bob", "Bob"), Presence("away", True, since=moment(at(50)))),
        "cyd": AgentState(Agent("cyd", "Cyd"), Presence("offline")),
    }
    day = of((0, asks()), (50, DeclarePresence(agent="bob", declared="away")), agents=states)
    said = [
        (act.at_ms - BEGIN_MS, act.command.agent, act.command.declared)
        for act in day.acts
        if isinstance(act.command, DeclarePresence)
    ]
    assert said == [(0, "ann", "online"), (0, "bob", "online"), (0, "cyd", "offline"), (s(50), "bob", "away")]


def test_what_began_before_is_left_out_and_told() -> None:
    day = of((0, release(7)), (1, decided("assigned", "ann", 8)), (2, asks()))
    assert [one.conversation for one in day.cases] == ["cv_00_1"]
    assert day.notes == ("2 conversations had begun before the recording, and are not in it",)


@pytest.mark.parametrize(
    ("id", "place"), [("dmain-1700-3-2", (1700, 3, 2)), ("dmain-x-3-2", None), ("", None), ("dmain-1700-3", None)]
)
def test_events_stand_behind_the_command_that_made_them(id: str, place: Any) -> None:
    found = seen_event(OfferMade(id=id, at=moment(0), queue="default"))
    assert (found and found[:3]) == place
