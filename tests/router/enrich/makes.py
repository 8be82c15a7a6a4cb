"""Enrichers that do wrong, and what tests of enrichers are asked with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from connectors.api import ProviderRequest, ProviderResponse
from contracts.contact import Contact
from router.enrich.api import Asked, Enricher, Found, Manifest, NoSettings


class NoOutward:
    """Calls nobody."""

    async def call(self, request: ProviderRequest, *, most: int = 0) -> ProviderResponse:
        raise AssertionError(f"nobody should be called: {request.url}")


class Scripted(Enricher[NoSettings]):
    """Does what each test says."""

    manifest = Manifest(name="scripted", about="contact", budget_s=0.2, cache_s=60, at_once=2)

    def __init__(self, name: str = "scripted", settings: NoSettings | None = None, outward: Any = None) -> None:
        super().__init__(name, settings or NoSettings(), outward or NoOutward())
        self.answer: Any = Found({"tier": "gold"})
        self.calls = 0
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.is_stubborn = False

    async def enrich(self, asked: Asked) -> Found:
        self.calls += 1
        while not self.may_go.is_set():
            try:
                await self.may_go.wait()
            except asyncio.CancelledError:
                if not self.is_stubborn:
                    raise
        if isinstance(self.answer, BaseException):
            raise self.answer
        answer: Found = self.answer
        return answer


def asked(text: str = "hello", contact: str = "ct_01_a", **how: Any) -> Asked:
    """A question about a contact's words."""
    person = how.pop("person", None) or Contact(id=contact, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    plain: dict[str, Any] = {"channel": "webchat", "account": "site", "language": None, "attributes": {}}
    return Asked(conversation="cv_01_a", contact=person, text=text, **{**plain, **how})
