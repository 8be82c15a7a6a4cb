"""Names of the streams that others may read, and the layout of their entries. Each name is spelt here only."""

from __future__ import annotations

from typing import Final

LAYOUT: Final = "m1"
"""The version of the key layout. A store made with another one is refused."""

LAYOUT_KEY: Final = f"{LAYOUT}:layout"
"""Hash: ``layout``, and ``shards``, the number of conversation shards. Written once, when a store is first used."""

DISPATCH: Final = "d:main"
"""The shard that gives out work."""

# Fields of an event entry. The first five are there for skimming without decoding, when they apply.
TYPE: Final = "type"
CONVERSATION: Final = "conversation"
CONTACT: Final = "contact"
AGENT: Final = "agent"
SEQ: Final = "seq"
DATA: Final = "data"


def conversation_shard(number: int) -> str:
    """The name of conversation shard ``number``, for example ``c:07``."""
    return f"c:{number:02d}"


def events(shard: str) -> str:
    """The key of a shard's event stream, for example ``{c:07}:events``."""
    return f"{{{shard}}}:events"


def commands(shard: str) -> str:
    """The key of a shard's command stream, for example ``{c:07}:commands``."""
    return f"{{{shard}}}:commands"


def all_shards(count: int) -> list[str]:
    """The names of every shard of a store with ``count`` conversation shards, dispatch last."""
    return [*(conversation_shard(number) for number in range(count)), DISPATCH]
