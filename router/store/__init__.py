"""The store: how Redis or Valkey is reached. Knows nothing about shards or messages."""

from router.store.embedded import Embedded
from router.store.errors import (
    NotDurable,
    ReplyError,
    StoreConfigError,
    StoreError,
    StoreLost,
    StoreRefused,
    StoreUnavailable,
)
from router.store.facts import StoreFacts
from router.store.lane import Lane
from router.store.settings import Durability, StoreSettings
from router.store.store import Store

__all__ = [
    "Durability",
    "Embedded",
    "Lane",
    "NotDurable",
    "ReplyError",
    "Store",
    "StoreConfigError",
    "StoreError",
    "StoreFacts",
    "StoreLost",
    "StoreRefused",
    "StoreSettings",
    "StoreUnavailable",
]
