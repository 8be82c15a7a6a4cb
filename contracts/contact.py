"""A contact: one person, with all the identities known to be theirs."""

from __future__ import annotations

from datetime import datetime

import msgspec

from contracts.identity import Claims, Identity, Profile


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of who linked, unlinked or merged what, when and why."""

    at: datetime
    action: str
    """``linked``, ``unlinked``, ``merged`` (into another), ``absorbed`` (another) or ``refused``."""
    by: str
    """An agent's id, ``system``, or ``customer`` (a hand-over code)."""
    why: str
    identity: str | None = None
    contact: str | None = None


class ConversationRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a conversation of the contact lives and how it stands, enough to list it."""

    id: str
    status: str
    subject: str | None = None
    opened_at: datetime | None = None
    last_at: datetime | None = None
    agent: str | None = None
    key: str | None = None
    """What makes it the one conversation: empty per contact, else the channel or the thread."""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person. ``merged_into`` names the contact that took this one's place, if any."""

    id: str
    created_at: datetime
    name: str | None = None
    language: str | None = None
    claims: Claims = Claims()
    profile: Profile = Profile()
    identities: tuple[Identity, ...] = ()
    conversations: tuple[ConversationRef, ...] = ()
    """The latest ones, newest last; at most 20."""
    agents: tuple[str, ...] = ()
    """Earlier agents, latest last; at most 10."""
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    merged_into: str | None = None
