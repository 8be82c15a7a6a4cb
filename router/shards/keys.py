"""Every Redis key of the engine, spelt here only. Keys of one shard share its hash tag, so one slot and one node."""

from __future__ import annotations

from contracts import streams

LAYOUT_KEY = streams.LAYOUT_KEY
"""Hash: ``layout``, ``shards``. Written once, when a store is first used."""

WORKERS = f"{streams.LAYOUT}:workers"
"""Sorted set of live workers by the store's time of their last heartbeat, in milliseconds."""

commands = streams.commands
events = streams.events


def meta(shard: str) -> str:
    """Hash: ``epoch``, ``commit``, ``cursor``, ``owner`` (whoever began the epoch, a name used once), and the counters
    ``sent:<shard>`` and ``seen:<shard>`` of the relay."""
    return f"{{{shard}}}:meta"


def lease(shard: str) -> str:
    """The owner's worker id; expires."""
    return f"{{{shard}}}:lease"


def outbox(shard: str) -> str:
    """List of what is to be relayed, in order."""
    return f"{{{shard}}}:outbox"


def timers(shard: str) -> str:
    """Sorted set: timer key by due time in milliseconds."""
    return f"{{{shard}}}:timers"


def dead(shard: str) -> str:
    """Stream of commands that could not be handled, with their bytes and the reason."""
    return f"{{{shard}}}:dead"


def started(shard: str) -> str:
    """Hash: message id to attempt, for sends that have begun and are not reported yet."""
    return f"{{{shard}}}:started"


def row(shard: str, table: str, id: str) -> str:
    """One value of a table that is loaded on demand."""
    return f"{{{shard}}}:{table}:{id}"


def rows(shard: str, table: str) -> str:
    """All values of a preloaded table, one hash."""
    return f"{{{shard}}}:{table}"


def listing(shard: str, name: str, id: str) -> str:
    """A list, for example a conversation's message ids."""
    return f"{{{shard}}}:{name}:{id}"


def index(shard: str, name: str) -> str:
    """A sorted index."""
    return f"{{{shard}}}:ix:{name}"


def single(name: str) -> str:
    """The lease of a task of which there is one over all copies."""
    return f"{streams.LAYOUT}:single:{{{name}}}"


def kept(account: str, name: str) -> str:
    """A listener's small state, for example a mailbox cursor."""
    return f"{streams.LAYOUT}:kept:{account}:{name}"


def pace(account: str) -> str:
    """Sorted set: when the account, and each person lately written to, may be called next; until when it is paused."""
    return f"{streams.LAYOUT}:pace:{{{account}}}"


def pace_copies(account: str) -> str:
    """Sorted set of the copies that call the account, by the time until which they count."""
    return f"{streams.LAYOUT}:pace:{{{account}}}:copies"


def enriched(enricher: str, digest: str) -> str:
    """What an enricher answered about a contact or a text; expires."""
    return f"{streams.LAYOUT}:enriched:{enricher}:{digest}"


def readers(shard: str) -> str:
    """Hash: where each consumer group of the event stream has read to, its oldest pending entry, and since when."""
    return f"{{{shard}}}:readers"


def quarantine(account: str) -> str:
    """Stream of genuine payloads that could not be understood, with their bytes and the reason."""
    return f"{streams.LAYOUT}:quarantine:{account}"


def signal(target: str) -> str:
    """The pub/sub channel of things that are never stored."""
    return f"{streams.LAYOUT}:signal:{target}"


SIGNALS = f"{streams.LAYOUT}:signal:*"
