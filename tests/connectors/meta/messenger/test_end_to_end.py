"""Messenger end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.meta.messenger import MessengerConnector
from tests.connectors.end_to_end import EndToEnd, Line


class TestMessenger(EndToEnd):
    connector = MessengerConnector

    async def test_a_lost_answer_is_settled_by_the_echo(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.lose(1)
        answer = await line.service.answers(conversation, "一度だけ")
        await line.service.message(answer, "sent", "delivered")
        assert line.reached("一度だけ") == 1
        await line.settled()
        assert len(await line.service.events("message.received")) == 1, "our own echo is nobody's word"

    async def test_the_persons_name_is_looked_up(self, line: Line) -> None:
        line.simulator.profiles[line.customer] = {"first_name": "花子", "last_name": "山田", "id": line.customer}
        message = await line.hears()
        await line.service.message(await line.service.answers(message.conversation, "はい"), "delivered")
        assert (await line.service.contact(message.contact)).name == "花子 山田"
