"""Instagram end to end: webhooks in, the agent's answers out, against its simulator."""

from __future__ import annotations

from connectors.meta.instagram import InstagramConnector
from tests.connectors.end_to_end import EndToEnd, Line


class TestInstagram(EndToEnd):
    connector = InstagramConnector

    async def test_long_japanese_is_cut_by_bytes_and_arrives_whole(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        text = "窓口にお問い合わせいただき、ありがとうございます。" * 30
        await line.service.message(await line.service.answers(conversation, text), "sent")
        texts = line.simulator.texts(line.customer)
        assert len(texts) > 1 and "".join(texts) == text

    async def test_a_lost_answer_stays_uncertain(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        line.simulator.lose(1)
        answer = await line.service.answers(conversation, "一度だけ")
        await line.service.message(answer, "uncertain")
        assert line.reached("一度だけ") == 1
