"""Settings for people's eyes."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.api import Secret
from router.settings.sections import Account, Enricher, Settings

HIDDEN = "***"


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as plain values; secrets are stars, and so is all text among a connector's own settings."""
    return {key: _plain(getattr(settings, key)) for key in settings.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Account | Enricher):
        return _table(value) | {"options": _hidden(value.options)}
    if isinstance(value, msgspec.Struct):
        return _table(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _table(value: msgspec.Struct) -> dict[str, Any]:
    return {key: _plain(getattr(value, key)) for key in value.__struct_fields__}


def _hidden(value: Any) -> Any:
    """Which of these are secret only the connector knows, so no text is shown."""
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return HIDDEN if isinstance(value, str) else value
