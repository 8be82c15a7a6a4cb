"""The whole service on a Cluster of three primaries: nothing of ours assumes one node."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from contracts.agent import Agent
from contracts.commands import AcceptOffer, AgentConnection, DeclarePresence, PutAgent
from contracts.streams import DISPATCH
from router.domain.dispatch.tables import AGENTS
from tests.servers.fake_line import fake_line
from tests.servers.inside import TARO, Inside, inside, line_account, until
from tests.servers.valkey import start_cluster

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


async def test_a_message_its_agent_and_the_answer_on_a_cluster(tmp_path: Path) -> None:
    with start_cluster(tmp_path / "cluster", *DURABLE) as cluster:
        async with fake_line() as line:
            account = line_account(**{**line.settings(), "allow_private": True})
            async with inside(tmp_path, cluster.url, account) as service:
                assert service.parts.store.is_cluster
                await _aoi_is_there(service)
                nodes = {service.parts.store.node_of(f"{{c:{number:02d}}}") for number in range(16)}
                assert len(nodes) == 3
                assert await line.send(service.signed("こんにちは"), f"{service.url}/in/line") == [200]
                conversation = (await service.received(1))[-1].conversation
                await service.parts.appender.append(DISPATCH, AcceptOffer(conversation=conversation, agent="aoi"))
                await until(lambda: _agent_of(service, conversation), "an agent")
                answer = await service.answers(conversation, "はい、承ります。", by="agent:aoi")
                await service.message(answer, "sent")
                assert line.texts(TARO) == ["はい、承ります。"]
                await _goes_on_by_code(service, conversation)
                assert not await service.dead()


async def _aoi_is_there(service: Inside) -> None:
    for command in (
        PutAgent(agent=Agent("aoi", "Aoi")),
        DeclarePresence(agent="aoi", declared="online"),
        AgentConnection(agent="aoi", session="s", connected=True),
    ):
        await service.parts.appender.append(DISPATCH, command)

    async def there() -> bool:
        rows = await service.parts.state.rows(DISPATCH, AGENTS)
        return "aoi" in rows and rows["aoi"].presence.connected

    await until(there, "the agent")


async def _agent_of(service: Inside, conversation: str) -> str | None:
    found = await service.conversation(conversation)
    return None if found is None else found.agent


async def _goes_on_by_code(service: Inside, conversation: str) -> None:
    """Codes, tokens, signals and the tail work over several nodes too."""
    contact = (await service.conversation(conversation)).contact
    invitation = await service.parts.inviter.invite(contact, conversation)
    follower = service.parts.tail.follow(accept=lambda entry: entry.type == "message.received")
    following = asyncio.ensure_future(anext(follower))
    await asyncio.wait_for(service.parts.tail.started(), 10)
    await service.says(invitation.code, "U" + "b" * 32)
    assert (await asyncio.wait_for(following, 10)).conversation == conversation
    await follower.aclose()
    _, secret = await service.parts.tokens.create("cluster", ("read",))
    headers = {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path in ("conversations", f"conversations/{conversation}/context", "agents", "queues", "accounts"):
            async with http.get(f"{service.url}/v1/{path}") as answer:
                assert answer.status == 200, (path, await answer.text())
