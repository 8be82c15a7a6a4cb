"""The ledger: what was offered and what was accepted, written outside the system under test, and the checker."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack


class Ledger:
    """One SQLite file. ``accepted`` is written only after the service answered 2xx."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("create table if not exists offered (id text primary key, customer text)")
        self._db.execute("create table if not exists accepted (id text primary key, customer text)")

    def offer(self, id: str, customer: str) -> None:
        """It is about to be sent."""
        self._db.execute("insert or ignore into offered values (?, ?)", (id, customer))

    def accept(self, id: str, customer: str) -> None:
        """The service said that it has it."""
        self._db.execute("insert or ignore into accepted values (?, ?)", (id, customer))

    def accepted(self) -> dict[str, str]:
        """Customer by id."""
        return dict(self._db.execute("select id, customer from accepted"))

    def offered(self) -> dict[str, str]:
        """Customer by id."""
        return dict(self._db.execute("select id, customer from offered"))

    def close(self) -> None:
        self._db.close()


@dataclass
class Findings:
    """What the checker found; all of it should be empty."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    """Conversations whose numbers are not 1, 2, 3 ... in the order of the stream."""
    split: list[str] = field(default_factory=list)
    """Customers with more than one conversation."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.unknown or self.gaps or self.split)


def check(ledger: Ledger, streams: Iterable[list[Any]]) -> Findings:
    """Holds the event streams (raw entries of each) against the ledger."""
    findings = Findings()
    received: Counter[str] = Counter()
    conversations: dict[str, set[str]] = {}
    numbers: dict[str, list[int]] = {}
    for entries in streams:
        for _, fields in entries:
            event = msgpack.unpackb(fields[b"data"], timestamp=3)
            if event.get("seq") is not None and event.get("conversation"):
                numbers.setdefault(event["conversation"], []).append(event["seq"])
            if event["type"] == "message.received":
                message = event["message"]
                received[message["provider_id"]] += 1
                conversations.setdefault(message["address"], set()).add(message["conversation"])
    accepted, offered = ledger.accepted(), ledger.offered()
    findings.lost = sorted(id for id in accepted if not received[id])
    findings.duplicated = sorted(id for id, count in received.items() if count > 1)
    findings.unknown = sorted(id for id in received if id not in offered)
    findings.gaps = sorted(id for id, seqs in numbers.items() if seqs != list(range(1, len(seqs) + 1)))
    findings.split = sorted(customer for customer, ids in conversations.items() if len(ids) > 1)
    return findings
