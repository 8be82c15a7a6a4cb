"""Telegram end to end: updates in, the agent's answers out, against its simulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from connectors.telegram import TelegramConnector
from connectors.telegram.simulator import TelegramSimulator
from contracts.attachment import Attachment
from contracts.content import Image, Postback, Text, attachments_of
from contracts.message import Message
from router.shards import keys
from tests.connectors.end_to_end import EndToEnd, Line
from tests.servers.inside import until

CHAT = TelegramSimulator.customer


class TestTelegram(EndToEnd):
    connector = TelegramConnector

    async def test_an_album_is_one_message_in_its_order(self, line: Line) -> None:
        simulator = line.simulator
        assert isinstance(simulator, TelegramSimulator)
        simulator.disorder(3)
        for number in range(3):
            photo = {**simulator.stored(number), "width": 9, "height": 9}
            content = simulator.message(CHAT, photo=[photo], caption=f"写真{number}", media_group_id="7")
            simulator.post(simulator.update("message", content))
        simulator.redeliver(simulator.webhooks[0])
        await line.settled()

        async def whole() -> Message | None:
            (message,) = await line.service.received(1)
            found = await line.service.message(message.id)
            return found if sum(each.state == "ready" for each in attachments_of(found.parts)) == 3 else None

        message = await until(whole, "three pictures")
        assert [part.caption for part in message.parts if isinstance(part, Image)] == ["写真0", "写真1", "写真2"]

    async def test_a_pressed_button_is_heard_and_answered(self, line: Line) -> None:
        line.provider.say(Postback("yes"))
        (message,) = await line.service.received(1)
        assert message.parts == (Postback("yes"),)
        simulator: Any = line.simulator
        assert len(simulator.answered_buttons) == 1

    async def test_a_picture_is_uploaded(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        data = b"\x89PNG\r\n" + b"\r\n--picture" * 50
        sha256 = await line.service.parts.media.put(data)
        image = Attachment("at_x_0", "写真.png", "image/png", len(data), sha256, state="ready")
        await line.service.message(await line.service.answers(conversation, Image(image, "こちらです")), "sent")
        (reached,) = line.simulator.reached
        assert (reached.content["method"], reached.text) == ("sendPhoto", "こちらです")
        assert reached.content["file_at_x_0"] == data

    async def test_who_blocked_the_bot_is_not_written_to(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        simulator: Any = line.simulator
        simulator.blocked.add(CHAT)
        failed = await line.service.message(await line.service.answers(conversation, "x"), "failed")
        assert failed.problem is not None and failed.problem.kind == "opted_out"

    async def test_a_group_that_becomes_a_supergroup_stays_one_conversation(self, line: Line) -> None:
        simulator: Any = line.simulator
        old, new = "-98765", "-1001234500000"
        line.provider.say("一", old)
        (message,) = await line.service.received(1)
        simulator.moved[old] = int(new)
        await line.service.message(await line.service.answers(message.conversation, "答え"), "sent")
        assert simulator.texts(new) == ["答え"], "Telegram told where it has moved to"
        note = simulator.message(old, migrate_to_chat_id=int(new))
        simulator.post(simulator.update("message", note))
        await line.settled()

        async def linked() -> bool:
            contact = await line.service.contact(message.contact)
            return {each.address for each in contact.identities} == {old, new}

        await until(linked, "the new address")
        line.provider.say("二", new)
        again = (await line.service.received(2))[-1]
        assert again.conversation == message.conversation

    async def test_a_deep_link_takes_the_conversation_along(self, line: Line) -> None:
        first = await line.hears("ここから")
        contact = await line.service.parts.inviter.invite(first.contact, first.conversation)
        simulator: Any = line.simulator
        simulator.post(simulator.update("message", simulator.message("777", text=f"/start {contact.code}")))

        async def joined() -> Message | None:
            found = [each for each in await line.service.received(1) if each.address == "777"]
            return found[0] if found else None

        assert (await until(joined, "the second person's word")).conversation == first.conversation


class Polling(EndToEnd):
    connector = TelegramConnector
    options = {"receive": "polling", "poll_s": 1}  # noqa: RUF012


async def test_polling_hears_and_answers_and_confirms_what_is_durable(store_url: str, tmp_path: Path) -> None:
    async with Polling().running(store_url, tmp_path) as line:
        message = await line.hears("在庫は")
        await line.service.message(await line.service.answers(message.conversation, "あります"), "sent")
        line.provider.say(Postback("yes"))
        assert (await line.service.received(2))[-1].parts == (Postback("yes"),)
        simulator: Any = line.simulator

        async def answered() -> bool:
            return len(simulator.answered_buttons) == 1

        await until(answered, "the button answered")
        await line.settled()
        assert line.simulator.texts(CHAT) == ["あります"] and simulator.complaints == []
        offsets = [found[1] for call in line.simulator.calls if (found := re.search(rb'"offset":(\d+)', call.body))]
        assert offsets == sorted(offsets) and offsets


async def test_polling_sets_aside_what_it_cannot_read(store_url: str, tmp_path: Path) -> None:
    async with Polling().running(store_url, tmp_path) as line:
        simulator: Any = line.simulator
        simulator.post(simulator.update("callback_query", {"id": 7}))
        await line.hears("次")
        kept = await line.service.parts.store.client.xrange(keys.quarantine("channel"))
        messages = await line.service.received(1)
        assert [part.text for each in messages for part in each.parts if isinstance(part, Text)] == ["次"]
        assert [b"callback_query" in fields[b"body"] for _, fields in kept] == [True]
