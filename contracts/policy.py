"""The routing policy: one document that says which work goes where, who may do it, what it costs, and what was
promised.

Times in seconds unless a name says otherwise. Names of queues, calendars, promises and texts are the author's own;
each is spelt once, where it is declared, and a name that is declared nowhere is refused with the nearest right one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Order = Literal["longest_idle", "most_spare", "round_robin", "least_today"]
Proficiency = Literal["any", "most", "nearest"]
OverflowWhen = Literal["closed", "full", "predicted", "waited", "unstaffed"]
OverflowDo = Literal["queue", "message", "callback", "voicemail", "mail", "resolve"]
Unanswered = Literal["reassign", "requeue", "escalate"]


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """All the conditions given must hold; a list holds when any of its values does. No condition always holds."""

    channels: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Any of these in the text, compared after NFKC and case folding."""
    tags: tuple[str, ...] = ()
    """Any of these on the contact or the conversation."""
    patterns: tuple[str, ...] = ()
    """Any of these found in the text: regular expressions in RE2's syntax, over the text as ``words`` compares it."""
    attributes: dict[str, tuple[str, ...]] = {}
    """Each named attribute (of the conversation, else of the contact) has one of the values; ``*`` is any value."""
    open: tuple[str, ...] = ()
    """Any of these calendars is open now."""
    closed: tuple[str, ...] = ()
    """Any of these calendars is closed now."""
    earlier_at_least: int | None = None
    """The contact had at least so many conversations before this one."""
    earlier_at_most: int | None = None
    earlier_within_s: int | None = None
    """The contact's conversation before this one had its last message no longer ago than this."""


class Need(msgspec.Struct, frozen=True, omit_defaults=True):
    """A skill at a level from 1 to 5. Required: nobody below gets the work. Wished: those who have it come first."""

    skill: str
    level: int = 1
    required: bool = True


class Relax(msgspec.Struct, frozen=True, omit_defaults=True):
    """After the customer waited ``after_s``, less is asked for. Steps apply in order of time and stay."""

    after_s: int
    levels: dict[str, int] = {}
    """These skills at these lower levels."""
    drop: tuple[str, ...] = ()
    """These skills not at all; ``*`` for every one."""
    queues: tuple[str, ...] = ()
    """The agents of these queues too."""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first rule with a queue that holds decides. One without adds what it says and goes on.

    What rules say before the one that decides holds too unless a later one says another; tags and skills add up.
    """

    name: str
    when: Match = Match()
    queue: str | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()
    unless: Match | None = None
    """When this holds, the rule does not."""
    skills: tuple[Need, ...] = ()
    relax: tuple[Relax, ...] = ()
    sla: str | None = None
    weight: int | None = None
    """Units of capacity it costs, instead of its channel class's."""


class Overflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens when a queue cannot take, or does not get to, some work. The first that applies is taken.

    ``when``: ``closed`` (its calendar), ``full`` (``at`` or more wait), ``predicted`` (the wait would be ``at``
    seconds or more), ``waited`` (it waited ``at`` seconds), ``unstaffed`` (nobody who serves it is signed in).
    ``waited`` is looked at while it waits, the others when it comes to the queue; all on exact numbers.

    ``do``: ``queue`` (moves to ``queue`` with its age kept), ``message`` (tells ``text`` and keeps waiting),
    ``callback`` (is offered a call back, keeps its place), ``voicemail`` and ``mail`` (leaves word, and waits in
    ``queue`` or here, no longer as a live one), ``resolve`` (tells ``text`` and ends). ``text`` names one of the
    policy's texts.
    """

    when: OverflowWhen
    do: OverflowDo
    at: int | None = None
    queue: str | None = None
    text: str | None = None
    classes: tuple[str, ...] = ()
    """Only work of these channel classes; none named: all."""


class Announce(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a waiting customer is told, on their channel and in their language, when it changed for the better."""

    first_after_s: int = 10
    every_s: int = 60
    """The least time between two announcements."""
    position: bool = True
    estimate: bool = True
    long_s: int | None = None
    """When the estimate is this long or longer, the text ``alternative`` is told once: call-back or another channel."""
    classes: tuple[str, ...] = ("chat", "social", "sms", "voice")
    """Channel classes that are told; the others are not waiting in front of a screen."""


class Queue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A waiting line and how its work is handed out. Times in seconds."""

    name: str
    order: Order = "longest_idle"
    auto_accept: bool = False
    offer_timeout_s: int = 30
    prefer_previous: bool = True
    """Offer to the agent who had the customer last, if they are there and have room."""
    prefer_wait_s: int = 0
    """How long work waits for a preferred or previous agent who is signed in but has no room, before others get it."""
    proficiency: Proficiency = "any"
    """Before ``order``: who has the needed skills best (``most``), or is least above them (``nearest``)."""
    teams: tuple[str, ...] = ()
    """All agents of these teams serve it, beside those who name it."""
    titles: dict[str, str] = {}
    """What customers are told it is called, by language."""
    priority: int = 0
    """Added to the priority of all its work."""
    hours: str | None = None
    """The calendar it keeps; none: always open. Work that comes while it is closed waits, or overflows."""
    sla: str | None = None
    """For work whose rules name none."""
    declines: int = 3
    """After so many declines and missed offers of one work, it is escalated. 0: never."""
    escalate: str | None = None
    """The queue that escalated work goes to; none: it stays, with ``escalate_priority`` added."""
    escalate_priority: int = 20
    missed_sets_away: bool = False
    """An agent who lets an offer time out is declared away."""
    wrap_up_s: int | None = None
    """How long an agent's units are held after the end, for finishing up; none: as the channel class says."""
    idle_after_s: int | None = None
    """An assigned conversation in which the customer is silent for so long holds no units until they write again."""
    unanswered_s: int | None = None
    """An assigned agent who leaves the customer without an answer for so long (by ``hours``) loses the conversation."""
    unanswered: Unanswered = "reassign"
    """``reassign``: to anybody else; ``requeue``: to the line, the agent too; ``escalate``: to the queue of
    ``escalate``."""
    overflow: tuple[Overflow, ...] = ()
    announce: Announce | None = None


class ChannelClass(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one conversation of this class costs, in units of capacity."""

    weight: int = 20
    limit: int | None = None
    """The most at once per agent; an agent's own limit comes first."""
    exclusive: bool = False
    """Given only to an agent who holds nothing that is not interruptible, and nothing else is given meanwhile."""
    interruptible: bool = False
    """Does not stand in the way of work that is not: a chat may go over e-mails. Itself it is given within capacity."""
    wrap_up_s: int = 0
    expected_s: int | None = None
    """How long it usually takes: not offered to an agent whose shift ends sooner."""


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hours of business. ``week``: by ``mon`` to ``sun``, intervals such as ``09:00-12:00`` in the calendar's own
    zone; up to ``24:00``; one that ends before it begins runs past midnight. No ``week``: round the clock.

    ``holidays``: a country, or country and subdivision, of the ``holidays`` library: ``JP``, ``DE-BY``; closed then, or
    open as ``holiday_hours`` says. ``closed``: own days: ``2026-12-29``, a span ``2026-12-29/2027-01-03``, each year
    ``--08-13`` or ``--12-29/--01-03``. ``special``: days with hours of their own, by day; they win over everything.
    What runs past midnight belongs to the day it begins on, and goes on though the next day is closed.
    """

    zone: str = "UTC"
    week: dict[str, tuple[str, ...]] | None = None
    holidays: str | None = None
    holiday_hours: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    special: dict[str, tuple[str, ...]] = {}


class Sla(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is promised. Each time runs only while ``hours`` (a calendar; none: always) is open.

    ``first_response_s``: from the customer's first message to the first answer by a person. ``next_response_s``:
    from the first message that is not answered yet. ``resolution_s``: from the opening; paused while we wait for the
    customer.
    """

    first_response_s: int | None = None
    next_response_s: int | None = None
    resolution_s: int | None = None
    hours: str | None = None
    at_risk: float = 0.8
    """The part of the time after which it is at risk."""
    at_risk_priority: int = 0
    """Added to the priority when it is at risk."""
    breach_priority: int = 0
    """Added when it is breached."""
    notice: str | None = None
    """A text told to the customer when an answer will be late (at risk, nobody has answered)."""


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole policy. ``classes`` by channel class: chat, social, email, voice, sms, custom."""

    version: str = "1"
    queues: tuple[Queue, ...] = (Queue("default"),)
    rules: tuple[Rule, ...] = ()
    default_queue: str = "default"
    classes: dict[str, ChannelClass] = {}
    presence_grace_s: int = 30
    """How long a broken connection does not count as leaving."""
    forget_decline_s: int = 900
    """How long a declined or missed conversation is not offered to the same agent again."""
    aging_s: int = 60
    """What one unit of priority is worth in waiting: work may overtake other work that came before it by no more than
    this times the difference of their priorities. 0: priority always goes first, however long others wait."""
    skills: tuple[str, ...] = ()
    """The skills there are; none named: those that agents have."""
    calendars: dict[str, Calendar] = {}
    slas: dict[str, Sla] = {}
    texts: dict[str, dict[str, str]] = {}
    """What customers are told: by name, then by language. Over the built-in ones, in English and Japanese:
    ``position``, ``closed``, ``full``, ``late``, ``alternative``, ``callback``, ``callback_noted``, ``voicemail``,
    ``mail``, ``moved`` (told with the new position after a change of queue). In a text ``{queue}`` is the queue's
    title, and ``{position}`` and ``{minutes}`` are what they say; a line with a placeholder that has no value is left
    out."""
