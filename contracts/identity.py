"""An identity: one address of a person on one channel and account."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from contracts.ids import identity_key


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is said about the person behind an identity. Only verified email and phone ever link by themselves.

    ``email`` in lower case; ``phone`` in E.164; ``external_id`` the customer's id in the operator's own system,
    set only by a signed identity or by an agent.
    """

    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    phone_verified: bool = False
    external_id: str | None = None


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the channel tells of the person; every field may be missing."""

    name: str | None = None
    language: str | None = None
    """BCP 47."""
    picture: str | None = None
    status: str | None = None


class ReplyContext(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reply may use: a single-use token and the channel's reply window, both with their ends."""

    token: str | None = None
    token_expires_at: datetime | None = None
    window_expires_at: datetime | None = None
    via: str | None = None
    """Where the channel wants answers to this customer to go, when that is not the same for all (Teams' serviceUrl)."""


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address scoped to (channel, account), and the contact it belongs to.

    ``verified``: the channel proves that the sender owns the address (a signed webhook of LINE does, the From of
    an email does not, unless DMARC passed). ``reachable`` turns false when the person blocked or left us.
    """

    channel: str
    account: str
    address: str
    contact: str
    verified: bool = False
    reachable: bool = True
    claims: Claims = Claims()
    profile: Profile = Profile()
    created_at: datetime | None = None
    linked_by: Literal["birth", "verified_claim", "handover", "agent", "merge", "unlink"] = "birth"

    @property
    def key(self) -> str:
        """The identity's one spelling, ``channel:account:address``."""
        return identity_key(self.channel, self.account, self.address)
