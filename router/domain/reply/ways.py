"""The ways to a customer, each as it stands now: its window, what is free, what it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from connectors.api import Manifest
from contracts.contact import Contact
from contracts.conversation import Reach
from contracts.identity import Identity
from contracts.reply import Way, WayState
from router.domain.reply.facts import Condition, ReplyFacts
from router.domain.reply.target import key_of


def ways_of(
    facts: ReplyFacts,
    contact: Contact,
    reaches: Iterable[Reach],
    now: datetime,
    *,
    person: bool = True,
    conditions: Mapping[str, Condition] | None = None,
) -> tuple[Way, ...]:
    """Every way to the customer: those that were used, the latest first, then identities that were not. ``reaches``:
    of this conversation and, before them, of the others that are at hand."""
    identities = {each.key: each for each in contact.identities}
    known: dict[str, Reach] = {}
    for reach in reaches:
        known[key_of(reach)] = heard_last(known.pop(key_of(reach), None), reach)
    for identity in contact.identities:
        known.setdefault(identity.key, unheard(identity, now))
    ordered = sorted(known.items(), key=lambda one: (not one[1].ours, one[1].last_at.timestamp()), reverse=True)
    conditions = conditions or {}
    return tuple(
        way_of(facts, reach, identities.get(key), now, person=person, condition=conditions.get(reach.account))
        for key, reach in ordered
        if key in identities or not identities
    )


def way_of(
    facts: ReplyFacts,
    reach: Reach,
    identity: Identity | None,
    now: datetime,
    *,
    person: bool = True,
    condition: Condition | None = None,
) -> Way:
    """One way as it stands. ``person``: an answer by a person, for whom some windows are longer."""
    manifest = facts.channels.get(reach.account)
    if manifest is None:
        return Way(
            reach.channel, reach.account, reach.address, "unknown", last_at=None if reach.ours else reach.last_at
        )
    ends = window_end(manifest, reach, person)
    free = _free_until(manifest, reach, now)
    return Way(
        channel=reach.channel,
        account=reach.account,
        address=reach.address,
        state=_state(manifest, ends, now, identity),
        title=manifest.title,
        title_ja=manifest.title_ja,
        window_ends_at=ends if ends is not None and ends > now else None,
        free_until=free,
        billed=manifest.billed_push and free is None,
        last_at=None if reach.ours else reach.last_at,
        text_limit=manifest.text_limit,
        text_unit=manifest.text_unit,
        native=_carried(manifest, "native"),
        degraded=_carried(manifest, "degraded"),
        trouble=condition.trouble if condition is not None else None,
    )


def window_end(manifest: Manifest, reach: Reach, person: bool) -> datetime | None:
    """When the window ends, or ended; None: the channel has none. Where the customer never wrote it ended long ago."""
    told = reach.reply.window_expires_at if reach.reply is not None else None
    if manifest.reply_window_s is None:
        return told
    longest = manifest.reply_window_s
    if person and manifest.agent_window_s is not None:
        longest = max(longest, manifest.agent_window_s)
    elif told is not None:
        return told
    if reach.ours:
        return told or reach.last_at - timedelta(days=1)
    ours = reach.last_at + timedelta(seconds=longest)
    return ours if told is None else max(ours, told)


def heard_last(known: Reach | None, reach: Reach) -> Reach:
    """Of two accounts of one way, the one that knows more of the customer's last word there."""
    if known is None or known.ours or (not reach.ours and reach.last_at >= known.last_at):
        return reach
    return known


def unheard(identity: Identity, now: datetime) -> Reach:
    """The way to an identity that has not been used yet."""
    return Reach(identity.channel, identity.account, identity.address, now, ours=True)


def _state(manifest: Manifest, ends: datetime | None, now: datetime, identity: Identity | None) -> WayState:
    if identity is not None and not identity.reachable:
        return "opted_out"
    if ends is None or ends > now or manifest.after_window == "open":
        return "open"
    return manifest.after_window


def _free_until(manifest: Manifest, reach: Reach, now: datetime) -> datetime | None:
    reply = reach.reply
    if not manifest.reply_tokens or reply is None or reply.token is None:
        return None
    ends = reply.token_expires_at
    return ends if ends is not None and ends > now else None


def _carried(manifest: Manifest, support: str) -> tuple[str, ...]:
    return tuple(kind for kind, carry in manifest.carries.items() if carry.support == support)
