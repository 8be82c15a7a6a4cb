"""The routing policy: one document that says which work goes where and what it costs."""

from __future__ import annotations

from typing import Literal

import msgspec

Order = Literal["longest_idle", "most_spare"]


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """All the conditions given must hold; a list holds when any of its values does. No condition always holds."""

    channels: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Any of these in the text, compared after NFKC and case folding."""
    tags: tuple[str, ...] = ()
    """Any of these on the contact."""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first rule that matches decides. A rule without ``queue`` only adds its tags and goes on."""

    name: str
    when: Match = Match()
    queue: str | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()


class Queue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A waiting line and how its work is handed out. Times in seconds."""

    name: str
    order: Order = "longest_idle"
    auto_accept: bool = False
    offer_timeout_s: int = 30
    prefer_previous: bool = True
    """Offer to the agent who had the customer last, if they are there and have room."""


class ChannelClass(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one conversation of this class costs, in units of capacity."""

    weight: int = 20
    limit: int | None = None
    """The most at once per agent; an agent's own limit comes first."""


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
