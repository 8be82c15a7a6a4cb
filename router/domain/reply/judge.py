"""Whether and how a draft can be said on one way, why not, and which other way could say it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from connectors.api import Failed, Manifest, MediaLink
from connectors.api.outcome import KINDS
from connectors.kit.degrade import as_carried, kind_of, pieces_for
from connectors.kit.text import size
from contracts.content import Part, Template, Text, attachments_of
from contracts.reply import Carried, Means, Notice, Verdict, Way
from router.domain.reply.facts import Condition, ReplyFacts
from router.domain.reply.templates import all_said, approved

SOON: Final = timedelta(minutes=30)
"""A window that ends sooner is worth a word."""
_ABOUT_A_LINK: Final = "https://" + "x" * 180
"""As long as our signed links are, about."""
_NEARLY: Final = 0.9
"""Of a quota."""


def judge(
    facts: ReplyFacts,
    way: Way,
    parts: tuple[Part, ...],
    now: datetime,
    *,
    language: str | None = None,
    condition: Condition | None = None,
) -> Verdict:
    """The verdict on saying ``parts`` this way; without alternatives."""
    manifest = facts.channels.get(way.account)
    if manifest is None:
        return Verdict(True, way, pieces=len(parts))
    if way.state == "opted_out":
        return _refused(way, "opted_out")
    resolved = all_said(facts.templates, manifest, parts, language, facts.language)
    if isinstance(resolved, Failed):
        return _refused(way, resolved.problem.kind, resolved.problem.sentence)
    if way.state == "closed":
        return _refused(way, "window_closed")
    if way.state == "template" and not (resolved and all(isinstance(each, Template) for each in resolved)):
        verdict = _refused(way, "window_closed", f"The window of {way.title} is over: only an approved template goes.")
        return replace(verdict, templates=_goable(facts, manifest))
    if condition is not None and way.billed and _used(condition, 1.0):
        return _refused(way, "rejected", f"The quota of {way.title} is used up, and there is no reply token.")
    return _carry(manifest, way, resolved, now, condition)


def ranked(
    facts: ReplyFacts,
    ways: Iterable[Way],
    parts: tuple[Part, ...],
    now: datetime,
    *,
    language: str | None = None,
    besides: Way | None = None,
) -> tuple[Way, ...]:
    """The ways that can say it, the best first: what works now before what is in trouble, natively before degraded,
    free before billed, and then where the customer wrote last."""
    found = [
        (way, judge(facts, way, parts, now, language=language))
        for way in ways
        if way.state != "unknown" and (besides is None or _place(way) != _place(besides))
    ]
    return tuple(way for way, verdict in sorted(found, key=_worth) if verdict.allowed)


def _worth(found: tuple[Way, Verdict]) -> tuple[bool, bool, bool, int, float]:
    way, verdict = found
    degraded = any(part.support != "native" for part in verdict.parts)
    at = way.last_at.timestamp() if way.last_at is not None else 0.0
    return (way.trouble is not None, degraded, way.billed, verdict.pieces, -at)


def _carry(
    manifest: Manifest, way: Way, parts: tuple[Part, ...], now: datetime, condition: Condition | None
) -> Verdict:
    """What becomes of the parts on a way that is open."""
    carried = tuple(_carried(manifest, part) for part in parts)
    pieces = pieces_for(manifest, parts, _links(parts))
    if isinstance(pieces, Failed):
        return replace(_refused(way, pieces.problem.kind, pieces.problem.sentence), parts=carried)
    texts = [part.text for part in pieces if isinstance(part, Text)]
    return Verdict(
        allowed=True,
        way=way,
        by=_by(manifest, way),
        pieces=len(pieces),
        parts=carried,
        size=sum(size(text, manifest.text_unit) for text in texts),
        notices=tuple(_notices(way, carried, len(pieces), len(parts), now, condition)),
    )


def _carried(manifest: Manifest, part: Part) -> Carried:
    kind = kind_of(part)
    carry = as_carried(manifest, part)
    pieces = () if carry.support == "refused" else pieces_for(manifest, (part,), _links((part,)))
    count = 1 if isinstance(pieces, Failed) else len(pieces)
    return Carried(kind, carry.support, carry.how if carry.support != "native" else "", count)


def _by(manifest: Manifest, way: Way) -> Means:
    if way.free_until is not None:
        return "reply_token"
    if way.state == "template":
        return "template"
    if way.billed or manifest.reply_tokens:
        return "push"
    return "window" if way.window_ends_at is not None else "open"


def _notices(
    way: Way, carried: tuple[Carried, ...], pieces: int, parts: int, now: datetime, condition: Condition | None
) -> Iterable[Notice]:
    for part in carried:
        if part.support == "degraded":
            yield Notice("degraded", f"{part.kind} goes as {part.how}.")
    if pieces > parts:
        yield Notice("split", f"It is sent in {pieces} pieces.")
    if way.billed:
        yield Notice("billed", "It is billed, or counts against the channel's quota.")
    if way.window_ends_at is not None and way.window_ends_at - now < SOON:
        yield Notice("window_ends", "The window for answers ends soon.")
    if condition is not None and way.billed and _used(condition, _NEARLY):
        yield Notice("quota", "The channel's quota is nearly used up.")
    if way.trouble is not None:
        yield Notice("trouble", f"The channel is in trouble; it will wait. {way.trouble}")


def _used(condition: Condition, share: float) -> bool:
    quota = condition.quota
    return quota is not None and quota.limit is not None and quota.used >= share * quota.limit


def _refused(way: Way, kind: str, sentence: str | None = None) -> Verdict:
    return Verdict(False, way, kind=kind, sentence=sentence or KINDS[kind].sentence)


def _goable(facts: ReplyFacts, manifest: Manifest) -> tuple[str, ...]:
    return tuple(name for name, template in facts.templates.items() if approved(template, manifest))


def _links(parts: tuple[Part, ...]) -> dict[str, MediaLink]:
    """Links as long as the real ones, which are made at the time of sending, for what can be linked."""
    return {
        each.id: MediaLink(_ABOUT_A_LINK, each.name or each.id, each.media_type, each.size or 0)
        for each in attachments_of(parts)
        if each.sha256 is not None
    }


def _place(way: Way) -> tuple[str, str, str]:
    return (way.channel, way.account, way.address)
