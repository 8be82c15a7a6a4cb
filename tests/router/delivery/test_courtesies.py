"""Typing and read marks on a channel that knows of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.conversation import Reach
from router.delivery.courtesies import Courtesies
from tests.servers.fake_line import FakeLine, fake_line
from tests.servers.inside import TARO, inside, line_account


async def called(line: FakeLine, path: str, times: int = 1) -> list[Any]:
    """The calls of that path, once there are so many."""
    async with asyncio.timeout(10):
        while len(found := [call for call in line.calls if call.path.endswith(path)]) < times:
            await asyncio.sleep(0.02)
    return found


async def test_typing_and_read_marks_reach_line_and_typing_not_too_often(store_url: str, tmp_path: Path) -> None:
    async with fake_line() as line:
        account = line_account(**{**line.settings(), "allow_private": True})
        async with inside(tmp_path, store_url, account) as service:
            assert await line.send(service.signed("こんにちは"), f"{service.url}/in/line") == [200]
            message = (await service.received(1))[-1]
            courtesies = Courtesies(service.parts.accounts)
            reach = Reach("line", "line", TARO, datetime.now(UTC))
            for on in (True, True, False):
                courtesies.typing(reach, on)
            await called(line, "/chat/loading/start")
            courtesies.read(message)
            await courtesies_done(courtesies)
            assert len(await called(line, "/chat/loading/start")) == 1
            marked = [call for call in line.calls if call.path.endswith("/chat/markAsRead")]
            assert len(marked) == (1 if (message.extra or {}).get("mark_as_read_token") else 0)
            await courtesies.stop()


async def test_accounts_that_are_gone_or_cannot_are_passed_over(store_url: str, tmp_path: Path) -> None:
    async with inside(tmp_path, store_url, line_account()) as service:
        courtesies = Courtesies(service.parts.accounts)
        courtesies.typing(Reach("fax", "gone", "1", datetime.now(UTC)), True)
        assert not courtesies._calls


async def courtesies_done(courtesies: Courtesies) -> None:
    """No call is under way."""
    async with asyncio.timeout(10):
        while courtesies._calls:
            await asyncio.sleep(0.02)
