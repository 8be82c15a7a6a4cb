"""A channel end to end: its simulator, the whole service in this process, and an agent who answers.

A channel's author writes, in ``tests/connectors/<channel>/test_end_to_end.py``::

    class TestLine(EndToEnd):
        connector = LineConnector

Everything goes over real sockets and a real store. What is peculiar to a channel becomes a test beside these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.api import Connector
from connectors.testing.provider import Media, ProviderSimulator
from connectors.testing.samples import SAMPLES
from contracts.attachment import Attachment
from contracts.content import Image, plain_text
from contracts.message import Message
from router.cli.simulated import Simulated, now, simulated
from router.delivery import deliveries
from tests.servers.inside import Inside, inside, table, until

SPEED = 6_000.0
"""A minute of the provider's schedule is a hundredth of a second."""


class Line:
    """The channel at work: ``provider`` with sockets, its ``simulator``, and the ``service``."""

    def __init__(self, provider: Simulated[Any], service: Inside) -> None:
        self.provider = provider
        self.service = service
        self.simulator: ProviderSimulator[Any] = provider.simulator
        self.customer = self.simulator.customer

    async def hears(self, text: str = "こんにちは") -> Message:
        """A customer writes, and the message is in the stream."""
        known = len(await self.service.events("message.received"))
        self.provider.say(text)
        return (await self.service.received(known + 1))[-1]

    async def settled(self) -> None:
        """Every webhook was taken by us."""

        async def taken() -> bool:
            return all(each.state == "taken" for each in self.simulator.webhooks)

        await until(taken, "every webhook taken")

    def reached(self, text: str) -> int:
        """How often a text has reached the customer."""
        return sum(text in each for each in self.simulator.texts(self.customer))


class EndToEnd:
    """Inherit it under a name that begins with ``Test``. ``options``: more settings of the account."""

    connector: ClassVar[type[Connector[Any]]]
    options: ClassVar[dict[str, Any]] = {}
    account: ClassVar[str] = "channel"

    @pytest.fixture
    async def line(self, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
        monkeypatch.setattr(deliveries, "SCHEDULE_S", (0.05,) * 4)
        async with self.running(store_url, tmp_path) as line:
            yield line
            assert line.simulator.complaints == [], "we kept every rule of the provider"
            assert await line.service.dead() == []

    @asynccontextmanager
    async def running(self, store_url: str, folder: Path) -> AsyncIterator[Line]:
        """The provider and the service, each knowing where the other is."""
        async with simulated(self.connector, "", speed=SPEED) as provider:
            name = self.connector.manifest.name
            settings = {**type(provider.simulator).sample(provider.url), **self.options}
            values = {"connector": name, "allow_private": True, **settings}
            async with inside(folder, store_url, table(f"accounts.{self.account}", values)) as service:
                provider.simulator.to = f"{service.url}/in/{self.account}"
                yield Line(provider, service)

    # -- from the customer to the stream ------------------------------------------------------------------------------

    async def test_there_and_back(self, line: Line) -> None:
        message = await line.hears("在庫はありますか😀")
        assert plain_text(message.parts) == "在庫はありますか😀"
        answer = await line.service.answers(message.conversation, "はい、ございます")
        await line.service.message(answer, *self._states())
        assert line.reached("はい、ございます") == 1
        again = await line.hears("では一つ")
        assert again.conversation == message.conversation

    def _states(self) -> tuple[str, ...]:
        """Where a message ends that reaches the customer: as far as the channel tells us."""
        return ("delivered", "read") if "delivered" in self.connector.manifest.receipts else ("sent",)

    async def test_redelivered_and_doubled_is_heard_once(self, line: Line) -> None:
        line.simulator.duplicate(2)
        await line.hears("一")
        line.simulator.redeliver()
        await line.settled()
        await line.hears("二")
        assert await self._texts(line) == ["一", "二"]

    async def test_out_of_order_is_heard_whole(self, line: Line) -> None:
        line.simulator.disorder(3)
        for text in ("一", "二", "三"):
            line.provider.say(text)
        await line.settled()
        assert sorted(await self._texts(line, 3)) == sorted(("一", "二", "三"))
        assert len({message.conversation for message in await line.service.received(3)}) == 1

    async def test_what_we_could_not_take_comes_again(self, line: Line) -> None:
        there, line.simulator.to = line.simulator.to, "http://127.0.0.1:9/in/channel"
        line.provider.say("もしもし")
        (webhook,) = line.simulator.webhooks

        async def tried() -> bool:
            return webhook.attempt > 1

        await until(tried, "a second attempt")
        line.simulator.to = there
        await line.settled()
        assert await self._texts(line) == ["もしもし"]

    async def _texts(self, line: Line, count: int = 1) -> list[str]:
        messages = await line.service.received(count)
        return [plain_text(message.parts) for message in messages]

    async def test_a_picture_is_fetched(self, line: Line) -> None:
        line.simulator.now = now()
        if line.simulator.said(line.customer, SAMPLES["image"], 0) is None:
            return
        data = b"\xff\xd8\xff" + b"picture" * 50
        line.provider.say(Image(Attachment("given", "picture.jpg", "image/jpeg", len(data))))
        for name in line.simulator.media:
            line.simulator.media[name] = Media(data, "image/jpeg")
        (message,) = await line.service.received(1)
        assert await until(self._fetched(line, message.id), "the picture") == data

    def _fetched(self, line: Line, message: str) -> Callable[[], Awaitable[bytes | None]]:
        async def fetched() -> bytes | None:
            found = await line.service.message(message)
            (image,) = [part for part in found.parts if isinstance(part, Image)]
            sha256 = image.attachment.sha256
            return None if sha256 is None else await line.service.parts.media.get(sha256)

        return fetched

    # -- from the agent to the customer -------------------------------------------------------------------------------

    async def test_a_lost_reply_is_never_said_twice(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        for number, how in enumerate(("reset", "reset")):
            line.simulator.lose(1, how)  # type: ignore[arg-type]
            answer = await line.service.answers(conversation, f"答え{number}")
            await line.service.message(answer, *self._states(), "uncertain")
            assert line.reached(f"答え{number}") == 1
        last = await line.service.answers(conversation, "以上です")
        await line.service.message(last, *self._states())
        assert line.reached("以上です") == 1

    async def test_slowing_down_and_breaking_down_keep_the_order(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        await line.service.message(await line.service.answers(conversation, "零"), *self._states())
        line.simulator.throttle(1, retry_after_s=1)
        sent = [await line.service.answers(conversation, text) for text in ("一", "二")]
        for message in sent:
            await line.service.message(message, *self._states())
        assert line.simulator.texts(line.customer) == ["零", "一", "二"]

    async def test_when_tokens_and_windows_have_run_out(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.expire()
        answer = await line.service.answers(conversation, "遅くなりました")
        message = await line.service.message(answer, *self._states(), "failed")
        assert line.reached("遅くなりました") == (message.state != "failed")
        assert message.state != "failed" or message.problem is not None
