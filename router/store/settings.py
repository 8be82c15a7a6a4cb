"""How the store is reached and how hard a write must have landed before it counts."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from router.store.url import mask


class Durability(enum.Enum):
    """What an acknowledged write has survived.

    MEMORY: it is in the server's memory (its disk follows within about a second).
    DISK: it is fsynced in the primary's append-only file.
    REPLICA: at least one replica holds it.
    """

    MEMORY = "memory"
    DISK = "disk"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of the store. `url=None` starts the embedded server in `data_dir`.

    Times are milliseconds. A user name or password given here wins over one in the URL.
    """

    url: str | None = field(default=None, repr=False)
    data_dir: Path = Path("data")
    durability: Durability = Durability.DISK
    barrier_timeout_ms: int = 2_000
    connect_timeout_ms: int = 3_000
    call_timeout_ms: int = 5_000
    max_buffer_bytes: int = 64 * 1024 * 1024
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    @property
    def url_for_display(self) -> str:
        """The URL with its password masked, or `embedded`."""
        return "embedded" if self.url is None else mask(self.url)
