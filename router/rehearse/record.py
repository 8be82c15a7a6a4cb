"""From the dispatch shard's own streams to a day: what customers and agents did, apart from what the policy made of it.

Commands tell what was asked, events what came of it: only both tell how long an agent took to accept, or handled a
conversation. What began before the streams do is not known, and left out; a note says how much. When agents first
answered is told by the conversations' own events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from contracts.agent import AgentState
from contracts.codec import milliseconds
from contracts.commands import (
    AgentConnection,
    ClaimWork,
    DeclarePresence,
    FinishWrapUp,
    PauseWork,
    PutAgent,
    ReleaseWork,
    RemoveAgent,
    RequestAgent,
    TakeOver,
    WakeWork,
)
from contracts.events import (
    DecisionMade,
    Event,
    MessageQueued,
    OfferAccepted,
    OfferDeclined,
    OfferExpired,
    OfferMade,
    OfferWithdrawn,
    PolicyPublished,
)
from contracts.policy import Policy
from router.domain.dispatch.attend import SILENCE_MS
from router.rehearse.day import Act, AgentAct, Case, Day
from router.rehearse.stint import TYPICAL_MS, Stint

RAISED: Final = "promise"
"""The trigger of requests that the promises of a policy made; a rehearsal makes its own."""


LAST: Final = 2**62
AGENT: Final = "agent:"
"""Begins the author of what an agent wrote."""


class Seen(NamedTuple):
    """One entry: when, which of that millisecond, 0 for the command and 1, 2, 3 ... for its events, and what it was."""

    at_ms: int
    number: int
    place: int
    what: Any


def seen_event(event: Event) -> Seen | None:
    """An event beside the command that made it: its id names that one's entry. None: it was made otherwise."""
    parts = event.id.split("-")
    if len(parts) != 4 or not all(part.isdigit() for part in parts[1:]):
        return None
    return Seen(int(parts[1]), int(parts[2]), int(parts[3]), event)


class Answered(NamedTuple):
    """An agent wrote to the customer."""

    conversation: str


def seen_answer(event: MessageQueued) -> Seen | None:
    """What the conversation's shard tells, behind whatever dispatch did at that moment; without what was written. None:
    it was not an agent's."""
    if not (event.message.author or "").startswith(AGENT):
        return None
    return Seen(milliseconds(event.at), LAST, 0, Answered(event.message.conversation))


def recorded(entries: Iterable[Seen], agents: Mapping[str, AgentState], policy: Policy, number: int) -> Day:
    """The day that these entries, in any order, are of. ``agents``: as they stand now; ``policy``: what is in force
    now, with its number."""
    tape = _Tape(policy)
    ordered = sorted(entries, key=lambda one: one[:3])
    for entry in ordered:
        tape.play(entry.at_ms, entry.what)
    begin_ms, end_ms = (ordered[0].at_ms, ordered[-1].at_ms) if ordered else (0, 0)
    cases = tape.cases(end_ms)
    acts = sorted((*_first_acts(tape, agents, begin_ms), *tape.presence(end_ms)), key=lambda act: act.at_ms)
    return Day(begin_ms, end_ms, tuple(acts), cases, policy, number, tape.accept_ms(), True, tuple(tape.notes()))


class _Tape:
    """What was heard so far."""

    def __init__(self, policy: Policy) -> None:
        self.acts: list[Act] = []
        self.sessions: dict[str, list[tuple[int, str, bool]]] = {}
        self._idle_s = _idle_times(policy)
        self._open: dict[str, Stint] = {}
        self._ended: dict[str, Stint] = {}
        self._stints: list[Stint] = []
        self._last: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._hears: dict[type, Callable[[int, Any], None]] = {
            RequestAgent: self._request,
            ReleaseWork: self._release,
            PauseWork: self._pause,
            WakeWork: self._wake,
            FinishWrapUp: self._finish,
            AgentConnection: self._connection,
            DecisionMade: self._decided,
            OfferMade: self._offered,
            OfferAccepted: self._accepted,
            OfferDeclined: self._refused,
            OfferExpired: self._refused,
            OfferWithdrawn: self._withdrawn,
            Answered: self._answered,
            PolicyPublished: self._published,
        }

    def play(self, at_ms: int, what: Any) -> None:
        """One entry, later than all before it."""
        hears = self._hears.get(type(what))
        if hears is not None:
            hears(at_ms, what)
        elif isinstance(what, PutAgent | RemoveAgent | DeclarePresence | ClaimWork | TakeOver):
            self.acts.append(Act(at_ms, replace(what, id=None)))

    # -- conversations ---------------------------------------------------------------------------------------------

    def _request(self, at_ms: int, command: RequestAgent) -> None:
        stint = self._open.get(command.conversation)
        if stint is None:
            self._begin(at_ms, command)
        elif command.trigger != RAISED:
            stint.more(at_ms, replace(command, id=None))

    def _begin(self, at_ms: int, command: RequestAgent) -> None:
        stint = Stint(at_ms, replace(command, id=None))
        contact, previous = command.facts.contact, command.facts.previous_agent
        stint.returning = previous is not None and self._last.get(contact) == previous
        self._open[command.conversation] = stint
        self._stints.append(stint)

    def _release(self, at_ms: int, command: ReleaseWork) -> None:
        stint = self._open.pop(command.conversation, None)
        if stint is None:
            self._unknown.add(command.conversation)
            return
        stint.end(at_ms)
        self._ended[command.conversation] = stint

    def _finish(self, at_ms: int, command: FinishWrapUp) -> None:
        stint = self._ended.get(command.conversation)
        if stint is not None and stint.ended_ms is not None and stint.last_agent == command.agent:
            stint.wrap_ms = at_ms - stint.ended_ms

    def _pause(self, at_ms: int, command: PauseWork) -> None:
        if stint := self._open.get(command.conversation):
            stint.silent(at_ms, self._idle_s.get(stint.queue, 0) * 1000)

    def _wake(self, at_ms: int, command: WakeWork) -> None:
        if stint := self._open.get(command.conversation):
            stint.wake(at_ms)

    def _decided(self, at_ms: int, event: DecisionMade) -> None:
        stint = self._open.get(event.decision.conversation)
        if stint is None:
            self._unknown.add(event.decision.conversation)
            return
        stint.decided(at_ms, event.decision)
        if stint.agent is not None:
            self._last[stint.contact] = stint.agent

    def _offered(self, at_ms: int, event: OfferMade) -> None:
        if stint := self._open.get(str(event.conversation)):
            stint.offered(at_ms, str(event.agent))

    def _accepted(self, at_ms: int, event: OfferAccepted) -> None:
        if stint := self._open.get(str(event.conversation)):
            stint.accepted(at_ms, str(event.agent))
            self._last[stint.contact] = str(event.agent)

    def _refused(self, at_ms: int, event: OfferDeclined | OfferExpired) -> None:
        if stint := self._open.get(str(event.conversation)):
            stint.refused(at_ms, "miss" if isinstance(event, OfferExpired) else "decline")

    def _withdrawn(self, at_ms: int, event: OfferWithdrawn) -> None:
        if stint := self._open.get(str(event.conversation)) or self._ended.get(str(event.conversation)):
            stint.withdrawn(at_ms)

    def _answered(self, at_ms: int, answer: Answered) -> None:
        if stint := self._open.get(answer.conversation):
            stint.answered(at_ms)

    def _published(self, at_ms: int, event: PolicyPublished) -> None:
        self._idle_s = _idle_times(event.policy)

    # -- agents ----------------------------------------------------------------------------------------------------

    def _connection(self, at_ms: int, command: AgentConnection) -> None:
        self.sessions.setdefault(command.session, []).append((at_ms, command.agent, command.connected))

    def presence(self, end_ms: int) -> list[Act]:
        """All acts; of connections only their beginnings and ends, also where one fell silent."""
        return [*self.acts, *(act for id, said in self.sessions.items() for act in _session(id, said, end_ms))]

    # -- the whole -------------------------------------------------------------------------------------------------

    def accept_ms(self) -> int:
        took = [one.after_ms for stint in self._stints for one in stint.reactions if one.does == "accept"]
        return round(median(took)) if took else TYPICAL_MS

    def cases(self, end_ms: int) -> tuple[Case, ...]:
        """In order; what the day does not tell is what is usual for the channel class."""
        handled: dict[str, list[int]] = {}
        for stint in self._stints:
            if stint.is_whole:
                handled.setdefault(stint.channel_class, []).append(stint.done_ms)
        usual = {name: round(median(times)) for name, times in handled.items()}
        everything = [time for times in handled.values() for time in times]
        other = round(median(everything)) if everything else 60 * TYPICAL_MS
        return tuple(stint.case(usual.get(stint.channel_class, other), end_ms) for stint in self._stints)

    def notes(self) -> Iterable[str]:
        if self._unknown:
            yield f"{len(self._unknown)} conversations had begun before the recording, and are not in it"


def _idle_times(policy: Policy) -> dict[str, int]:
    return {queue.name: queue.idle_after_s for queue in policy.queues if queue.idle_after_s is not None}


def _session(id: str, said: list[tuple[int, str, bool]], end_ms: int) -> Iterable[Act]:
    """Announced every minute while it stands: told once, and once more when it is over."""
    last: tuple[int, str] | None = None
    for at_ms, agent, connected in said:
        if last is not None and (at_ms - last[0] > SILENCE_MS or agent != last[1]):
            yield _connected(min(last[0] + SILENCE_MS, at_ms), last[1], id, False)
            last = None
        if connected != (last is not None):
            yield _connected(at_ms, agent, id, connected)
        last = (at_ms, agent) if connected else None
    if last is not None and end_ms - last[0] > SILENCE_MS:
        yield _connected(last[0] + SILENCE_MS, last[1], id, False)


def _connected(at_ms: int, agent: str, session: str, connected: bool) -> Act:
    return Act(at_ms, AgentConnection(agent=agent, session=session, connected=connected))


def _first_acts(tape: _Tape, agents: Mapping[str, AgentState], begin_ms: int) -> Iterable[Act]:
    """Agents who were there before the streams begin, as far as that can be told from how they stand now."""
    put = {act.command.agent.id for act in tape.acts if isinstance(act.command, PutAgent)}
    first: dict[str, AgentAct] = {}
    for act in tape.acts:
        if isinstance(act.command, DeclarePresence):
            first.setdefault(act.command.agent, act.command)
    for id in sorted(agents):
        if id in put:
            continue
        yield Act(begin_ms, PutAgent(agent=agents[id].agent))
        presence, said = agents[id].presence, first.get(id)
        if said is None or (presence.since is not None and milliseconds(presence.since) <= begin_ms):
            yield Act(begin_ms, DeclarePresence(agent=id, declared=presence.declared))
        elif isinstance(said, DeclarePresence) and said.declared != "online":
            yield Act(begin_ms, DeclarePresence(agent=id, declared="online"))
