"""Answers to a LINE platform that counts what reaches the customer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.api import Request
from contracts.attachment import Attachment
from contracts.content import Image, Text
from router.delivery import deliveries
from router.shards.commit import Fenced
from tests.servers.fake_line import QUOTA, RATE, FakeLine, fake_line
from tests.servers.inside import TARO, Inside, inside, line_account, until


@pytest.fixture
async def line() -> AsyncIterator[FakeLine]:
    async with fake_line() as platform:
        yield platform


@pytest.fixture
async def service(
    store_url: str, tmp_path: Path, line: FakeLine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Inside]:
    monkeypatch.setattr(deliveries, "SCHEDULE_S", (0.1,) * 4)
    async with inside(tmp_path, store_url, account(line)) as found:
        yield found


def account(line: FakeLine) -> str:
    """The configuration of an account on this platform."""
    return line_account(**{**line.settings(), "allow_private": True})


async def writes(service: Inside, line: FakeLine, text: str = "こんにちは", token: bool = True) -> str:
    """Taro writes; the conversation. Without ``token`` his reply token is spent already."""
    request: Request = service.signed(text)
    assert await line.send(request, f"{service.url}/in/line") == [200]
    if not token:
        line._replies.clear()
    return (await service.received(1))[-1].conversation


def kinds(line: FakeLine) -> list[str]:
    """The calls that sent something, by kind."""
    return [call.path.rpartition("/")[2] for call in line.calls if "/message/" in call.path and call.method == "POST"]


async def test_the_reply_token_goes_first_and_once(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    for text in ("一", "二", "三"):
        await service.message(await service.answers(conversation, text), "sent")
    assert line.texts(TARO) == ["一", "二", "三"]
    assert kinds(line) == ["reply", "push", "push"]


async def test_a_spent_token_falls_back_to_push(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line, token=False)
    await service.message(await service.answers(conversation, "一"), "sent")
    await service.message(await service.answers(conversation, "二"), "sent")
    assert line.texts(TARO) == ["一", "二"] and kinds(line) == ["reply", "push", "push"]


async def test_a_lost_answer_to_a_push_is_asked_again_with_the_same_key(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "reply"), "sent")
    line.lose_next, line.answers = 1, [(500, "oops")]
    sent = await service.message(await service.answers(conversation, "push"), "sent")
    assert line.texts(TARO) == ["reply", "push"] and sent.attempts == 3
    keys = [call.headers["x-line-retry-key"] for call in line.calls if call.path.endswith("push")]
    assert len(keys) == 3 and len(set(keys)) == 1


async def test_a_lost_answer_to_a_reply_is_uncertain_and_never_sent_twice(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    line.lose_next = 1
    message = await service.message(await service.answers(conversation, "一"), "uncertain")
    assert message.problem is not None and "may or may not" in message.problem.sentence
    await service.message(await service.answers(conversation, "二"), "sent")
    assert line.texts(TARO) == ["一", "二"]


async def test_the_same_bytes_go_out_at_every_attempt(service: Inside, line: FakeLine, monkeypatch: Any) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "reply"), "sent")
    sha256 = await service.parts.media.put(b"\xff\xd8\xff" + b"x" * 100)
    image = Attachment("at_x_0", "image/jpeg", "a.jpg", 103, sha256, state="ready")
    links = service.parts.links
    assert links.lasting_url(image, 1e9, 1e9 + 5) == links.lasting_url(image, 1e9, 1e9 + 80_000)
    line.answers = [RATE]
    line.lose_next = 1
    await service.message(await service.answers(conversation, "見て", Image(image)), "sent")
    bodies = [call.body for call in line.calls if call.path.endswith("push")]
    assert len(bodies) == 3 and bodies[0] == bodies[1] == bodies[2]
    assert sum(target == TARO for target, _ in line.messages) == 1 + len(bodies[0]["messages"])


async def test_throttling_is_waited_for_and_the_order_kept(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "零"), "sent")
    line.answers = [RATE, RATE, (500, "oops")]
    sent = [await service.answers(conversation, text) for text in ("一", "二", "三")]
    first = await service.message(sent[0], "sent")
    await service.message(sent[2], "sent")
    assert first.attempts == 4 and line.texts(TARO) == ["零", "一", "二", "三"]
    health = service.parts.health.component("line.sending", "account")
    assert health.state == "ok"


async def test_the_months_quota_is_told_at_once(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "reply"), "sent")
    line.answers = [QUOTA]
    failed = await service.message(await service.answers(conversation, "push"), "failed")
    assert failed.problem is not None and "quota" in failed.problem.sentence and not failed.problem.retryable
    await service.message(await service.answers(conversation, "later"), "sent")
    assert line.texts(TARO) == ["reply", "later"]


async def test_attempts_come_to_an_end(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "reply"), "sent")
    line.answers = [(500, "oops")] * 5
    failed = await service.message(await service.answers(conversation, "push"), "failed")
    assert failed.attempts == 5 and not line.answers


async def test_a_message_that_was_sent_in_part_goes_on_where_it_was(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "reply"), "sent")
    texts = [f"part {number}" for number in range(6)]
    begun = len(line.calls)

    original = line._push

    def push(request: Any, body: Any) -> Any:
        answer = original(request, body)
        if len(body["messages"]) == 5:
            line.answers = [(503, "later")]
        return answer

    line._push = push  # type: ignore[method-assign]
    message = await service.answers(conversation, *map(Text, texts))
    sent = await service.message(message, "sent")
    assert line.texts(TARO)[1:] == texts and sent.attempts == 2
    assert [len(call.body["messages"]) for call in line.calls[begun:]] == [5, 1, 1]


async def test_what_a_channel_cannot_say_fails_with_a_reason(service: Inside, line: FakeLine) -> None:
    conversation = await writes(service, line)
    message = await service.answers(conversation, "x", extra={"nonsense": 1})
    failed = await service.message(message, "failed")
    assert failed.problem is not None and "provider_extra" in failed.problem.sentence
    assert line.texts(TARO) == []


async def test_an_account_that_is_gone_says_so(store_url: str, tmp_path: Path, line: FakeLine) -> None:
    async with inside(tmp_path, store_url, account(line)) as service:
        conversation = await writes(service, line)
    async with inside(tmp_path, store_url) as service:
        failed = await service.message(await service.answers(conversation, "x"), "failed")
        assert failed.problem is not None and failed.problem.kind == "config"


async def test_calls_are_made_as_fast_as_the_account_allows(store_url: str, tmp_path: Path, line: FakeLine) -> None:
    async with inside(tmp_path, store_url, account(line) + "send_per_second = 10.0\n") as service:
        conversation = await writes(service, line)
        before = time.monotonic()
        for number in range(6):
            await service.answers(conversation, f"{number}")
        await until(lambda: sent(line, 6), "all of them")
        assert time.monotonic() - before >= 0.45
        assert line.texts(TARO) == [f"{number}" for number in range(6)]


async def sent(line: FakeLine, count: int) -> bool:
    return len(line.texts(TARO)) >= count


async def test_the_customers_name_is_looked_up(service: Inside, line: FakeLine) -> None:
    line.profiles[TARO] = {"userId": TARO, "displayName": "山田太郎", "language": "ja"}
    await writes(service, line)
    (message,) = await service.received(1)

    async def named() -> bool:
        return (await service.contact(message.contact)).name == "山田太郎"

    await until(named, "the name")


async def test_a_send_given_up_with_its_shard_is_made_when_the_shard_is_ours_again(
    service: Inside, line: FakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = service.parts.worker
    assert worker is not None
    write, given_up = worker.write, 0

    async def lost_meanwhile(shard: str, writes: Any) -> bool:
        nonlocal given_up
        if given_up or writes[0][0] != "HSET":
            return await write(shard, writes)
        given_up += 1
        before = worker.owned[shard]
        worker._group(shard)._lose(before, Fenced("taken by somebody else"))
        async with asyncio.timeout(10):
            while worker.owned.get(shard) in (None, before):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # the new epoch resumes the same send while this one is not given up yet
        return False

    monkeypatch.setattr(worker, "write", lost_meanwhile)
    conversation = await writes(service, line)
    await service.message(await service.answers(conversation, "一"), "sent")
    assert given_up == 1
    assert line.texts(TARO) == ["一"]
