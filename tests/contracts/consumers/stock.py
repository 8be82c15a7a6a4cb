"""A consumer with nothing of Madoguchi's in it: redis-py and msgpack. Prints each event as a line of JSON.

    python stock.py redis://127.0.0.1:6379 [positions as JSON]

Ends when nothing has come for a second; the last line has the positions to go on from.
"""

import json
import sys
from datetime import datetime

import msgpack
import redis


def iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main(url: str, positions: dict[str, str]) -> None:
    client = redis.Redis.from_url(url, socket_timeout=5)
    count = int(client.hget("m1:layout", "shards") or 0)
    at = {f"{{c:{number:02d}}}:events": "0-0" for number in range(count)} | {"{d:main}:events": "0-0"} | positions
    while answer := client.xread(dict(at), count=100, block=1000):
        for stream, entries in answer:
            for id, fields in entries:
                event = msgpack.unpackb(fields[b"data"], timestamp=3)
                said = {
                    "stream": stream.decode(),
                    "type": fields[b"type"].decode(),
                    "seq": event.get("seq"),
                    "event": event,
                }
                sys.stdout.write(json.dumps(said, default=iso) + "\n")
                at[stream.decode()] = id.decode()
    sys.stdout.write(json.dumps({"positions": at}) + "\n")
    client.close()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
