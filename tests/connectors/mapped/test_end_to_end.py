"""The README's three channels without code, end to end: their systems in, the agent's answers out."""

from __future__ import annotations

from connectors.mapped import MappedConnector
from connectors.mapped.simulator import ChatSimulator, MappedSimulator
from contracts.attachment import Attachment
from contracts.content import File, Postback
from tests.connectors.end_to_end import EndToEnd, Line


class Sms(MappedConnector):
    simulator = "connectors.mapped.simulator:SmsSimulator"


class Tickets(MappedConnector):
    simulator = "connectors.mapped.simulator:TicketSimulator"


class TestSms(EndToEnd):
    connector = Sms

    async def test_who_is_barred_is_told_within_a_good_answer(self, line: Line) -> None:
        line.provider.say("やめて", MappedSimulator.blocked)
        barred = "+810000000000"
        line.provider.say("もう一度", barred)
        message = next(each for each in await line.service.received(2) if each.address == barred)
        failed = await line.service.message(await line.service.answers(message.conversation, "x"), "failed")
        assert failed.problem is not None and failed.problem.kind == "opted_out"


class TestChat(EndToEnd):
    connector = MappedConnector

    async def test_a_button_and_a_file(self, line: Line) -> None:
        line.provider.say(Postback("yes", "はい"))
        (message,) = await line.service.received(1)
        assert message.parts == (Postback("yes", "はい"),)
        sha256 = await line.service.parts.media.put(b"%PDF")
        file = File(Attachment("at_x_0", "見積書.pdf", "application/pdf", 4, sha256, state="ready"), "どうぞ")
        await line.service.message(await line.service.answers(message.conversation, file), "read")
        (reached,) = line.simulator.reached
        assert (reached.text, reached.content["file"]["title"]) == ("どうぞ", "見積書.pdf")

    async def test_two_events_in_one_request(self, line: Line) -> None:
        simulator = line.simulator
        assert isinstance(simulator, ChatSimulator)
        one, two = (simulator.event("message.new", line.customer, {"id": each, "text": each}) for each in "ab")
        simulator.post(one[:-2] + b"," + two.removeprefix(b'{"events":['))
        assert [each.provider_id for each in await line.service.received(2)] == ["a", "b"]


class TestTickets(EndToEnd):
    connector = Tickets
    options = {"grouping": "thread"}  # noqa: RUF012

    def _states(self) -> tuple[str, ...]:
        return ("sent",)

    async def test_a_ticket_is_a_conversation_and_ours_is_not_heard_again(self, line: Line) -> None:
        first = await line.hears("一つ目")
        await line.service.message(await line.service.answers(first.conversation, "承りました"), "sent")
        await line.settled()
        assert line.simulator.reached[0].content["ticket"] == "4711"
        other = line.simulator.event("ticket.created", line.customer, {"id": 1, "plain": "別件"}, 4712)  # type: ignore[attr-defined]
        line.simulator.post(other)
        second = (await line.service.received(2))[-1]
        assert second.conversation != first.conversation and second.contact == first.contact
