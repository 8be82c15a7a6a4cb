"""Slack end to end: events in, the agent's answers out, against its simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.slack import SlackConnector
from contracts.attachment import Attachment
from contracts.content import Choice, File, Image, Option, Postback, Reaction
from contracts.message import Message
from tests.connectors.end_to_end import EndToEnd, Line
from tests.servers.inside import until

CHANNEL = "C00CHANNEL"


class TestSlack(EndToEnd):
    connector = SlackConnector

    async def test_a_mention_is_heard_once_and_answered_in_its_thread(self, line: Line) -> None:
        simulator: Any = line.simulator
        line.provider.say("在庫は", CHANNEL)
        await line.settled()
        said = simulator.webhooks[-1]
        body = said.body.replace(b'"type":"message"', b'"type":"app_mention"').replace(b'"Ev0', b'"Ev9')
        simulator.post(body)
        await line.settled()
        (message,) = await line.service.received(1)
        await line.service.message(await line.service.answers(message.conversation, "あります"), "sent")
        (reached,) = simulator.reached
        assert (reached.to, reached.text) == (CHANNEL, "あります")
        assert f"{CHANNEL}/{reached.content['thread_ts']}" == message.provider_id
        assert len(await line.service.events("message.received")) == 1

    async def test_each_thread_is_a_conversation(self, line: Line) -> None:
        simulator: Any = line.simulator
        line.provider.say("一つ目", CHANNEL)
        line.provider.say("二つ目", CHANNEL)
        await line.settled()
        first, second = await line.service.received(2)
        assert first.conversation != second.conversation
        root = str(first.provider_id).rpartition("/")[2]
        reply = {"type": "message", "channel": CHANNEL, "channel_type": "channel", "user": "U1", "text": "続き"}
        simulator.post(simulator.event({**reply, "ts": simulator.ts(77), "thread_ts": root}))
        third = (await line.service.received(3))[-1]
        assert third.conversation == first.conversation

    async def test_a_button_is_shown_and_heard(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        choice = Choice("どちらですか", (Option("はい", "yes"), Option("いいえ", "no")))
        await line.service.message(await line.service.answers(conversation, choice), "sent")
        assert line.simulator.reached[-1].content["blocks"][1]["elements"][0]["value"] == "yes"
        line.provider.say(Postback("yes", "はい"))
        message = (await line.service.received(2))[-1]
        assert message.parts == (Postback("yes", "はい"),) and message.conversation == conversation

    async def test_a_file_is_uploaded_to_a_direct_message(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        data = b"%PDF-1.7 " + bytes(range(256))
        sha256 = await line.service.parts.media.put(data)
        file = File(
            Attachment("at_x_0", "見積書.pdf", "application/pdf", len(data), sha256, state="ready"), "こちらです"
        )
        await line.service.message(await line.service.answers(conversation, file), "sent")
        (reached,) = line.simulator.reached
        assert (reached.to, reached.text, reached.content["data"]) == (line.customer, "こちらです", [data])

    async def test_a_reaction_of_ours_and_one_of_theirs(self, line: Line) -> None:
        simulator: Any = line.simulator
        message = await line.hears()
        sent = await line.service.answers(message.conversation, Reaction(message.id, "👍"))
        await line.service.message(sent, "sent")
        (reached,) = simulator.reached
        assert f"{reached.content['channel']}/{reached.content['timestamp']}" == message.provider_id
        item = {"type": "message", "channel": reached.content["channel"], "ts": reached.content["timestamp"]}
        simulator.post(
            simulator.event({"type": "reaction_added", "user": line.customer, "reaction": "tada", "item": item})
        )

        async def reacted() -> Message | None:
            found = await line.service.message(message.id)
            return found if found.reactions else None

        assert [each.emoji for each in (await until(reacted, "the reaction")).reactions] == ["🎉"]

    @pytest.mark.parametrize(("error", "kind"), [("is_archived", "recipient_gone"), ("missing_scope", "config")])
    async def test_errors_in_good_answers_are_told(self, line: Line, error: str, kind: str) -> None:
        conversation = (await line.hears()).conversation
        simulator: Any = line.simulator
        simulator.errors.append(error)
        failed = await line.service.message(await line.service.answers(conversation, "x"), "failed")
        assert failed.problem is not None and (failed.problem.kind, failed.problem.code) == (kind, error)

    async def test_the_set_up_call_is_answered(self, line: Line) -> None:
        simulator: Any = line.simulator
        simulator.post(b'{"type":"url_verification","challenge":"abc","token":"t"}')
        await line.settled()

    async def test_who_writes_directly_is_looked_up(self, line: Line) -> None:
        line.simulator.profiles[line.customer] = {"id": line.customer, "profile": {"display_name": "花子"}}
        message = await line.hears()

        async def named() -> bool:
            return (await line.service.contact(message.contact)).name == "花子"

        await until(named, "the name")


class Mistaken(EndToEnd):
    connector = SlackConnector


async def test_a_file_that_we_may_not_see_says_so(store_url: str, tmp_path: Path) -> None:
    async with Mistaken().running(store_url, tmp_path) as line:
        line.provider.say(Image(Attachment("x")))
        line.simulator.media.clear()
        (message,) = await line.service.received(1)

        async def failed() -> Attachment | None:
            (part,) = (await line.service.message(message.id)).parts
            assert isinstance(part, Image)
            return part.attachment if part.attachment.state == "failed" else None

        assert "log-in page" in ((await until(failed, "the failure")).problem or "")
