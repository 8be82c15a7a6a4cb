"""What the policy knows of channels and templates: data, given at composition. The rules never see a connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.api import Manifest, Quota
from router.domain.reply.templates import MessageTemplate


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """``channels``: each account's manifest. An account that is not here is not judged: another copy may know it.
    ``language``: the service's own, where a template has none of the customer's."""

    channels: Mapping[str, Manifest] = field(default_factory=dict)
    templates: Mapping[str, MessageTemplate] = field(default_factory=dict)
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Condition:
    """How one account is at the moment; only the API knows. ``trouble``: why it cannot send."""

    trouble: str | None = None
    quota: Quota | None = None
