"""WhatsApp through Twilio, end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.twilio.whatsapp import TwilioWhatsAppConnector
from contracts.content import Location, Template
from tests.connectors.end_to_end import EndToEnd, Line


class TestWhatsApp(EndToEnd):
    connector = TwilioWhatsAppConnector

    async def test_a_lost_answer_is_settled_by_the_status(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.lose(1)
        answer = await line.service.answers(conversation, "一度だけ")
        await line.service.message(answer, "delivered")
        assert line.reached("一度だけ") == 1

    async def test_read_counts_even_when_it_comes_first(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        message = await line.service.message(await line.service.answers(conversation, "はい"), "delivered")
        (reached,) = line.simulator.reached
        for status in ("read", "delivered", "sent"):
            line.simulator.tell(line.customer, reached.id, status)  # type: ignore[attr-defined]
        await line.service.message(message.id, "read")
        await line.settled()
        assert (await line.service.message(message.id)).state == "read"

    async def test_a_template_goes_when_the_window_is_over(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.expire()
        late = await line.service.message(await line.service.answers(conversation, "遅れました"), "failed")
        assert late.problem is not None and late.problem.kind == "window_closed"
        template = Template("HX" + "a" * 32, "ja", {"1": "1234"})
        await line.service.message(await line.service.answers(conversation, template), "delivered")

    async def test_a_place_comes_and_goes(self, line: Line) -> None:
        line.provider.say(Location(35.681236, 139.767125, "東京駅"))
        (heard,) = await line.service.received(1)
        assert heard.parts == (Location(35.681236, 139.767125, "東京駅"),)
        await line.service.message(await line.service.answers(heard.conversation, *heard.parts), "delivered")
        assert line.reached("geo:35.681236,139.767125|東京駅") == 1
