"""Work that the conversation rules ask of the shell, once their decisions are committed."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.commands import Facts


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send this message now (not before ``ready_ms``, milliseconds since 1970), and report with ``DeliveryReported``.

    ``attempt`` counts from 1; a report that names another attempt is ignored.
    """

    message: str
    conversation: str
    attempt: int
    ready_ms: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch an attachment from its provider, and report with ``AttachmentFetched``. ``source`` is in the message."""

    attachment: str
    message: str
    conversation: str
    channel: str
    account: str


@dataclass(frozen=True, slots=True)
class Enrich:
    """Ask the enrichers about a conversation that opened or reopened; what they find comes back as ``Enriched``. Best
    effort: not asked again after a crash."""

    conversation: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the connector who this is, and report with ``ProfileFetched``. Best effort: not asked again after a crash."""

    channel: str
    account: str
    address: str
    contact: str
