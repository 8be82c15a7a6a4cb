"""The only fields that may be logged: ids, counts, durations, reasons from closed vocabularies.

Bodies, addresses, names and secrets have no field here, so they cannot be logged, whatever the code tries. A field that
is not listed is dropped and counted. Before adding one: could a customer choose its value? Then it has no place here.
"""

from __future__ import annotations

from typing import Final

IDS: Final = frozenset({
    "account", "agent", "attachment", "channel", "cause", "command", "connector", "consumer", "contact", "conversation",
    "endpoint", "entry", "event_id", "message", "message_id", "owner", "queue", "rule", "shard", "subscription",
    "timer", "token_id", "worker",
})  # fmt: skip
COUNTS: Final = frozenset({
    "agents", "attempt", "batch", "bytes", "commands", "connections", "count", "cursor", "dropped", "entries", "epoch",
    "events", "failures", "length", "limit", "missing", "moved", "number", "piece", "pieces", "position", "restarts",
    "seq", "sessions", "shards", "size", "waiting",
})  # fmt: skip
TIMES: Final = frozenset({
    "duration_ms", "lag_ms", "late_ms", "next_s", "patience_s", "retry_after_s", "since", "until", "uptime_s",
    "waited_ms",
})  # fmt: skip
FACTS: Final = frozenset({
    "code", "data_dir", "durability", "error", "index", "kind", "listen", "logger", "method", "mode", "name", "outcome",
    "pid", "place", "port", "processes", "reason", "role", "roles", "route", "server", "signal", "socket", "state",
    "status", "store", "table", "template", "trace", "type", "url", "version",
})  # fmt: skip
ALLOWED: Final = IDS | COUNTS | TIMES | FACTS | {"event", "level", "at"}
