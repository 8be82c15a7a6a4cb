"""The telephone end to end: callers and agents' telephones on one side, the line and the conversation on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.twilio.voice import VoiceConnector
from connectors.twilio.voice.simulator import VoiceSimulator
from contracts import ids
from contracts.agent import Agent
from contracts.commands import (
    AgentConnection,
    Command,
    DeclarePresence,
    NotifyCustomer,
    PublishPolicy,
    PutAgent,
    WorkDiverted,
)
from contracts.content import Call, Part, Postback
from contracts.message import Message
from contracts.policy import Match, Policy, Queue, Rule
from contracts.streams import DISPATCH, conversation_shard
from router.cli.simulated import now
from router.delivery import deliveries
from tests.connectors.end_to_end import EndToEnd, Line
from tests.servers.inside import until

HANAKO, AOI = "+819011112222", "sip:aoi@pbx.example.com"


class TestVoice(EndToEnd):
    """What an agent writes goes as an SMS, and what a caller says comes as text: so the usual tests hold too."""

    connector = VoiceConnector


class Counter:
    """A line with agents at their telephones."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.service = line.service
        self.phone: VoiceSimulator = line.simulator  # type: ignore[assignment]

    async def ask(self, *commands: Command, conversation: str | None = None) -> None:
        shard = DISPATCH if conversation is None else conversation_shard(ids.shard_of(conversation))
        for command in commands:
            await self.service.parts.appender.append(shard, command)

    async def seat(self, agent: str, voice: str | None, behaves: str = "answers") -> None:
        """An agent who is there."""
        self.phone.agents[voice or ""] = behaves
        await self.ask(
            PutAgent(agent=Agent(agent, agent.title(), voice=voice)),
            DeclarePresence(agent=agent, declared="online"),
            AgentConnection(agent=agent, session=f"session-{agent}", connected=True),
        )

    async def call(self) -> Message:
        """Somebody calls, and it is in the stream."""
        self.phone.rings(now())
        return (await self.service.received(1))[0]

    async def becomes(self, message: str, state: str) -> Call:
        """The call on the timeline, when it stands so."""

        async def reached() -> Call | None:
            found = call_of((await self.service.message(message)).parts)
            return found if found.state == state else None

        return await until(reached, f"the call to be {state}")

    async def spoken(self, words: str) -> str:
        """What was put on the line, when it has these words."""

        async def heard() -> str | None:
            found = [document for _, document in self.phone.line if words in document]
            return found[-1] if found else None

        return await until(heard, f"{words!r} on the line")

    async def stands(self, conversation: str, **wanted: Any) -> Any:
        """The conversation, when it stands so."""

        async def so() -> Any:
            found = await self.service.conversation(conversation)
            return found if all(getattr(found, name) == value for name, value in wanted.items()) else None

        return await until(so, f"{wanted}")


def call_of(parts: tuple[Part, ...]) -> Call:
    (found,) = [part for part in parts if isinstance(part, Call)]
    return found


class Calls:
    """The fixture; ``options``: more settings of the account."""

    options: ClassVar[dict[str, Any]] = {"transcribe": True}

    @pytest.fixture
    async def counter(self, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counter]:
        monkeypatch.setattr(deliveries, "SCHEDULE_S", (0.05,) * 4)
        kit = TestVoice()
        kit.options = self.options  # type: ignore[misc]
        async with kit.running(store_url, tmp_path) as line:
            counter = Counter(line)
            yield counter
            assert line.simulator.complaints == [], "we kept every rule of the provider"
            assert await line.service.dead() == []


class TestCalls(Calls):
    """Whole calls."""

    async def test_who_picks_up_has_accepted_and_when_they_hang_up_the_work_is_over(self, counter: Counter) -> None:
        await counter.seat("hanako", HANAKO)
        call = await counter.call()
        stands = await counter.stands(call.conversation, agent="hanako")
        assert (await counter.becomes(call.id, "answered")).agent == "hanako"
        assert f">{HANAKO}</Number>" in await counter.spoken("<Dial")
        counter.phone.hangs_up(now(), 42)
        assert (await counter.becomes(call.id, "ended")).duration_s == 42
        await counter.stands(call.conversation, status="resolved", agent=None)
        assert stands.reaches[-1].channel_class == "voice"
        assert len([1 for _, document in counter.phone.line if "<Dial" in document]) == 1, "nobody is called twice"

    async def test_who_does_not_pick_up_has_declined_and_the_next_is_called(self, counter: Counter) -> None:
        await counter.seat("hanako", HANAKO, "no-answer")
        call = await counter.call()
        await until(lambda: counter.service.events("offer.declined"), "an offer declined")
        await counter.seat("aoi", AOI)
        await counter.stands(call.conversation, agent="aoi")
        assert f">{AOI}</Sip>" in await counter.spoken("<Sip")
        (declined,) = await counter.service.events("offer.declined")
        assert (declined.agent, declined.reason) == ("hanako", "no-answer")

    async def test_who_waits_hears_their_position_and_who_hangs_up_is_a_missed_call(self, counter: Counter) -> None:
        call = await counter.call()
        told = NotifyCustomer(conversation=call.conversation, text="position", values={"position": "2", "minutes": "5"})
        await counter.ask(told, conversation=call.conversation)
        await counter.spoken("現在の順番は2番目です。")
        (queued,) = await until(lambda: counter.service.events("message.queued"), "the notice")
        await counter.service.message(queued.message.id, "delivered")
        counter.phone.hangs_up(now(), 70)
        assert (await counter.becomes(call.id, "missed")).duration_s == 70
        stands = await counter.stands(call.conversation, status="resolved")
        assert "missed_call" in stands.tags

    async def test_a_voice_mail_has_its_recording_and_its_words(self, counter: Counter) -> None:
        call = await counter.call()
        diverted = WorkDiverted(conversation=call.conversation, to="voicemail", queue="default")
        await counter.ask(diverted, conversation=call.conversation)
        assert "ただいま電話に出ることができません" in await counter.spoken("<Record")
        counter.phone.leaves_word(now(), "My order has not come.")
        word = (await counter.service.received(2))[-1]

        async def whole() -> Call | None:
            found = call_of((await counter.service.message(word.id)).parts)
            there = found.transcript is not None and found.recording is not None and found.recording.sha256 is not None
            return found if there else None

        found = await until(whole, "the recording and the transcript")
        assert (found.duration_s, found.transcript) == (7, "My order has not come.")
        assert word.conversation == call.conversation

    async def test_who_asks_to_be_called_back_keeps_their_place_and_is_called(self, counter: Counter) -> None:
        call = await counter.call()
        counter.phone.presses("1", now())
        assert "<Hangup" in await counter.spoken("かしこまりました")
        counter.phone.hangs_up(now(), 20)
        await counter.becomes(call.id, "missed")
        waits = await counter.stands(call.conversation, diverted="callback")
        assert waits.status == "open" and "callback" in waits.tags
        await counter.seat("hanako", HANAKO)

        async def called() -> Any:
            return [each for each in counter.phone.reached if each.to == HANAKO]

        (ours,) = await until(called, "the agent called")
        assert f"<Number>{counter.line.customer}</Number>" in ours.text
        await counter.stands(call.conversation, status="resolved")

    async def test_a_lost_answer_never_rings_twice(self, counter: Counter) -> None:
        counter.phone.lose(1)
        call = await counter.call()
        await counter.seat("hanako", HANAKO)
        await counter.stands(call.conversation, agent="hanako")
        assert len([1 for _, document in counter.phone.line if "<Dial" in document]) == 1

    async def test_redelivered_and_out_of_order_it_is_one_call(self, counter: Counter) -> None:
        await counter.seat("hanako", HANAKO)
        call = await counter.call()
        await counter.becomes(call.id, "answered")
        counter.phone.duplicate(2)
        counter.phone.hangs_up(now(), 9)
        await counter.becomes(call.id, "ended")
        for webhook in list(counter.phone.webhooks):
            counter.phone.redeliver(webhook)
        await counter.line.settled()
        assert (await counter.becomes(call.id, "ended")).duration_s == 9
        assert len(await counter.service.received(1)) == 1

    async def test_who_presses_two_gets_links_and_goes_on_by_sms(self, counter: Counter) -> None:
        call = await counter.call()
        counter.phone.duplicate(1)
        counter.phone.presses("2", now())

        async def written() -> Any:
            return [each for each in counter.phone.reached if "こちらから続けられます" in each.text]

        (link,) = await until(written, "the SMS")
        await counter.line.settled()
        assert len(await until(written, "the SMS")) == 1
        assert link.to == counter.line.customer and "MG-" in link.text
        (_, asked) = await counter.service.received(2)
        assert (asked.conversation, asked.parts) == (call.conversation, (Postback("elsewhere", "2"),))

    async def test_an_agent_writes_to_who_is_on_the_line(self, counter: Counter) -> None:
        call = await counter.call()
        answer = await counter.service.answers(call.conversation, "続きはこちら https://line.me/R/x")
        await counter.service.message(answer, "delivered")
        assert counter.line.reached("https://line.me/R/x") == 1


class TestMenu(Calls):
    """What is chosen before the waiting decides who gets it."""

    options: ClassVar[dict[str, Any]] = {
        "menu": [
            {"key": "1", "value": "orders", "say": {"ja": "ご注文は1を"}, "words": ["注文"]},
            {"key": "2", "value": "repairs", "say": {"ja": "修理は2を"}, "words": ["修理"]},
        ]
    }

    async def test_the_choice_is_an_attribute_and_routes(self, counter: Counter) -> None:
        rule = Rule(name="repairs", when=Match(attributes={"menu": ("repairs",)}), queue="repairs")
        policy = Policy(queues=(Queue("default"), Queue("repairs")), rules=(rule,))
        await counter.ask(PublishPolicy(policy=policy))
        counter.phone.rings(now())
        await counter.spoken("修理は2を")
        counter.phone.presses("2", now(), step="menu")
        (call,) = await counter.service.received(1)
        stands = await counter.stands(call.conversation, queue="repairs")
        assert stands.attributes == {"menu": "repairs"}

    async def test_who_hangs_up_in_the_menu_is_a_missed_call(self, counter: Counter) -> None:
        counter.phone.rings(now())
        await counter.spoken("修理は2を")
        counter.phone.hangs_up(now(), 3)
        (call,) = await counter.service.received(1)
        assert (await counter.becomes(call.id, "missed")).duration_s == 3
        assert "missed_call" in (await counter.stands(call.conversation, status="resolved")).tags
