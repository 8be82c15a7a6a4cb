"""All that the author of an enricher imports. An enricher is a class, offered under the entry-point group
``madoguchi.enrichers``; ``README.md`` beside this file has one to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

import msgspec

from connectors.api import ProviderRequest, ProviderResponse, Secret
from contracts.contact import Contact

__all__ = [
    "API_VERSION", "Asked", "Enricher", "Found", "Manifest", "NoSettings", "Outward", "ProviderRequest",
    "ProviderResponse", "Secret", "Trouble",
]  # fmt: skip

API_VERSION = 1
S = TypeVar("S", bound=msgspec.Struct)


class NoSettings(msgspec.Struct, frozen=True):
    """For enrichers that need none."""


class Manifest(msgspec.Struct, frozen=True):
    """What an enricher says of itself; the operator may set budget, cache and ``at_once`` otherwise."""

    name: str
    about: Literal["contact", "text"]
    """Whom the answer is about: the person (asked once per contact, and kept with the contact) or these words."""
    budget_s: float = 2.0
    """After so long its answer is not waited for any more."""
    cache_s: int = 3_600
    """How long an answer is good for the same contact, or the same text. 0: it is not kept."""
    at_once: int = 16
    """So many questions run at the same time; beyond them it is not asked."""
    api_version: int = API_VERSION


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation that has opened (or reopened), and whose it is."""

    conversation: str
    contact: Contact
    channel: str
    account: str
    language: str | None
    text: str
    """The first 2,000 characters of what was written."""
    attributes: dict[str, str]
    """What the rules know already."""

    def __repr__(self) -> str:
        return f"Asked({self.conversation}, {self.channel}, {len(self.text)} characters)"


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was found; nothing at all is an answer too, and is kept like one.

    ``attributes``: at most 32, named with a-z, 0-9, ``_``, ``.`` and ``-``, each of at most 500 characters.
    ``language``: BCP 47.
    """

    attributes: dict[str, str] = {}
    language: str | None = None


class Trouble(Exception):
    """It cannot be told now. ``reason``: a word or two for health, never data of a customer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Outward(Protocol):
    """HTTP as the host does it: bounded in time and size, no redirects, not into private networks unless allowed."""

    async def call(self, request: ProviderRequest, *, most: int = ...) -> ProviderResponse:
        """The answer, or in ``failure`` why there is none; never raises for what the other side does."""
        ...


class Enricher(Generic[S]):
    """Subclass, set ``manifest`` (and ``Settings``), write ``enrich``. One is made per table ``[enrichers.NAME]``."""

    manifest: ClassVar[Manifest]
    Settings: ClassVar[type[msgspec.Struct]] = NoSettings

    def __init__(self, name: str, settings: S, outward: Outward) -> None:
        self.name = name
        self.settings = settings
        self.outward = outward

    async def enrich(self, asked: Asked) -> Found:
        """The answer. It must not block: whoever computes for long does so in a thread. Called again for another
        conversation before it has returned.

        Raises:
            Trouble: it cannot be told now. Any other exception counts as the same, with its class as the reason.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Gives back what it holds. Called once."""
