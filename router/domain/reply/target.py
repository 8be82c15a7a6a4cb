"""Which way an answer takes: as named, or the one that the customer used last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from contracts.contact import Contact
from contracts.conversation import Reach
from contracts.identity import Identity
from contracts.ids import identity_key


class Target(Protocol):
    """A way as somebody named it, as far as they did."""

    @property
    def channel(self) -> str | None: ...
    @property
    def account(self) -> str | None: ...
    @property
    def address(self) -> str | None: ...


def known_way(reaches: Sequence[Reach], target: Target) -> Reach | None:
    """The latest way of the conversation that fits."""
    return next((reach for reach in reversed(reaches) if fits(reach, target)), None)


def identity_of(contact: Contact | None, target: Target, reach: Reach | None) -> Identity | None:
    """The customer's identity at the end of the way; without a known way, of those that fit the latest that can be
    reached. Nothing fits when nothing was named."""
    identities = contact.identities if contact is not None else ()
    if reach is not None:
        key = identity_key(reach.channel, reach.account, reach.address)
        return next((each for each in identities if each.key == key), None)
    if target.channel is None and target.account is None and target.address is None:
        return None
    fitting = [each for each in identities if fits(each, target)]
    return next((each for each in reversed(fitting) if each.reachable), fitting[-1] if fitting else None)


def fits(place: Reach | Identity, target: Target) -> bool:
    """Whether a way or identity is what was named."""
    return (
        target.channel in (None, place.channel)
        and target.account in (None, place.account)
        and target.address in (None, place.address)
    )


def key_of(reach: Reach) -> str:
    """The identity that the way leads to."""
    return identity_key(reach.channel, reach.account, reach.address)
