"""A stock consumer: redis-py and msgpack, nothing of ours. Notes when it saw each message, and resolves conversations.

Run in a process of its own; orders as JSON on standard input, findings as JSON on standard output.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import msgpack
import redis

EACH = 8
"""Messages of a conversation before it is resolved."""


class Found:
    """What was seen so far. Numbers are the senders' own, in the provider's message id."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.seen: dict[int, float] = {}
        self.assigned: list[tuple[int, float]] = []
        self._opening: set[str] = set()
        self._opener: dict[str, int] = {}
        self._count: dict[str, int] = {}
        self._known: set[str] = set()

    def note(self, fields: dict[bytes, bytes], now: float) -> str | None:
        """One event; the conversation that should be resolved now."""
        kind, conversation = fields[b"type"], fields.get(b"conversation", b"").decode()
        if kind == b"message.received":
            return self._received(fields[b"data"], conversation, now)
        if kind in (b"conversation.opened", b"conversation.reopened"):
            self._opening.add(conversation)
        elif kind == b"conversation.assigned" and conversation in self._opener:
            self.assigned.append((self._opener.pop(conversation), now))
        return None

    def _received(self, data: bytes, conversation: str, now: float) -> str | None:
        number = int(msgpack.unpackb(data, timestamp=3)["message"]["provider_id"]) % 10**12
        if number >= self._first:
            self.seen[number] = now
        if conversation in self._opening:
            self._opening.discard(conversation)
            self._opener[conversation] = number
            self._count[conversation] = 0
        if conversation not in self._known:
            # Customers do not move in step: each begins at another place of its eight.
            self._known.add(conversation)
            self._count[conversation] = len(self._known) % EACH
        self._count[conversation] += 1
        if self._count[conversation] < EACH:
            return None
        return conversation


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Reads until ``total`` messages from number ``first`` on were seen or ``deadline_s`` passed. After every eighth
    message of a customer the conversation is resolved, so that the next one opens it again."""
    client = redis.Redis.from_url(orders["url"])
    positions = {stream: _end(client, stream) for stream in orders["streams"]}
    print("ready", flush=True)
    found = Found(orders["first"])
    deadline = time.time() + orders["deadline_s"]
    while len(found.seen) < orders["total"] and time.time() < deadline:
        answer = client.xread(positions, count=1_000, block=200)
        now = time.time()
        done = []
        for stream, entries in answer or ():
            positions[stream.decode()] = entries[-1][0]
            done += [found.note(fields, now) for _, fields in entries]
        _resolve(client, [conversation for conversation in done if conversation])
    return {"seen": {str(number): at for number, at in found.seen.items()}, "assigned": found.assigned}


def _resolve(client: Any, conversations: list[str]) -> None:
    if not conversations:
        return
    with client.pipeline(transaction=False) as pipe:
        for conversation in conversations:
            shard = f"c:{conversation.split('_')[1]}"
            command = {"type": "set_status", "conversation": conversation, "status": "resolved"}
            pipe.xadd(f"{{{shard}}}:commands", {"data": msgpack.packb(command)})
        pipe.execute()


def _end(client: Any, stream: str) -> bytes:
    entries = client.xrevrange(stream, count=1)
    return entries[0][0] if entries else b"0-0"


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.stdin.readline()))))
