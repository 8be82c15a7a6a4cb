"""From the configuration file's words to the store's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from router.settings.sections import Settings
from router.store.settings import Durability, StoreSettings

FOLDER: Final = "store"
"""Of the embedded store, in the data directory."""


def store_settings(settings: Settings, url: str | None) -> StoreSettings:
    """The store's settings; ``url`` is where it is reached, None for a server of our own."""
    given = settings.store
    return StoreSettings(
        url=url,
        data_dir=Path(settings.service.data_dir) / FOLDER,
        durability=Durability(given.durability),
        barrier_timeout_ms=given.barrier_timeout_ms,
        username=given.username,
        password=given.password.reveal() if given.password else None,
        sentinel_username=given.sentinel_username,
        sentinel_password=given.sentinel_password.reveal() if given.sentinel_password else None,
        tls_ca_file=_path(given.tls_ca_file),
        tls_cert_file=_path(given.tls_cert_file),
        tls_key_file=_path(given.tls_key_file),
    )


def configured_url(settings: Settings) -> str | None:
    """The store's URL; None for a server of our own."""
    return settings.store.url.reveal() if settings.store.url else None


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None
