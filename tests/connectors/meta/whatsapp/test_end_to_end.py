"""WhatsApp end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.meta.whatsapp import WhatsAppConnector
from contracts.content import Reaction, Template, Text
from tests.connectors.end_to_end import EndToEnd, Line


class TestWhatsApp(EndToEnd):
    connector = WhatsAppConnector

    async def test_a_lost_answer_is_settled_by_the_status(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.lose(1)
        answer = await line.service.answers(conversation, "一度だけ")
        await line.service.message(answer, "delivered")
        assert line.reached("一度だけ") == 1

    async def test_statuses_in_any_order_only_move_forward(self, line: Line) -> None:
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
        template = Template("order_shipped", "ja", {"1": "1234"})
        await line.service.message(await line.service.answers(conversation, template), "delivered")

    async def test_a_reaction_finds_our_message_and_ours_finds_theirs(self, line: Line) -> None:
        heard = await line.hears()
        answer = await line.service.message(await line.service.answers(heard.conversation, "はい"), "delivered")
        line.provider.say(Reaction(line.simulator.reached[0].id, "👍"))
        ours = await line.service.answers(heard.conversation, Reaction(heard.id, "🙏"))
        await line.service.message(ours, "delivered")
        assert line.simulator.reached[-1].content["reaction"] == {"message_id": heard.provider_id, "emoji": "🙏"}
        await line.settled()
        assert [each.emoji for each in (await line.service.message(answer.id)).reactions] == ["👍"]

    async def test_who_hides_the_number_later_is_the_same_person(self, line: Line) -> None:
        first = await line.hears("番号つき")
        both = line.simulator.said(line.customer, Text("両方"), 70)
        assert both is not None
        line.simulator.post(both.replace(b'"from":', b'"from_user_id":"JP.13491208655302741918","from":'))
        await line.settled()
        line.provider.say("番号なし", customer="JP.13491208655302741918")
        hidden = (await line.service.received(3))[-1]
        assert (hidden.contact, hidden.conversation) == (first.contact, first.conversation)
        answer = await line.service.answers(hidden.conversation, "届きます")
        await line.service.message(answer, "delivered")
