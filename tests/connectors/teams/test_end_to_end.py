"""Teams end to end: activities with their tokens in, the agent's answers out with ours, against its simulator."""

from __future__ import annotations

from typing import Any

from connectors.teams import TeamsConnector
from connectors.teams.simulator import TeamsSimulator
from contracts.content import Choice, Option, Postback
from router.cli.simulated import now
from tests.connectors.end_to_end import EndToEnd, Line
from tests.servers.inside import until

CHANNEL = "19:channel@thread.tacv2"


class TestTeams(EndToEnd):
    connector = TeamsConnector

    async def test_keys_and_token_are_fetched_once(self, line: Line) -> None:
        conversation = (await line.hears("一")).conversation
        await line.hears("二")
        for text in ("はい", "どうぞ"):
            await line.service.message(await line.service.answers(conversation, text), "sent")
        paths = [call.path for call in line.simulator.calls]
        assert [paths.count(path) for path in ("/keys", "/v1/.well-known/openidconfiguration")] == [1, 1]
        assert simulator_of(line).tokens == 1

    async def test_a_key_that_is_new_is_looked_for_and_a_strangers_is_refused(self, line: Line) -> None:
        await line.hears("一")
        simulator = simulator_of(line)
        kept = supplies_of(line)._kept["keys"]
        kept.fetched -= 3_601
        simulator.kid = "key-of-next-year"
        await line.hears("二")
        simulator.kid = "stranger"
        line.provider.say("三")
        webhook = simulator.webhooks[-1]

        async def refused() -> bool:
            return webhook.attempt > 2

        await until(refused, "two refusals")
        simulator.kid = "key-of-next-year"
        await line.settled()
        assert [call.path for call in simulator.calls].count("/keys") == 2, "once an hour at most"

    async def test_while_the_keys_cannot_be_had_it_comes_again(self, line: Line) -> None:
        simulator: Any = simulator_of(line)
        answer, simulator.answer = simulator.answer, lambda call: simulator.throttled(1)
        line.provider.say("もしもし")
        (webhook,) = simulator.webhooks

        async def tried() -> bool:
            return webhook.attempt > 1

        await until(tried, "a second attempt")
        simulator.answer = answer
        supplies_of(line)._kept["keys"].failed = None
        await line.settled()
        assert len(await line.service.received(1)) == 1

    async def test_a_token_that_is_good_no_longer_is_fetched_anew(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        await line.service.message(await line.service.answers(conversation, "一"), "sent")
        simulator_of(line).tokens += 1  # another one was given out, ours is over
        supplies_of(line)._kept["token"].fetched -= 31
        await line.service.message(await line.service.answers(conversation, "二"), "sent")
        assert line.reached("二") == 1 and simulator_of(line).tokens == 3

    async def test_an_answer_goes_where_the_message_said(self, line: Line) -> None:
        simulator = simulator_of(line)
        body = simulator.activity("message", "a:2-chat", text="ここへ")
        region = simulator.settings.service_url.encode()
        simulator.post(body.replace(region, region.replace(b"/teams/", b"/emea/")))
        (message,) = await line.service.received(1)
        refused = await line.service.message(await line.service.answers(message.conversation, "はい"), "failed")
        assert refused.problem is not None
        assert simulator.calls[-1].path == "/emea/v3/conversations/a:2-chat/activities"
        simulator.complaints.clear()  # nobody is at /emea here

    async def test_threads_of_a_channel_are_conversations(self, line: Line) -> None:
        simulator = simulator_of(line)
        simulator.now = now()
        for root in ("1789343000000", "1789343000009"):
            mention = {"type": "mention", "mentioned": {"id": simulator.settings.bot}, "text": "<at>窓口</at>"}
            place = f"{CHANNEL};messageid={root}"
            simulator.post(simulator.activity("message", place, text="<at>窓口</at> 助けて", entities=[mention]))
        first, second = await line.service.received(2)
        assert first.conversation != second.conversation and first.address == second.address == CHANNEL
        await line.service.message(await line.service.answers(first.conversation, "はい"), "sent")
        assert simulator.reached[0].to == f"{CHANNEL};messageid=1789343000000"

    async def test_a_button_and_a_reaction_find_their_message(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        asked = Choice("どちらですか", (Option("はい", "yes"), Option("いいえ", "no")))
        answer = await line.service.message(await line.service.answers(conversation, asked), "sent")
        line.provider.say(Postback("yes", "はい"))
        assert (await line.service.received(2))[-1].parts == (Postback("yes", "はい"),)
        simulator = simulator_of(line)
        told = {"replyToId": simulator.reached[0].id, "reactionsAdded": [{"type": "like"}]}
        simulator.post(simulator.activity("messageReaction", line.customer, **told))
        await line.settled()

        async def liked() -> bool:
            return [each.emoji for each in (await line.service.message(answer.id)).reactions] == ["👍"]

        await until(liked, "the reaction")

    async def test_who_blocked_the_bot_is_not_written_to(self, line: Line) -> None:
        conversation = (await line.hears()).conversation
        simulator_of(line).blocked.add(line.customer)
        failed = await line.service.message(await line.service.answers(conversation, "x"), "failed")
        assert failed.problem is not None and failed.problem.kind == "opted_out"


def simulator_of(line: Line) -> TeamsSimulator:
    assert isinstance(line.simulator, TeamsSimulator)
    return line.simulator


def supplies_of(line: Line) -> Any:
    """The tokens and keys that the service keeps for the account."""
    return line.service.parts.accounts["channel"].supplies
