"""Finds enrichers by name and reads their settings; what is wrong is said with its place and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final

import msgspec

from connectors import registry
from router.enrich.api import API_VERSION, Enricher, Manifest, Outward, ProviderRequest, ProviderResponse
from router.settings.sections import Enricher as EnricherSettings

GROUP: Final = "madoguchi.enrichers"


class EnricherError(registry.RegistryError):
    """An enricher or its settings cannot be used; the message says where, and what to do."""


class Nowhere:
    """An outward that leads nowhere, for looking at settings."""

    async def call(self, request: ProviderRequest, *, most: int = 0) -> ProviderResponse:
        """Nothing is called."""
        return ProviderResponse(failure="unreachable")


def names() -> list[str]:
    """The names of all installed enrichers."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str, table: str) -> type[Enricher[Any]]:
    """The class of that name, for ``[enrichers.<table>]``.

    Raises:
        EnricherError: there is none, or it cannot be used.
    """
    where = f"enrichers.{table}.enricher"
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise EnricherError(f"{where}: no enricher is called {name!r}{_nearest(name, names())}")
    try:
        cls = found[0].load()
    except Exception as error:  # a plugin's module may raise anything
        raise EnricherError(f"{where}: {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    fault = _fault(cls)
    if fault is not None:
        raise EnricherError(f"{where}: {name!r} {fault}")
    kind: type[Enricher[Any]] = cls
    return kind


def settings_of(cls: type[Enricher[Any]], options: Mapping[str, Any], table: str) -> msgspec.Struct:
    """Its own settings; secrets as connectors have them (``token`` or ``token_file``).

    Raises:
        EnricherError: unknown or missing keys, wrong types, a secret's file that cannot be used.
    """
    try:
        return registry.settings_of(cls, options, table)  # type: ignore[arg-type]
    except registry.SettingsError as error:
        # It reads whatever has Settings, and says "account 'crm': ...".
        raise EnricherError(f"enrichers.{table}: {str(error).partition(': ')[2]}") from None


def make(table: str, settings: EnricherSettings, outward: Outward) -> Enricher[Any]:
    """The enricher of ``[enrichers.<table>]``.

    Raises:
        EnricherError: as :func:`load` and :func:`settings_of`; or its settings do not fit together.
    """
    cls = load(settings.enricher or table, table)
    options = settings_of(cls, settings.options, table)
    try:
        return cls(table, options, outward)
    except Exception as error:  # a plugin may raise anything
        raise EnricherError(f"enrichers.{table}: {error}") from error


def _fault(cls: Any) -> str | None:
    if not (isinstance(cls, type) and issubclass(cls, Enricher)):
        return "is no subclass of router.enrich.api.Enricher"
    manifest = getattr(cls, "manifest", None)
    if not isinstance(manifest, Manifest):
        return "has no manifest"
    if manifest.api_version != API_VERSION:
        return f"is made for enricher interface {manifest.api_version}, and this is {API_VERSION}"
    return None


def _nearest(word: str, known: Iterable[str]) -> str:
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(choices) or 'none'}"
