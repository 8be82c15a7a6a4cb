"""Events as signed webhooks, against an endpoint that misbehaves."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from router.api.subscriptions import schedule
from router.api.subscriptions.circuit import FAILURES, Circuit
from router.api.subscriptions.model import Delivery, Item, Kept, Subscription
from router.api.subscriptions.progress import Progress
from router.api.subscriptions.runner import Disabled, Runner
from router.api.subscriptions.send import Sender, judge
from router.api.subscriptions.signing import new_secret, sign
from router.net.guard import session
from tests.router.api.desk import Desk, desk


class Endpoint:
    """Somebody's endpoint. ``answer`` says what it answers to a conversation's nth call."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.calls: list[tuple[str, int]] = []
        self.raw: list[tuple[dict[str, str], bytes]] = []
        self.status: dict[str | None, list[int]] = {}
        self.headers: dict[str, str] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = json.loads(body)
        about = said["data"].get("conversation")
        planned = self.status.get(about) or self.status.get(None)
        status = planned.pop(0) if planned else 200
        self.calls.append((request.headers["webhook-id"], status))
        self.raw.append((dict(request.headers), body))
        if status == 200:
            self.got.append(said)
        return web.Response(status=status, headers=self.headers, body=b"x" * 100_000)

    def texts(self, conversation: str | None = None) -> list[str]:
        found = [one["data"] for one in self.got if conversation in (None, one["data"]["conversation"])]
        return [data["message"]["parts"][0]["text"] for data in found]


@asynccontextmanager
async def listening() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/hook", endpoint.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield endpoint
    finally:
        await runner.cleanup()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with listening() as found:
        yield found


async def until(done: Any, patience: float = 8) -> None:
    async with asyncio.timeout(patience):
        while not done():
            await asyncio.sleep(0.02)


async def test_events_are_signed_delivered_in_order_and_logged(
    store_url: str, tmp_path: Path, endpoint: Endpoint
) -> None:
    async with desk(store_url, tmp_path, hooks=True) as service:
        admin = await service.token("admin")
        body = {"url": endpoint.url, "types": ["message.received"], "name": "crm"}
        made = await service.post("/v1/subscriptions", admin, body, 201)
        path = f"/v1/subscriptions/{made['subscription']['id']}"
        id = await service.conversation("0")
        for number in range(1, 6):
            await service.says(str(number))
        await until(lambda: len(endpoint.got) == 6)
        assert endpoint.texts(id) == list("012345")
        headers, raw = endpoint.raw[0]
        judged = Webhook(made["secret"]).verify(raw, {name.lower(): value for name, value in headers.items()})
        assert judged["type"] == "message.received" and judged["timestamp"].endswith("Z")
        assert len({call for call, _ in endpoint.calls}) == 6
        log = (await service.get(f"{path}/deliveries", admin))["items"]
        assert [one["outcome"] for one in log] == ["delivered"] * 6 and log[0]["status"] == 200
        assert made["secret"] not in json.dumps([log, await service.get(path, admin)])

        again = await service.post(f"{path}/deliveries/{log[0]['id']}/redeliver", admin, {}, 202)
        await until(lambda: len(endpoint.got) == 7)
        assert endpoint.calls[-1][0] == log[0]["event"] == again["event"]

        new = await service.post(f"{path}/rotate", admin, {})
        await asyncio.sleep(1.1)
        await service.says("6")
        await until(lambda: len(endpoint.got) == 8)
        headers, raw = endpoint.raw[-1]
        for secret in (new["secret"], made["secret"]):
            Webhook(secret).verify(raw, {name.lower(): value for name, value in headers.items()})
        assert (await service.call("DELETE", path, admin))[0] == 204
        assert (await service.call("GET", path, admin))[0] == 404


async def subscribe(service: Desk, endpoint: Endpoint) -> str:
    await service.services.submitter.listen()
    one = Subscription(
        id=f"sb_{random.random()}", url=endpoint.url, types=("message.received",), created_at=datetime.now(UTC)
    )
    await service.subscriptions.move(one.id, service.tail.now())
    await service.subscriptions.put(Kept(one, (new_secret(),)))
    return one.id


@asynccontextmanager
async def at_work(service: Desk, id: str, speed: float = 50) -> AsyncIterator[Runner]:
    """A runner whose schedule is faster than the real one."""
    async with session(allow_private=True) as calls:
        sender = Sender(calls, allow_private=True)
        runner = Runner(id, service.subscriptions, service.tail, sender, tick_s=0.02, speed=speed)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_failing_conversation_waits_and_the_others_go_on(service: Desk, endpoint: Endpoint) -> None:
    bad, good = await service.conversation("x", "bad"), await service.conversation("x", "good")
    id = await subscribe(service, endpoint)
    endpoint.status[bad] = [500, 503, 429]
    async with at_work(service, id, speed=3_000):
        for number in range(5):
            await service.says(str(number), "bad")
        await until(lambda: len(endpoint.calls) >= 1)
        for number in range(5):
            await service.says(str(number), "good")
        await until(lambda: len(endpoint.texts(good)) == 5)
        assert endpoint.texts(bad) == []
        await until(lambda: len(endpoint.texts(bad)) == 5, 20)
        assert endpoint.texts(bad) == endpoint.texts(good) == list("01234")
        ids = [call for call, status in endpoint.calls if status != 200]
        assert len(set(ids)) == 1 and (ids[0], 200) in endpoint.calls
        await until_free(service, id)


async def until_free(service: Desk, id: str) -> None:
    for _ in range(200):
        if not await service.subscriptions.lanes(id):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("a lane is still blocked")


async def test_nothing_is_lost_when_it_is_killed_at_any_moment(service: Desk, endpoint: Endpoint) -> None:
    conversations = [await service.conversation("x", f"c{number}") for number in range(4)]
    id = await subscribe(service, endpoint)
    chance = random.Random(7)
    saying = asyncio.create_task(_keep_saying(service))
    while not saying.done() or len(set(endpoint.texts())) < 60:
        endpoint.status[None] = [chance.choice((200, 200, 200, 500)) for _ in range(200)]
        async with at_work(service, id, speed=100_000):
            await asyncio.sleep(chance.uniform(0.02, 0.3))
    await saying
    for number, conversation in enumerate(conversations):
        said = endpoint.texts(conversation)
        assert list(dict.fromkeys(said)) == [f"{number}-{n}" for n in range(15)]  # repeats allowed, order kept


async def _keep_saying(service: Desk) -> None:
    for n in range(15):
        for number in range(4):
            await service.says(f"{number}-{n}", f"c{number}")
        await asyncio.sleep(0.05)


async def test_the_circuit_opens_and_a_probe_closes_it(service: Desk, endpoint: Endpoint) -> None:
    id = await subscribe(service, endpoint)
    endpoint.status[None] = [500] * 100
    async with at_work(service, id) as runner:
        for number in range(FAILURES + 3):
            await service.says("x", f"c{number}")
        await until(lambda: runner._circuit.state(0) == "open")
        await asyncio.sleep(0.3)
        calls = len(endpoint.calls)
        await asyncio.sleep(0.3)
        assert len(endpoint.calls) == calls <= FAILURES + 3  # those already on their way
        endpoint.status.clear()
        runner._circuit.probe_at = 0.0
        await until(lambda: len(endpoint.got) == FAILURES + 3, 20)
        assert runner._circuit.state(0) == "closed"


async def test_gone_disables_and_enabling_goes_on_from_there(service: Desk, endpoint: Endpoint) -> None:
    id = await subscribe(service, endpoint)
    endpoint.status[None] = [410]
    async with at_work(service, id):
        await service.says("one")
        for _ in range(200):
            kept = await service.subscriptions.get(id)
            if kept and not kept.subscription.enabled:
                break
            await asyncio.sleep(0.02)
    assert kept is not None and kept.subscription.disabled_reason == "the endpoint answered 410"
    await service.says("two")
    with pytest.raises(Disabled):
        await Runner(id, service.subscriptions, service.tail, None).run()  # type: ignore[arg-type]
    admin = await service.token("admin")
    await service.post(f"/v1/subscriptions/{id}", admin, {"enabled": True}, method="PATCH")
    async with at_work(service, id, speed=1000):
        await until(lambda: len(endpoint.got) == 2)
        assert endpoint.texts() == ["one", "two"]


async def test_subscriptions_are_checked_when_they_are_made(service: Desk) -> None:
    admin = await service.token("admin")
    for body, where in (
        ({"url": "ftp://x.example/"}, "$.url"),
        ({"url": "https://user:pw@x.example/"}, "$.url"),
        ({"url": "nonsense"}, "$.url"),
        ({"url": "https://x.example/", "types": ["message.recieved"]}, "$.types"),
        ({"url": "https://x.example/", "tipes": []}, "$.tipes"),
    ):
        problem = await service.post("/v1/subscriptions", admin, body, 422)
        assert problem["where"] == where, problem


def test_the_schedule_takes_about_three_days_and_honours_retry_after() -> None:
    waits = [schedule.delay(attempt, 0.5) for attempt in range(10)]
    assert waits == list(schedule.DELAYS_S) and sum(schedule.DELAYS_S) / 3600 == pytest.approx(75.6, abs=0.1)
    assert schedule.delay(10, 0.5) is None
    assert schedule.delay(1, 0.0) == 4.5 and schedule.delay(1, 1.0) == 5.5
    assert schedule.delay(1, 0.5, 60.0) == 60.0 and schedule.delay(2, 0.5, 60.0) == 300.0
    assert schedule.delay(1, 0.5, 1e9) == 86_400.0
    now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    assert schedule.retry_after("120", now) == 120
    assert schedule.retry_after("Sat, 21 Nov 2026 09:01:00 GMT", now) == 60
    assert schedule.retry_after("Sat, 21 Nov 2020 09:01:00 GMT", now) == 0
    for rubbish in (None, "", "soon", "-5", "1e9", "²"):
        assert schedule.retry_after(rubbish, now) is None


@pytest.mark.parametrize(
    ("status", "ok", "gone"),
    [
        (200, True, False),
        (204, True, False),
        (301, False, False),
        (400, False, False),
        (410, False, True),
        (429, False, False),
        (503, False, False),
    ],
)
def test_what_an_answer_means(status: int, ok: bool, gone: bool) -> None:
    answer = judge(status, "7", datetime.now(UTC))
    assert (answer.ok, answer.gone) == (ok, gone)


def test_the_standard_vector() -> None:
    made = sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_progress_passes_only_what_is_done() -> None:
    progress = Progress()
    numbers = [progress.open(f"t{n}") for n in range(4)]
    progress.close(numbers[1])
    assert progress.token is None
    progress.close(numbers[0])
    assert progress.token == "t1"
    progress.close(numbers[3])
    assert (progress.token, len(progress)) == ("t1", 2)


def test_the_circuit_lets_one_probe_through_and_waits_longer_each_time() -> None:
    circuit = Circuit()
    for _ in range(FAILURES):
        assert circuit.admit(0.0)
        circuit.failed(0.0)
    assert not circuit.admit(29.0) and circuit.state(29.0) == "open"
    assert circuit.admit(30.0) and not circuit.admit(30.0)
    circuit.failed(30.0)
    assert not circuit.admit(89.0) and circuit.admit(90.0)
    assert circuit.succeeded() and circuit.admit(90.0) and circuit.admit(90.0)


async def test_the_same_event_is_set_aside_once_and_in_its_place(service: Desk) -> None:
    store = service.subscriptions
    items = [Item("c:00", f"1700000000000-{n}", "message.received", f"e{n}", b"") for n in range(3)]
    for item in (items[2], items[0], items[1], items[0]):
        await store.add("s", "lane", item)
    assert await store.waiting("s", "lane") == 3
    for item in items:
        head, _ = await store.head("s", "lane")
        assert head == item
        await store.settle("s", "lane", item)
    for n in range(250):
        await store.log("s", Delivery(f"d{n}", "e", "t", "c:00", "1-0", datetime.now(UTC), "delivered"))
    assert [one.id for one in await store.deliveries("s", 0, -1)] == [f"d{n}" for n in range(249, 49, -1)]
