"""X end to end: direct messages and mentions in, the agent's answers out, in public or privately."""

from __future__ import annotations

from connectors.x import XConnector
from connectors.x.simulator import XSimulator
from contracts.attachment import Attachment
from contracts.content import Image, Postback
from router.cli.simulated import now
from tests.connectors.end_to_end import EndToEnd, Line


class TestX(EndToEnd):
    connector = XConnector

    async def test_a_mention_is_answered_in_public_and_goes_on_privately(self, line: Line) -> None:
        simulator = simulator_of(line)
        simulator.post(simulator.mention(line.customer, "@shop 届きません", "2080765813578191303"))
        (mention,) = await line.service.received(1)
        assert mention.extra == {"public": True}
        await line.service.message(await line.service.answers(mention.conversation, "お調べいたします"), "sent")
        (said,) = simulator.reached
        assert (said.to, said.content["reply"]) == ("public", {"in_reply_to_tweet_id": "2080765813578191303"})
        long = await line.service.answers(mention.conversation, "詳しく" * 60)
        await line.service.message(long, "sent")
        assert [each.to for each in simulator.reached[1:]] == [line.customer, "public"]
        assert simulator.reached[2].text == simulator.settings.note
        private = await line.hears("こちらで続けます")
        assert private.conversation == mention.conversation
        await line.service.message(await line.service.answers(mention.conversation, "はい"), "sent")
        assert (simulator.reached[-1].to, simulator.reached[-1].text) == (line.customer, "はい")

    async def test_a_picture_is_uploaded_in_steps(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        data = b"\x89PNG\r\n" + b"\r\n--picture" * 50
        sha256 = await line.service.parts.media.put(data)
        image = Image(Attachment("at_x_0", "写真.png", "image/png", len(data), sha256, state="ready"), "こちらです")
        await line.service.message(await line.service.answers(conversation, image), "sent")
        (reached,) = line.simulator.reached
        assert reached.text == "こちらです"
        assert simulator_of(line).uploads[reached.content["attachments"][0]["media_id"]] == data

    async def test_our_own_words_are_not_heard_and_theirs_are_read(self, line: Line) -> None:
        simulator = simulator_of(line)
        conversation = (await line.hears("1 < 2 & 3")).conversation
        answer = await line.service.message(await line.service.answers(conversation, "はい"), "sent")
        simulator.now = now()
        simulator.post(simulator.direct(simulator.settings.user_id, {"text": "はい"}, "dm.sent"))
        line.provider.say(Postback("yes"))
        first, second = await line.service.received(2)
        assert [part.text for part in first.parts] == ["1 < 2 & 3"]  # type: ignore[union-attr]
        assert second.parts == (Postback("yes", "yes"),)
        simulator.post(simulator.read(line.customer))
        await line.service.message(answer.id, "read")

    async def test_who_cannot_be_written_to_is_told(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        simulator_of(line).blocked.add(line.customer)
        failed = await line.service.message(await line.service.answers(conversation, "x"), "failed")
        assert failed.problem is not None and failed.problem.kind == "opted_out"


def simulator_of(line: Line) -> XSimulator:
    assert isinstance(line.simulator, XSimulator)
    return line.simulator
