"""SMS end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.twilio.sms import SmsConnector
from contracts import ids
from contracts.commands import SendMessage
from contracts.content import Text
from contracts.events import CommandDone
from contracts.streams import conversation_shard
from tests.connectors.end_to_end import EndToEnd, Line
from tests.servers.inside import until


class TestSms(EndToEnd):
    connector = SmsConnector

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
        for status in ("sent", "queued", "delivered", "sent"):
            line.simulator.tell(line.customer, reached.id, status)  # type: ignore[attr-defined]
        await line.settled()
        assert (await line.service.message(message.id)).state == "delivered"

    async def test_who_wrote_stop_gets_nothing_more_until_they_write_start(self, line: Line) -> None:
        heard = await line.hears()
        await line.service.message(await line.service.answers(heard.conversation, "はい"), "delivered")
        await line.hears("STOP")
        assert await self._refused(line, heard.conversation, "まだいますか") == "opted_out"
        assert line.reached("まだいますか") == 0
        again = await line.hears("START")
        await line.service.message(await line.service.answers(again.conversation, "おかえりなさい"), "delivered")

    async def _refused(self, line: Line, conversation: str, text: str) -> str | None:
        """Why an answer is refused, as the agent is told."""
        command = SendMessage(conversation=conversation, message="ms_refused", parts=(Text(text),), id="cmd_refused")
        await line.service.parts.appender.append(conversation_shard(ids.shard_of(conversation)), command)

        async def done() -> CommandDone | None:
            found = [each for each in await line.service.events("command.done") if each.command == "cmd_refused"]
            return found[0] if found else None

        problem = (await until(done, "the command's outcome")).problem
        return None if problem is None else problem.kind
