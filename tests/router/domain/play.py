"""The lines of an example, and what each of them does or asks: test_rule_pages.py says how they are written."""

# World's properties read the state anew every time, which mypy does not believe.
# mypy: disable-error-code="unreachable, comparison-overlap"

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contracts import commands
from contracts.agent import Agent
from contracts.codec import decode_command
from contracts.content import Text
from contracts.events import ConversationAssigned, DecisionMade, Event, SlaAtRisk, SlaBreached, SlaChanged, SlaMet
from contracts.policy import Policy
from contracts.streams import DISPATCH
from router.domain.conversation import ConversationRules
from router.domain.dispatch.tables import AGENTS, WORK
from router.domain.policy.check import check
from router.domain.policy.diff import diff
from router.domain.policy.strand import strands
from router.domain.why.story import Step, promises, story
from router.rehearse.compare import changes
from router.rehearse.engine import Rehearsal
from router.rehearse.labels import labels
from router.rehearse.measure import figures
from router.rehearse.record import Seen, recorded
from router.rehearse.tell import rows, side
from tests.router.domain.scene import CHANNELS, Scene

STATUSES: Final[dict[str, Any]] = {"ends": "resolved", "asks back": "waiting"}
PROMISED: Final = {"first answer": "first_response", "answer": "next_response", "resolution": "resolution"}
CAME_OF_IT: Final[dict[str, type[SlaChanged]]] = {"at risk": SlaAtRisk, "late": SlaBreached, "kept": SlaMet}
NAME = r"([a-z][a-z0-9_-]*)"
NAMES = rf"({NAME[1:-1]}(?:, {NAME[1:-1]})*(?: and {NAME[1:-1]})?)"
SAID = r'"(.*)"'
CLOCK = r"(\d\d:\d\d(?::\d\d)?)"

Line = Callable[..., object]


def names(text: str) -> list[str]:
    return re.split(r", | and ", text)


def _each(do: Callable[[Scene, str], object]) -> Line:
    """For every name of a list."""

    def line(scene: Scene, listed: str, *more: Any) -> None:
        for name in names(listed):
            do(scene, name, *more)

    return line


def _agent(scene: Scene, id: str, said: str) -> None:
    """``queues a, b; skills english 3; teams gold; limits chat 2; capacity 40; shift early; bot; not here yet``"""
    how: dict[str, Any] = {}
    for item in filter(None, said.split("; ")):
        word, _, rest = item.partition(" ")
        if word in ("queues", "teams"):
            how[word] = tuple(rest.split(", "))
        elif word in ("skills", "limits"):
            how[word] = {name: int(number) for name, number in (pair.rsplit(" ", 1) for pair in rest.split(", "))}
        elif word == "capacity":
            how[word] = int(rest)
        elif word == "shift":
            how[word] = rest
        elif item == "bot":
            how["kind"] = "bot"
        elif item == "not here yet":
            scene.away.append(id)
        else:
            raise SyntaxError(f"an agent has no {item!r}")
    if "teams" in how:
        how.setdefault("queues", ())
    scene.agents[id] = Agent(id, id.title(), **how)


def _customer(scene: Scene, name: str, channel: str | None, said: str) -> None:
    """``speaks ja; tags vip; prefers ben; tier gold`` (any other word is an attribute)"""
    known: dict[str, Any] = {"attributes": {}}
    for item in said.split("; "):
        word, _, rest = item.partition(" ")
        if word == "speaks":
            known["language"] = rest
        elif word == "tags":
            known["tags"] = tuple(rest.split(", "))
        else:
            known["attributes"]["preferred_agent" if word == "prefers" else word] = rest
    scene.ready(name, channel or "chat", **known)


def _day(scene: Scene, day: str, zone: str | None) -> None:
    scene.day = date.fromisoformat(day)
    if zone:
        scene.zone = ZoneInfo(zone)


def _by_agent(scene: Scene, agent: str, deed: str, listed: str, why: str | None) -> None:
    for customer in names(listed):
        id = scene.of(customer).id
        if deed in STATUSES or deed == "answers":
            scene.carry_out(None, partial(_spoken, id, agent, deed, why))
        else:
            scene.carry_out(DISPATCH, partial(_done, id, agent, deed, why))


def _spoken(id: str, agent: str, deed: str, words: str | None, cm: str) -> Any:
    by = f"agent:{agent}"
    if deed == "answers":
        parts = (Text(words or "hello"),)
        return commands.SendMessage(id=cm, conversation=id, message=f"ms_{cm}", parts=parts, by=by)
    return commands.SetStatus(id=cm, conversation=id, status=STATUSES[deed], by=by)


def _done(id: str, agent: str, deed: str, why: str | None, cm: str) -> Any:
    match deed:
        case "accepts":
            return commands.AcceptOffer(id=cm, conversation=id, agent=agent)
        case "declines":
            return commands.DeclineOffer(id=cm, conversation=id, agent=agent, reason=why)
        case "claims":
            return commands.ClaimWork(id=cm, conversation=id, agent=agent)
        case "takes over":
            return commands.TakeOver(id=cm, conversation=id, agent=agent, why=why)
    return commands.FinishWrapUp(id=cm, conversation=id, agent=agent)


def _hands(scene: Scene, giver: str, customer: str, queue: str | None, agent: str | None, why: str | None) -> None:
    id = scene.of(customer).id
    how: dict[str, Any] = {"summary" if scene.agents[giver].kind == "bot" else "note": why}
    scene.carry_out(
        None,
        lambda cm: commands.Transfer(id=cm, conversation=id, queue=queue, agent=agent, by=f"agent:{giver}", **how),
    )


def _asks(scene: Scene, agent: str, other: str, customer: str, note: str) -> None:
    id = scene.of(customer).id
    scene.carry_out(
        None, lambda cm: commands.Consult(id=cm, conversation=id, agent=other, note=note, by=f"agent:{agent}")
    )


def _snoozes(scene: Scene, agent: str, customer: str, clock: str) -> None:
    id, until = scene.of(customer).id, scene.at(clock)
    scene.carry_out(
        None,
        lambda cm: commands.SetStatus(id=cm, conversation=id, status="snoozed", until=until, by=f"agent:{agent}"),
    )


def _call_back(scene: Scene, customer: str, clock: str | None) -> None:
    id, at = scene.of(customer).id, scene.at(clock) if clock else None
    scene.carry_out(None, lambda cm: commands.RequestCallback(id=cm, conversation=id, at=at, by="customer"))


def _enriched(scene: Scene, enricher: str, customer: str, name: str, value: str) -> None:
    scene.ask(commands.Enriched(conversation=scene.of(customer).id, enricher=enricher, attributes={name: value}))


def _tagged(scene: Scene, customer: str, tag: str) -> None:
    scene.ask(commands.TagConversation(conversation=scene.of(customer).id, add=(tag,), by="agent:someone"))


def _raised(scene: Scene, customer: str, priority: str) -> None:
    scene.ask(commands.SetPriority(conversation=scene.of(customer).id, priority=int(priority)))


def _learns(scene: Scene, agent: str, skill: str, level: str) -> None:
    known = scene.agents[agent]
    scene.agents[agent] = replace(known, skills={**known.skills, skill: int(level)})
    scene.tell(commands.PutAgent(agent=scene.agents[agent]))


def _published(scene: Scene, version: str) -> None:
    scene.carry_out(DISPATCH, lambda cm: commands.PublishPolicy(id=cm, policy=scene.policies[version]))


def _rolled_back(scene: Scene) -> None:
    scene.carry_out(DISPATCH, lambda cm: commands.RollbackPolicy(id=cm))


def _looked_at(scene: Scene, how: str, version: str) -> None:
    policy, agents = scene.policies[version], list(scene.agents.values())
    if how == "rehearsed":
        scene.found = _rehearsed(scene, policy)
    elif how == "compared":
        present = next(iter(scene.policies.values()))
        scene.found = [str(change) for change in diff(present, policy)]
    else:
        scene.found = [f"{one.level}: {one}" for one in check(policy, agents, scene.store.now_ms)]
        scene.found += [f"stranded: {one.sentence}" for one in strands(policy, agents, scene.store.now_ms).strands]


def _rehearsed(scene: Scene, policy: Policy) -> list[str]:
    """What has happened until now, under both policies: the figures that are told, and who would have got what."""
    present = next(iter(scene.policies.values()))
    day = recorded(_recording(scene), scene.store.rows(AGENTS), present, 1)
    before, after = Rehearsal(day, present).run(), Rehearsal(day, policy).run()
    words = labels("en")
    names_of = {scene.of(customer).id: customer for customer in scene.used}
    told, found = rows(figures(before, 60), figures(after, 60), 60, words), changes(before, after)
    pairs = [(row.label, row.before, row.after) for row in told]
    pairs += [(names_of[one.conversation], side(one.before, words), side(one.after, words)) for one in found.all]
    return [f"{what}: {old} becomes {new}" for what, old, new in pairs]


def _recording(scene: Scene) -> Iterator[Seen]:
    shard = scene.store.shards[DISPATCH]
    for entry in shard.log:
        at_ms, number = map(int, entry.id.split("-"))
        yield Seen(at_ms, number, 0, decode_command(entry.data))
    for event in scene.store.events(DISPATCH, Event):
        _, entry_id, place = event.id.split("/")
        at_ms, number = map(int, entry_id.split("-"))
        yield Seen(at_ms, number, int(place), event)


def _says(scene: Scene, listed: str, channel: str | None, words: str) -> None:
    for customer in names(listed):
        scene.says(customer, words, channel)


def _declares(scene: Scene, listed: str, status: str) -> None:
    for agent in names(listed):
        scene.tell(commands.DeclarePresence(agent=agent, declared=status))  # type: ignore[arg-type]


DOES: Final[dict[str, Line]] = {
    rf"{NAMES} comes? online": _each(Scene.online),
    rf"{NAMES} goe?s? (away|busy|offline)": _declares,
    rf"{NAME} is cut off": Scene.cut,
    rf"{NAME} is back": Scene.online,
    rf"{NAMES} writes?(?: by ({'|'.join(CHANNELS)}))?: {SAID}": _says,
    rf"{NAME} (accepts|declines|claims|takes over|finishes up|answers|ends|asks back) {NAMES}(?:: {SAID})?": _by_agent,
    rf"{NAME} hands {NAME} to (?:the queue {NAME}|{NAME})(?:: {SAID})?": _hands,
    rf"{NAME} asks {NAME} about {NAME}: {SAID}": _asks,
    rf"{NAME} snoozes {NAME} until {CLOCK}": _snoozes,
    rf"{NAME} asks to be called back(?: at {CLOCK})?": _call_back,
    rf"the enricher {NAME} finds that {NAME} has {NAME} (\S+)": _enriched,
    rf"{NAME} is tagged {NAME}": _tagged,
    rf"{NAME} is given priority (-?\d+)": _raised,
    rf"{NAME} learns {NAME} (\d)": _learns,
    r"policy (\S+) is published": _published,
    r"the policy before it is put back": _rolled_back,
    r"policy (\S+) is (compared|checked|rehearsed)": lambda scene, version, how: _looked_at(scene, how, version),
    r"later": lambda scene: None,
}


def _has(scene: Scene, agent: str, listed: str) -> None:
    for customer in names(listed):
        now = scene.of(customer)
        assert now.agent == (None if agent == "nobody" else agent), f"{customer} is with {now.agent}"
        held = [id for id in scene.agents if now.id in (*scene.state(id).work, *scene.state(id).idle)]
        assert held == ([] if agent == "nobody" else [agent]), f"dispatch says {held}"


def _offered(scene: Scene, agent: str, listed: str) -> None:
    for customer in names(listed):
        now = scene.of(customer)
        assert now.offered_to == agent, f"{customer} is on offer to {now.offered_to}"
        assert now.id in scene.state(agent).offers


def _waits(scene: Scene, listed: str, queue: str, number: str | None) -> None:
    for customer in names(listed):
        now = scene.of(customer)
        work = scene.store.rows(WORK).get(now.id)
        assert work is not None and work.state == "waiting", f"{customer} does not wait: {work}"
        assert (work.queue, now.queue) == (queue, queue), f"{customer} waits in {work.queue} ({now.queue})"
        handler = scene.store.shards[DISPATCH].handler
        if number is not None:
            place = handler.desk.lines.position(work)  # type: ignore[attr-defined]
            assert place == int(number), f"{customer} is number {place}"


def _is_told(scene: Scene, customer: str, words: str) -> None:
    assert words in scene.told(customer), f"{customer} is told {scene.told(customer)}"


def _not_told(scene: Scene, customer: str) -> None:
    assert scene.told(customer) == []


def _refused(scene: Scene, words: str) -> None:
    problem, scene.problem = scene.problem, None
    assert problem is not None and problem.sentence == words, f"refused: {problem}"


def _found(scene: Scene, words: str) -> None:
    assert words in scene.found, f"found: {scene.found}"


def _holds(scene: Scene, agent: str, units: str) -> None:
    assert scene.state(agent).used == int(units), f"{agent} holds {scene.state(agent).used}"


def _is(scene: Scene, name: str, status: str) -> None:
    found = scene.state(name).presence.declared if name in scene.agents else scene.of(name).status
    assert found == status, f"{name} is {found}"


def _is_idle(scene: Scene, customer: str) -> None:
    now = scene.of(customer)
    assert now.idle and now.id in scene.state(str(now.agent)).idle


def _has_tags(scene: Scene, customer: str, tags: str) -> None:
    assert scene.of(customer).tags == tuple(names(tags)), f"{customer}: {scene.of(customer).tags}"


def _speaks(scene: Scene, customer: str, language: str) -> None:
    found = scene.of(customer).language or "unknown"
    assert found == language, f"{customer} speaks {found}"


def _promised(scene: Scene, customer: str, what: str, clock: str) -> None:
    due = scene.clock(customer, PROMISED[what]).due_at
    assert due == scene.at(clock), f"due at {due}"


def _paused(scene: Scene, customer: str, what: str) -> None:
    assert scene.clock(customer, PROMISED[what]).due_at is None


def _nothing_promised(scene: Scene, customer: str) -> None:
    assert promises(scene.of(customer).sla) == []


def _came(scene: Scene, what: str, customer: str, came: str) -> None:
    found = [event for event in scene.news() if isinstance(event, CAME_OF_IT[came])]
    mine = [event.target for event in found if event.conversation == scene.of(customer).id]
    assert PROMISED[what] in mine, f"{came}: {mine}"


def _sees(scene: Scene, agent: str, summary: str) -> None:
    event = [one for one in scene.store.events(kind=ConversationAssigned) if one.agent == agent][-1]
    assert event.context.summary == summary


def _same(scene: Scene) -> None:
    assert not [event for event in scene.news() if isinstance(event, DecisionMade)]


def _why(scene: Scene, customer: str, words: str) -> None:
    """One of the steps since the line before, or else the last: its sentence, then as many of the details as one likes,
    each whole and in their order."""
    steps = story(scene.decisions(customer))
    fresh = [event.decision.id for event in scene.news() if isinstance(event, DecisionMade)]
    steps = [step for step in steps if step.decision.id in fresh] or steps[-1:]
    shown = "\n".join(line for step in steps for line in (step.sentence, *step.details))
    assert any(_is_said(step, words) for step in steps), f"madoguchi why does not say {words!r}, but:\n{shown}"


def _is_said(step: Step, words: str) -> bool:
    rest = words.removeprefix(step.sentence)
    if rest == words:
        return False
    for detail in step.details:
        rest = rest.removeprefix(f" {detail}")
    return rest == ""


def _promise_said(scene: Scene, customer: str, words: str) -> None:
    said = promises(scene.of(customer).sla)
    assert words in said, f"madoguchi why says: {said}"


PROMISE: Final = "(first answer|answer|resolution)"

COMES: Final[dict[str, Line]] = {
    rf"{NAME} has {NAMES}": _has,
    rf"{NAME} is offered {NAMES}": _offered,
    rf"{NAMES} waits? in {NAME}(?:, number (\d+))?": _waits,
    rf"{NAME} is told {SAID}": _is_told,
    rf"{NAME} is told nothing": _not_told,
    rf"refused: {SAID}": _refused,
    rf"found: {SAID}": _found,
    rf"{NAME} holds (\d+) units": _holds,
    rf"{NAME} is (online|away|busy|offline|open|waiting|snoozed|resolved)": _is,
    rf"{NAME} holds no units": _is_idle,
    rf"{NAME} has the tags? {NAMES}": _has_tags,
    rf"{NAME} speaks (\S+)": _speaks,
    rf"{NAME} is promised an? {PROMISE} by {CLOCK}": _promised,
    rf"the promise of an? {PROMISE} to {NAME} is paused": lambda scene, what, who: _paused(scene, who, what),
    rf"nothing is promised to {NAME}": _nothing_promised,
    rf"the promise of an? {PROMISE} to {NAME} is (at risk|late|kept)": _came,
    rf"{NAME} reads {SAID}": _sees,
    r"nothing changes": _same,
}

SETS_UP: Final[dict[str, Line]] = {
    rf"agent {NAME}(?:: (.*))?": lambda scene, id, said: _agent(scene, id, said or ""),
    rf"customer {NAME}(?: by ({'|'.join(CHANNELS)}))?: (.*)": _customer,
    r"day (\d{4}-\d\d-\d\d)(?: in (\S+))?": _day,
}


def _do(table: Mapping[str, Line], scene: Scene, line: str) -> None:
    for pattern, do in table.items():
        match = re.fullmatch(pattern, line)
        if match is not None:
            do(scene, *match.groups())
            return
    raise SyntaxError(f"no line of an example: {line}")


def unfolded(example: str) -> list[str]:
    """Its lines, each with those that continue it."""
    lines: list[str] = []
    for line in filter(str.strip, example.splitlines()):
        goes_on = line.startswith(" ") and not line.strip().startswith(("-> ", "why "))
        if goes_on:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.strip())
    return lines


def declared(example: str) -> list[Agent]:
    """The agents of an example."""
    scene = Scene({})
    for line in unfolded(example):
        if line.startswith("agent "):
            _do(SETS_UP, scene, line)
    return list(scene.agents.values())


def play(example: str, policies: Mapping[str, Policy], rules: ConversationRules | None = None) -> Scene:
    """Plays it; AssertionError where something else comes of a line than it says, SyntaxError for what is no line."""
    scene, begun = Scene(policies, rules), False
    customers: list[str] = []
    for line in unfolded(example):
        timed = re.fullmatch(rf"{CLOCK}\s+(.*)", line)
        if timed is not None:
            if not begun:
                scene.begin(timed[1])
                for known in customers:
                    _do(SETS_UP, scene, known)
            else:
                scene.close_line()
            begun = True
            scene.until(scene.at(timed[1]))
            _do(DOES, scene, timed[2])
        elif line.startswith("customer "):
            customers.append(line)
        else:
            _other(scene, line)
    scene.close_line()
    scene.check()
    return scene


def _other(scene: Scene, line: str) -> None:
    why = re.fullmatch(rf"why {NAME}: (.*)", line)
    if line.startswith("-> "):
        assert scene.problem is None or "refused: " in line, f"refused: {scene.problem}"
        for clause in re.split(r'; (?=(?:[^"]*"[^"]*")*[^"]*$)', line[3:]):
            _do(COMES, scene, clause)
    elif why is not None and why[2].startswith("Promise "):
        _promise_said(scene, why[1], why[2])
    elif why is not None:
        _why(scene, why[1], why[2])
    else:
        _do(SETS_UP, scene, line)
