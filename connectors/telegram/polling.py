"""Long polling: one poller per token, because Telegram lets only one ask.

The offset of a call confirms everything before it, so it moves on only when what came is durable. It is kept nowhere:
Telegram itself keeps what is not confirmed, and a repeat after a crash has the same message ids.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import aiohttp
import msgspec
from msgspec import Meta

from connectors.api import Batch, Malformed, NotAccepted, Sink
from connectors.kit.json import BadJson, read
from connectors.telegram import payload as telegram
from connectors.telegram.inbound import parse_update, pressed_button
from connectors.telegram.settings import TelegramSettings

UPDATES: Final = (
    "message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "message_reaction",
    "my_chat_member", "chat_member",
)  # fmt: skip
"""Telegram leaves reactions and members out unless they are asked for by name."""
MOST: Final = 100
SLACK_S: Final = 15.0
"""How much longer than the poll itself an answer is waited for."""
LONGEST_WAIT_S: Final = 60.0


class _Numbered(msgspec.Struct, frozen=True):
    update_id: Annotated[int, Meta(ge=0, le=2**53)]


class _Trouble(Exception):
    """Why nothing came, and after how many seconds to ask again."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


_answer: Final = msgspec.json.Decoder(telegram.Answer)
_updates: Final = msgspec.json.Decoder(list[msgspec.Raw])
_number: Final = msgspec.json.Decoder(_Numbered)


class Poller:
    """Asks until cancelled."""

    def __init__(self, settings: TelegramSettings, account: str, sink: Sink, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._account = account
        self._sink = sink
        self._http = http
        self._offset: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """While a webhook is set Telegram gives nothing to pollers, so it is taken away first."""
        called_off = False
        while True:
            try:
                if not called_off:
                    await self._ask("deleteWebhook", {}, 0.0)
                    called_off = True
                await self._round()
                self._failures = 0
            except _Trouble as trouble:
                await self._wait(str(trouble), trouble.wait_s)
            except NotAccepted as error:
                await self._wait("the service takes nothing at the moment", error.retry_after_s)

    async def _round(self) -> None:
        """One poll: what came is durable before the next one confirms it."""
        fields: dict[str, Any] = {"timeout": self._settings.poll_s, "limit": MOST, "allowed_updates": UPDATES}
        if self._offset is not None:
            fields["offset"] = self._offset
        result = await self._ask("getUpdates", fields, self._settings.poll_s)
        updates = read(bytes(result), _updates)
        if isinstance(updates, BadJson):
            raise _Trouble("Telegram's updates are no list")
        self._sink.healthy()
        raws = [bytes(each) for each in updates]
        if raws:
            await self._take(raws)

    async def _take(self, raws: list[bytes]) -> None:
        parsed = [parse_update(raw, self._account, self._settings.bot_id) for raw in raws]
        batches = [each for each in parsed if isinstance(each, Batch)]
        for raw, each in zip(raws, parsed, strict=True):
            if isinstance(each, Malformed):
                await self._sink.set_aside(each.reason, raw)
        events = tuple(event for batch in batches for event in batch.events)
        if events:
            await self._sink.publish(Batch(events, tuple(raw for batch in batches for raw in batch.raws)))
        numbers = [found.update_id for raw in raws if isinstance(found := read(raw, _number), _Numbered)]
        if not numbers:
            raise _Trouble("Telegram's updates have no numbers")
        self._offset = max(numbers) + 1
        await self._answer_buttons(raws)

    async def _answer_buttons(self, raws: list[bytes]) -> None:
        """Takes the waiting sign off pressed buttons; nothing depends on it."""
        for pressed in filter(None, map(pressed_button, raws)):
            try:
                await self._ask("answerCallbackQuery", {"callback_query_id": pressed}, 0.0)
            except _Trouble:
                continue

    async def _ask(self, method: str, fields: dict[str, Any], hold_s: float) -> msgspec.Raw:
        """The result. Raises _Trouble, whose words never have the token."""
        url = f"{self._settings.api_base}/bot{self._settings.token.reveal()}/{method}"
        body, headers = msgspec.json.encode(fields), {"content-type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=hold_s + SLACK_S)
        try:
            async with self._http.post(url, data=body, headers=headers, timeout=timeout) as response:
                data = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _Trouble(f"Telegram could not be reached: {type(error).__name__}") from None
        answer = read(data, _answer, 64 * 1_048_576)
        if isinstance(answer, BadJson):
            raise _Trouble(f"Telegram answered {response.status} and no JSON")
        if not answer.ok:
            raise _Trouble(f"{method}: {answer.error_code} {answer.description[:200]}", answer.parameters.retry_after)
        return answer.result

    async def _wait(self, reason: str, asked_s: float | None) -> None:
        self._sink.troubled(reason)
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(max(min(0.5 * 2**self._failures, LONGEST_WAIT_S), asked_s or 0.0))


async def poll(settings: TelegramSettings, account: str, sink: Sink) -> None:
    """Polls for one account until cancelled."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await Poller(settings, account, sink, http).run()
