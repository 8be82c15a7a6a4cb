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


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Reads until ``total`` messages were seen or ``deadline_s`` passed. After every eighth message of a customer the
    conversation is resolved, so that the next one opens it again."""
    client = redis.Redis.from_url(orders["url"])
    positions = {stream: _end(client, stream) for stream in orders["streams"]}
    print("ready", flush=True)
    seen: dict[int, float] = {}
    assigned: dict[str, float] = {}
    opened: dict[str, int] = {}
    counts: dict[str, int] = {}
    assignments: list[tuple[int, float]] = []
    deadline = time.time() + orders["deadline_s"]
    while len(seen) < orders["total"] and time.time() < deadline:
        answer = client.xread(positions, count=1_000, block=200)
        now = time.time()
        resolve: list[str] = []
        for stream, entries in answer or ():
            positions[stream.decode()] = entries[-1][0]
            for _, fields in entries:
                _note(fields, now, seen, opened, counts, assignments, resolve)
        _resolve(client, resolve)
    return {"seen": {str(k): v for k, v in seen.items()}, "assigned": assignments, "left": len(assigned)}


def _note(
    fields: dict[bytes, bytes],
    now: float,
    seen: dict[int, float],
    opened: dict[str, int],
    counts: dict[str, int],
    assignments: list[tuple[int, float]],
    resolve: list[str],
) -> None:
    kind = fields[b"type"]
    if kind == b"message.received":
        message = msgpack.unpackb(fields[b"data"], timestamp=3)["message"]
        number = int(message["provider_id"])
        conversation = message["conversation"]
        seen[number] = now
        counts[conversation] = counts.get(conversation, 0) + 1
        if counts[conversation] % 8 == 1:
            opened[conversation] = number
        elif counts[conversation] % 8 == 0:
            resolve.append(conversation)
    elif kind == b"conversation.assigned":
        conversation = fields[b"conversation"].decode()
        if conversation in opened:
            assignments.append((opened.pop(conversation), now))


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
