"""A day of traffic out of thin air: the same for the same shop and seed.

Arrivals are a Poisson process whose rate follows the shop's curve: a process of rate 1, its time stretched by the sum
of the rate up to each moment. What concerns customers, agents and answers is drawn from generators of their own, so
that changing the agents leaves the customers as they were.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from math import log
from random import Random
from typing import Final, TypeVar

from contracts.agent import Agent
from contracts.commands import AgentConnection, DeclarePresence, Facts, PutAgent
from contracts.policy import Calendar
from router.domain.hours import is_open
from router.domain.hours.zone import moment_of, zone
from router.rehearse.day import Act, AgentAct, Case, Day, Reaction, Silence
from router.rehearse.shop import Channel, Crew, Manner, Manners, Shop, Topic, Weekday

T = TypeVar("T")

MINUTE_MS: Final = 60_000
DAY_MINUTES: Final = 24 * 60
WEEK: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
REMEMBERED: Final = 2_000
"""Of so many of the latest customers somebody may come back."""


class ShopError(ValueError):
    """Parameters that no day can be made of; the message says which."""


def generate(shop: Shop, seed: int) -> Day:
    """Begins at midnight in the shop's zone and ends at midnight, or with the last shift.

    Raises:
        ShopError: a parameter makes no sense.
    """
    _check(shop)
    acts = sorted(_acts(shop, Random(f"{seed}:agents")), key=lambda act: act.at_ms)
    cases = tuple(_cases(shop, seed))
    begin, end = _midnight(shop, 0), _midnight(shop, shop.days)
    end = max(end, acts[-1].at_ms) if acts else end
    return Day(begin, end, tuple(acts), cases, accept_ms=round(shop.agents.accept_s * 1000))


# -- customers -------------------------------------------------------------------------------------------------------


def _cases(shop: Shop, seed: int) -> Iterator[Case]:
    arrivals, customers, offers = (Random(f"{seed}:{name}") for name in ("arrivals", "customers", "offers"))
    contacts: list[str] = []
    number = 0
    for day in range(shop.days):
        midnight = _midnight(shop, day)
        for at_ms, spike in _arrivals(shop, day, arrivals):
            number += 1
            yield _case(shop, number, midnight + at_ms, spike, contacts, customers, offers)


def _case(
    shop: Shop, number: int, at_ms: int, asks: str | None, contacts: list[str], rng: Random, offers: Random
) -> Case:
    channel = _pick(rng, [(one, one.share) for one in shop.channels])
    topic = _topic(shop, asks, rng)
    manner = shop.classes.get(channel.channel_class) or Manner(400)
    handle_ms = _ms(rng, manner.handling_s * topic.handling, manner.handling_spread)
    patience = None if manner.patience_s is None else _ms(rng, manner.patience_s, manner.patience_spread)
    answer_ms = min(_ms(rng, manner.answer_s, manner.answer_spread), handle_ms)
    silence = _silence(manner, handle_ms, rng)
    handle_ms += silence.for_ms if silence else 0
    contact, returning = _contact(shop, number, contacts, rng)
    return Case(
        conversation=f"cv_00_{number:07d}",
        at_ms=at_ms,
        facts=_facts(channel, topic, contact, returning, rng),
        handle_ms=handle_ms,
        patience_ms=patience,
        reactions=_reactions(shop.agents, offers),
        answers=(answer_ms,),
        silences=(silence,) if silence else (),
        returning=returning,
    )


def _silence(manner: Manner, handle_ms: int, rng: Random) -> Silence | None:
    if rng.random() >= manner.silent:
        return None
    return Silence(round(handle_ms * rng.uniform(0.3, 0.8)), _ms(rng, manner.silence_s, manner.silence_spread))


def _topic(shop: Shop, asks: str | None, rng: Random) -> Topic:
    named = next((topic for topic in shop.topics if topic.name == asks), None)
    return named or _pick(rng, [(one, one.share) for one in shop.topics])


def _contact(shop: Shop, number: int, contacts: list[str], rng: Random) -> tuple[str, bool]:
    if contacts and rng.random() < shop.returning:
        return contacts[rng.randrange(max(len(contacts) - REMEMBERED, 0), len(contacts))], True
    contacts.append(f"ct_00_{number:07d}")
    return contacts[-1], False


def _facts(channel: Channel, topic: Topic, contact: str, returning: bool, rng: Random) -> Facts:
    language = _pick(rng, list(channel.languages.items()))
    texts = topic.texts.get(language) or topic.texts.get("en") or ("",)
    return Facts(
        channel=channel.channel,
        account=channel.account,
        channel_class=channel.channel_class,
        contact=contact,
        language=language,
        text=rng.choice(texts),
        tags=topic.tags,
        earlier=int(returning),
    )


def _reactions(manners: Manners, rng: Random) -> tuple[Reaction, ...]:
    """To one offer after another, up to the first that is accepted."""
    found: list[Reaction] = []
    while len(found) < 5:
        lot = rng.random()
        after_ms = _ms(rng, manners.accept_s, manners.accept_spread)
        if lot < manners.miss:
            found.append(Reaction(0, "miss"))
        elif lot < manners.miss + manners.decline:
            found.append(Reaction(after_ms, "decline"))
        else:
            found.append(Reaction(after_ms))
            break
    return tuple(found)


# -- when they come --------------------------------------------------------------------------------------------------


def _arrivals(shop: Shop, day: int, rng: Random) -> Iterator[tuple[int, str | None]]:
    """Milliseconds after midnight, in order, each with what a campaign makes them ask about."""
    base = _rate(shop, day)
    more = [_spike_rate(shop, base, number) for number in range(len(shop.spikes))]
    sums = list(accumulate(map(sum, zip(base, *more, strict=True)), initial=0.0))
    reached = rng.expovariate(1.0)
    while reached < sums[-1]:
        minute = bisect_left(sums, reached) - 1
        part = (reached - sums[minute]) / (sums[minute + 1] - sums[minute])
        lot = rng.uniform(0, sums[minute + 1] - sums[minute])
        yield round((minute + part) * MINUTE_MS), _of_which(shop, [one[minute] for one in more], lot)
        reached += rng.expovariate(1.0)


def _of_which(shop: Shop, more: list[float], lot: float) -> str | None:
    for spike, rate in zip(shop.spikes, more, strict=True):
        if lot < rate:
            return spike.topic
        lot -= rate
    return None


def _rate(shop: Shop, day: int) -> list[float]:
    """Conversations expected in each minute of the day, without campaigns: the hours' values hold at their middle."""
    curve = shop.curve
    level = shop.conversations * _level(shop, day) / sum(curve) / 60
    found = []
    for minute in range(DAY_MINUTES):
        hour, part = divmod(minute - 29.5, 60)
        found.append(level * (curve[int(hour) % 24] * (1 - part / 60) + curve[int(hour + 1) % 24] * part / 60))
    return found


def _spike_rate(shop: Shop, base: list[float], number: int) -> list[float]:
    spike = shop.spikes[number]
    start = _minutes(spike.at)
    found = [0.0] * DAY_MINUTES
    for minute in range(start, min(start + spike.minutes, DAY_MINUTES)):
        found[minute] = base[minute] * (spike.factor - 1) * (1 - (minute - start) / spike.minutes)
    return found


def _level(shop: Shop, day: int) -> float:
    local = date.fromisoformat(shop.date) + timedelta(days=day)
    noon = _midnight(shop, day) + 12 * 60 * MINUTE_MS
    off = shop.holidays is not None and not is_open(Calendar(shop.zone, holidays=shop.holidays), noon)
    return shop.week.get(WEEK[local.weekday()], 1.0) * (shop.holiday if off else 1.0)


# -- agents ----------------------------------------------------------------------------------------------------------


def _acts(shop: Shop, rng: Random) -> Iterator[Act]:
    begin = _midnight(shop, 0)
    for crew in shop.crews:
        for number in range(crew.count):
            agent = _agent(crew, number, rng)
            yield Act(begin, PutAgent(agent=agent))
            for day in range(shop.days):
                local = date.fromisoformat(shop.date) + timedelta(days=day)
                if WEEK[local.weekday()] in crew.days:
                    yield from _shift(crew, number, agent.id, _midnight(shop, day), day, rng)


def _agent(crew: Crew, number: int, rng: Random) -> Agent:
    id = f"{crew.name}-{number + 1:03d}"
    skills = {skill: rng.randint(2, 5) for skill, share in sorted(crew.skills.items()) if rng.random() < share}
    return Agent(
        id, id.title(), crew.queues, crew.capacity, skills=skills, languages=crew.languages, teams=crew.teams
    )  # fmt: skip


def _shift(crew: Crew, number: int, agent: str, midnight: int, day: int, rng: Random) -> Iterator[Act]:
    """Comes, has lunch in the middle of it and breaks in what is left, takes nothing new towards the end, goes."""
    starts, _, ends = crew.shifts[number % len(crew.shifts)].partition("-")
    start = midnight + round((_minutes(starts) + rng.uniform(-3, 3)) * MINUTE_MS)
    end = midnight + round((_minutes(ends) + rng.uniform(0, 5)) * MINUTE_MS)
    end += DAY_MINUTES * MINUTE_MS if end <= start else 0
    length = end - start
    session = f"{agent}/{day}"

    def said(at_ms: float, command: AgentAct) -> Act:
        return Act(round(at_ms), command)

    yield said(max(start, midnight), AgentConnection(agent=agent, session=session, connected=True))
    yield said(max(start, midnight), DeclarePresence(agent=agent, declared="online"))
    pauses = [(start + length * rng.uniform(0.4, 0.55), crew.lunch_s * 1000)] if crew.lunch_s else []
    pauses += [(start + length * (0.15 + 0.65 * each + rng.uniform(0, 0.1)), 600_000) for each in range(crew.breaks)]
    for begin, long in pauses:
        yield said(begin, DeclarePresence(agent=agent, declared="away"))
        yield said(begin + long, DeclarePresence(agent=agent, declared="online"))
    yield said(end - crew.wind_down_s * 1000, DeclarePresence(agent=agent, declared="busy"))
    yield said(end, DeclarePresence(agent=agent, declared="offline"))
    yield said(end, AgentConnection(agent=agent, session=session, connected=False))


# -- numbers ---------------------------------------------------------------------------------------------------------


def _pick(rng: Random, weighted: list[tuple[T, float]]) -> T:
    lot = rng.uniform(0, sum(weight for _, weight in weighted))
    for one, weight in weighted:
        lot -= weight
        if lot <= 0:
            return one
    return weighted[-1][0]


def _ms(rng: Random, median_s: float, spread: float) -> int:
    """Lognormal, in milliseconds; at least one."""
    return max(round(rng.lognormvariate(log(median_s), spread) * 1000), 1)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _midnight(shop: Shop, day: int) -> int:
    local = date.fromisoformat(shop.date) + timedelta(days=day)
    return moment_of(zone(shop.zone), datetime.combine(local, time())) * 1000


# -- what makes no sense ---------------------------------------------------------------------------------------------


def _check(shop: Shop) -> None:
    try:
        for clock in (*(spike.at for spike in shop.spikes), *_ends(shop)):
            time.fromisoformat("00:00" if clock == "24:00" else clock)
        _midnight(shop, 0)
        _level(shop, 0)
    except ValueError as error:
        raise ShopError(str(error)) from None
    _check_numbers(shop)


def _ends(shop: Shop) -> Iterator[str]:
    for crew in shop.crews:
        for shift in crew.shifts:
            starts, dash, ends = shift.partition("-")
            if not dash:
                raise ShopError(f"crew {crew.name!r}: a shift looks like 09:00-18:00, not {shift!r}")
            yield from (starts, ends)


def _check_numbers(shop: Shop) -> None:
    asked = {spike.topic for spike in shop.spikes} - {None} - {topic.name for topic in shop.topics}
    times = [one for manner in shop.classes.values() for one in (manner.handling_s, manner.patience_s, manner.answer_s)]
    curve = len(shop.curve) == 24 and sum(shop.curve) > 0
    wrong = {
        "curve: it has a value for each of the 24 hours, and not all are 0": not curve,
        "days: at least one": shop.days < 1,
        "conversations: at least one": shop.conversations < 1,
        "channels, topics: each with a share above 0": _nothing(shop),
        "crews: each has at least one shift": any(not crew.shifts for crew in shop.crews),
        f"spikes: there is no topic {', '.join(map(repr, sorted(map(str, asked))))}": bool(asked),
        "classes: times are above 0": any(one is not None and one <= 0 for one in times),
        "agents: decline and miss together stay below 1": shop.agents.decline + shop.agents.miss >= 1,
    }
    for sentence, holds in wrong.items():
        if holds:
            raise ShopError(sentence)


def _nothing(shop: Shop) -> bool:
    return sum(one.share for one in shop.channels) <= 0 or sum(one.share for one in shop.topics) <= 0
