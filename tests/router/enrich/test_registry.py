"""Enrichers by name; what is wrong is told with its place and the nearest right name."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from router.enrich import registry
from router.enrich.api import API_VERSION, Enricher, Manifest, ProviderRequest
from router.enrich.crm import CrmEnricher
from router.enrich.registry import EnricherError
from router.settings.sections import Enricher as Settings


class NoManifest(Enricher[Any]): ...


class Tomorrows(Enricher[Any]):
    manifest = Manifest("tomorrow", "text", api_version=API_VERSION + 1)


def offers(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    points = [EntryPoint("odd", value, registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])


def test_the_built_in_ones_are_there() -> None:
    assert {"crm", "sentiment"} <= set(registry.names())
    assert registry.load("crm", "people") is CrmEnricher


async def test_one_is_made_for_looking_at_it() -> None:
    settings = Settings(options={"url": "https://x.example/{email}", "attributes": {"tier": "level"}})
    made = registry.make("crm", settings, registry.Nowhere())
    assert (made.name, made.manifest.name) == ("crm", "crm")
    assert (await made.outward.call(ProviderRequest("GET", "https://x.example/"))).failure == "unreachable"
    settings = Settings("crm", options={"url": "https://{email}/", "attributes": {"tier": "level"}})
    with pytest.raises(EnricherError, match=r"^enrichers\.people: url: expected https://host/"):
        registry.make("people", settings, registry.Nowhere())


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(
        EnricherError, match=r"^enrichers\.mood\.enricher: no .* 'sentimant'; did you mean 'sentiment'\?$"
    ):
        registry.load("sentimant", "mood")


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("tests.router.enrich.test_registry:NoManifest", "has no manifest"),
        ("tests.router.enrich.test_registry:Tomorrows", "is made for enricher interface 2, and this is 1"),
        ("tests.router.enrich.test_registry:offers", "is no subclass of router.enrich.api.Enricher"),
        ("no.such.module:X", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_what_is_no_enricher_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, fault: str) -> None:
    offers(monkeypatch, value)
    with pytest.raises(EnricherError, match=f"enrichers.x.enricher: 'odd' {fault}"):
        registry.load("odd", "x")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ulr": "https://x.example/"}, "enrichers.people: there is no setting 'ulr'; did you mean 'url'?"),
        ({"url": "https://x.example/"}, "enrichers.people: Object missing required field `attributes`"),
        ({"url": 1, "attributes": {}}, "enrichers.people: url: Expected `str`, got `int`"),
    ],
)
def test_wrong_settings_are_located(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EnricherError) as error:
        registry.settings_of(CrmEnricher, options, "people")
    assert str(error.value) == sentence
