"""What a language needs to tell decisions: a word for each word of theirs, and the sentences around them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences are formats whose fields are named. A decision's word that is not in a table is told as it is."""

    trigger: dict[str, str]
    outcome: dict[str, str]
    """Fields: ``agent``, ``queue``."""
    reason: dict[str, str]
    """Why that agent, or why nobody. Field: ``agent``."""
    ruled_out: dict[str, str]
    """What ruled somebody out; each fits behind a name, and behind a number with :attr:`count`."""
    overflow_when: dict[str, str]
    overflow_do: dict[str, str]
    """Field: ``to``."""
    note: dict[str, str]
    """By the note's first word. Fields: ``name``, ``why``."""
    target: dict[str, str]
    because: str
    """Fields: ``outcome``, ``reason``."""
    plain: str
    """Field: ``outcome``."""
    rule: str
    """Fields: ``rule``, ``queue``, ``policy``."""
    rules_before: str
    rules_held: str
    """Field: ``rules``."""
    no_rule: str
    asked: str
    """Field: ``needs``."""
    need: str
    """Fields: ``skill``, ``level``."""
    wish: str
    relaxed: str
    """Field: ``steps``."""
    everything_dropped: str
    relaxed_once: str
    considered: str
    """Fields: ``agent``, ``why``."""
    more: str
    counts: str
    """Field: ``counts``."""
    count: str
    """Fields: ``number``, ``what``."""
    position: str
    """Fields: ``position``, ``queue``."""
    estimate: str
    """Field: ``minutes``."""
    estimate_soon: str
    waited: str
    """Field: ``time``."""
    overflow: str
    """Fields: ``when``, ``do``."""
    weight: str
    """Fields: ``weight``, ``priority``."""
    policy: str
    """Fields: ``number``, ``name``."""
    policy_unnumbered: str
    promise: str
    """Fields: ``name``, ``target``, ``due``."""
    promise_paused: str
    promise_met: str
    promise_breached: str
    nobody: str
    hours: str
    minutes: str
    seconds: str
    comma: str
    space: str
    """Between sentences."""
