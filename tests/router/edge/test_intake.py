"""Webhooks on a running service: what is taken, what is refused, and that nothing of it becomes our fault."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.signatures import hmac_sha256_base64
from contracts.streams import LAYOUT
from tests.servers.inside import LINE_SECRET, TARO, Inside, inside, line_account, table

HOOK_KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = table("accounts.hook", {"connector": "webhook", "secret": HOOK_KEY})


@pytest.fixture
async def service(store_url: str, tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path, store_url, line_account(), HOOK, http={"body_timeout_s": 0.5}) as found:
        yield found


def line_headers(body: bytes) -> dict[str, str]:
    """The signature that LINE would give these bytes."""
    return {"X-Line-Signature": hmac_sha256_base64(LINE_SECRET.encode(), body).decode()}


async def quarantined(service: Inside, account: str = "line") -> list[dict[bytes, bytes]]:
    """What was set aside for an account."""
    entries = await service.parts.store.client.xrange(f"{LAYOUT}:quarantine:{account}")
    return [fields for _, fields in entries]


@pytest.mark.parametrize("account", ["line", "hook"])
async def test_a_signed_message_is_taken_once_however_often_it_comes(service: Inside, account: str) -> None:
    request = service.signed("一度だけ", "U" + "b" * 32, account)
    statuses = await asyncio.gather(*(service.post(account, request.body, request.headers) for _ in range(50)))
    assert set(statuses) == {200}
    await service.says("もうひとつ", "U" + "b" * 32, account)
    first, second = await service.received(2)
    assert [part.text for part in (*first.parts, *second.parts)] == ["一度だけ", "もうひとつ"]
    assert first.conversation == second.conversation and (first.seq, second.seq) != (second.seq, first.seq)
    assert len(await service.events("message.received")) == 2 and not await service.dead()


async def test_an_album_in_parallel_is_one_conversation(service: Inside) -> None:
    requests = [service.signed(f"写真{number}") for number in range(10)]
    assert set(await asyncio.gather(*(service.post("line", r.body, r.headers) for r in requests))) == {200}
    messages = await service.received(10)
    assert len({message.conversation for message in messages}) == 1 and len({m.id for m in messages}) == 10
    assert len(await service.events("conversation.opened")) == 1


# -- what is refused -------------------------------------------------------------------------------------------------


async def test_whatever_is_not_the_providers_is_refused(service: Inside) -> None:
    body = service.signed().body
    good = line_headers(body)["X-Line-Signature"]
    other = good[:-2] + ("E=" if good[-2] == "A" else "A=")  # one letter, never the same one
    for headers in (
        {}, {"X-Line-Signature": ""}, {"X-Line-Signature": "Ümlaut"}, {"X-Line-Signature": other},
        {"X-Line-Signature": good.lower()}, {"X-Line-Signature": "a" * 7_000}, {"X-Hub-Signature": good},
    ):  # fmt: skip
        assert await service.post("line", body, headers) == 401
    for changed in (body + b" ", body[:-1], b"", body.replace(b"message", b"massage", 1)):
        assert await service.post("line", changed, {"X-Line-Signature": good}) == 401
    assert not await service.events() and not await quarantined(service)


async def test_a_replay_from_long_ago_is_refused_where_the_time_is_signed(service: Inside) -> None:
    now = time.time_ns() // 1_000_000
    for at_ms in (now - 3_600_000, now + 3_600_000):
        old = service.signed("昔", account="hook", at_ms=at_ms)
        assert await service.post("hook", old.body, old.headers) == 401
    headers = dict(service.signed(account="hook").headers)
    for stamp in ("-1", "0", str(2**63), "abc", "", "1e9", "９"):
        assert await service.post("hook", b"{}", {**headers, "webhook-timestamp": stamp}) == 401


DEEP = b"[" * 100_000
SHAPES: dict[str, bytes] = {
    "truncated": b'{"destination":"U","events":[{"type":"mess',
    "no json": b"\x00\x01\x02",
    "not utf-8": b'{"destination":"U","events":[{"type":"message","x":"\xff\xfe"}]}',
    "utf-16": '{"events":[]}'.encode("utf-16"),
    "deep": DEEP,
    "deep inside": b'{"destination":"U","events":[{"type":"message","message":' + b'{"a":' * 50_000 + b"1",
    "a list": b"[]",
    "a number": b"1",
    "a huge number": b'{"events":' + b"9" * 5_000 + b"}",
    "wrong types": b'{"destination":1,"events":"x"}',
    "an event of wrong types": b'{"destination":"U","events":[{"type":7,"timestamp":"now","source":[]}]}',
    "lone surrogate": b'{"destination":"U","events":[{"type":"message","x":"\\ud800"}]}',
    "nan": b'{"events":[NaN]}',
}


async def test_a_genuine_payload_of_an_unknown_shape_is_set_aside(service: Inside) -> None:
    for shape, body in SHAPES.items():
        assert await service.post("line", body, line_headers(body)) == 200, shape
    kept = await quarantined(service)
    assert [len(body) for body in SHAPES.values()] == [int(fields[b"size"]) for fields in kept]
    for body, fields in zip(SHAPES.values(), kept, strict=True):
        media = fields.get(b"media")
        assert body == (fields[b"body"] if media is None else await service.parts.media.get(media.decode()))
    await service.says("the next one is heard")
    await service.received(1)
    assert not await service.dead()


async def test_the_connectivity_check_of_line_is_answered(service: Inside) -> None:
    body = b'{"destination":"U00000000000000000000000000000000","events":[]}'
    assert await service.post("line", body, line_headers(body)) == 200
    assert not await quarantined(service)


async def test_numbers_beyond_64_bits_in_a_payload_harm_nobody(service: Inside) -> None:
    payload = json.loads(service.signed().body)
    payload["events"][0]["message"]["mention"] = {"mentionees": [{"index": 2**70, "length": -(2**70)}]}
    payload["events"][0]["timestamp"] = 2**63
    body = json.dumps(payload).encode()
    assert await service.post("line", body, line_headers(body)) == 200


# -- HTTP itself -----------------------------------------------------------------------------------------------------


async def test_sizes_and_encodings(service: Inside) -> None:
    big = b'{"a":"' + b"x" * 1_048_577 + b'"}'
    assert await service.post("line", io.BytesIO(big), line_headers(big)) == 413
    packed = gzip.compress(service.signed().body)
    assert await service.post("line", packed, {**line_headers(packed), "Content-Encoding": "gzip"}) == 415
    assert await service.post("line", b"", line_headers(b"")) == 200  # genuine, and empty: set aside

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    async with service.http.post(f"{service.url}/in/line", data=endless(), headers=line_headers(b"")) as answer:
        assert answer.status == 413


async def test_a_chunked_body_is_read_whole(service: Inside) -> None:
    request = service.signed("in Stücken")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(request.body), 50):
            yield request.body[start : start + 50]
            await asyncio.sleep(0)

    headers = dict(request.headers)
    async with service.http.post(f"{service.url}/in/line", data=pieces(), headers=headers) as answer:
        assert answer.status == 200
    await service.received(1)


PLACES = [
    ("POST", "/in/nobody", 404), ("POST", "/in/", 404), ("POST", "/in", 404), ("GET", "/in/line", 401),
    ("PUT", "/in/line", 401), ("BREW", "/in/line", 400), ("POST", "/in/line/deeper/%2e%2e/x?a=b&a=%ff", 401),
    ("POST", "/in/" + "x" * 2_000, 404), ("POST", "/in/%00%ff", 404), ("GET", "/nowhere", 404),
]  # fmt: skip


async def test_unknown_places_and_methods(service: Inside) -> None:
    for method, path, status in PLACES:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        answer = await raw(service, head.encode())
        assert int(answer.split()[1]) == status, (method, path[:50], answer[:200])


NO_HTTP = [
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",
    b"POST /in/line HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
]


async def test_what_is_no_http_is_the_senders_fault(service: Inside) -> None:
    for head in NO_HTTP:
        answer = await raw(service, head)
        assert answer == b"" or answer.split()[1].startswith(b"4"), (head[:200], answer[:200])


async def raw(service: Inside, head: bytes) -> bytes:
    """What is answered to these bytes, until the connection is closed (by us after a second, when it is not)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
    writer.write(head)
    try:
        async with asyncio.timeout(3):
            return await reader.read(65_536)
    finally:
        writer.transport.abort()


async def test_a_body_that_does_not_come_is_not_waited_for(service: Inside) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
    writer.write(b"POST /in/line HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    trickle = asyncio.create_task(_trickle(writer))
    began = time.monotonic()
    assert (await reader.readline()).split()[1] == b"408"
    assert time.monotonic() - began < 5
    trickle.cancel()
    writer.transport.abort()


async def _trickle(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.05)


async def test_an_account_takes_as_many_requests_as_it_is_set_to(store_url: str, tmp_path: Path) -> None:
    slow = line_account("slow", receive_per_second=5.0)
    async with inside(tmp_path, store_url, slow, line_account()) as service:
        requests = [service.signed(account="slow") for _ in range(30)]
        statuses = [await service.post("slow", each.body, each.headers) for each in requests]
        assert statuses[:5] == [200] * 5 and statuses.count(429) > 10 and set(statuses) == {200, 429}
        await service.says()


async def test_no_body_and_no_secret_in_the_log(service: Inside, caplog: Any, capsys: Any) -> None:
    caplog.set_level("DEBUG")
    canary = "カナリア-canary-4711"
    await service.says(canary)
    broken = json.dumps({"events": canary}).encode()
    assert await service.post("line", broken, line_headers(broken)) == 200
    assert await service.post("line", broken, {"X-Line-Signature": canary.encode().hex()}) == 401
    assert await service.post(canary, broken) == 404
    await service.received(1)
    written = caplog.text + "".join(capsys.readouterr())
    assert "payload.quarantined" in written
    for secret in (canary, "canary-4711", canary.encode().hex(), LINE_SECRET, TARO):
        assert secret not in written
