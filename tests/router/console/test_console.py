"""The agents' page and the quickstart in a real browser, on the whole service."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from contracts.streams import DISPATCH
from router.app import Parts, running
from router.console import QuickstartFacts
from router.domain.dispatch.tables import AGENTS
from router.settings import read
from router.settings.sections import Settings

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SHOTS = os.environ.get("MADOGUCHI_SCREENSHOTS")

CONFIG = """
[service]
data_dir = "{folder}"
drain_s = 0
stop_s = 2
[store]
durability = "memory"
[http]
listen = "127.0.0.1:0"
[accounts.web]
connector = "webchat"
token_key = "0123456789abcdef0123456789abcdef"
[[agents]]
id = "aoi"
name = "葵"
[[agents]]
id = "ren"
name = "蓮"
[[policy.queues]]
name = "default"
offer_timeout_s = 120
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        found = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        await found.close()


def settings_in(folder: Path) -> Settings:
    return read(CONFIG.replace("{folder}", str(folder)), "test.toml", {})


class Place:
    """The service and its pages."""

    def __init__(self, parts: Parts, browser: Browser) -> None:
        assert parts.server is not None
        self.parts = parts
        self.browser = browser
        self.url = f"http://127.0.0.1:{parts.server.port}"
        self.problems: list[str] = []

    async def token(self, agent: str = "aoi") -> str:
        return (await self.parts.tokens.create("test", ("read", "reply", "assign"), agent=agent))[1]

    @asynccontextmanager
    async def page(self, path: str, **options: Any) -> AsyncIterator[Page]:
        context = await self.browser.new_context(**{"locale": "ja-JP", **options})
        page = await context.new_page()
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "response",
            lambda answer: self.problems.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )
        page.on("request", lambda request: self._inside(request.url))
        await page.goto(self.url + path)
        try:
            yield page
        finally:
            await context.close()

    def _inside(self, url: str) -> None:
        if not url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:", "about:")):
            self.problems.append(f"asked outside: {url}")

    @asynccontextmanager
    async def agent(self, name: str = "aoi", **options: Any) -> AsyncIterator[Page]:
        async with self.page(f"/console#token={await self.token(name)}", **options) as page:
            await expect(page.locator("#who")).not_to_be_empty()
            await page.locator("#presence").select_option("online")
            await expect(page.locator("#lamp.online")).to_be_visible()
            yield page

    @asynccontextmanager
    async def customer(self, **options: Any) -> AsyncIterator[Page]:
        async with self.page("/quickstart/customer", **options) as page:
            await expect(page.locator("textarea")).to_be_visible()
            yield page


@pytest_asyncio.fixture(loop_scope="module")
async def place(browser: Browser, tmp_path: Path) -> AsyncIterator[Place]:
    facts = QuickstartFacts(webchat="web", email="madoguchi try email", line="madoguchi try line")
    async with running(settings_in(tmp_path), quickstart=facts) as parts:
        found = Place(parts, browser)
        await until_seeded(parts)
        yield found
        assert found.problems == []


async def until_seeded(parts: Parts) -> None:
    async with asyncio.timeout(10):
        while len(await parts.state.rows(DISPATCH, AGENTS)) < 2:
            await asyncio.sleep(0.02)


async def say(customer: Page, text: str) -> None:
    await customer.locator("textarea").fill(text)
    await customer.locator("textarea").press("Enter")


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png")


async def test_an_offer_is_taken_answered_noted_and_resolved(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "こんにちは。先日買った湯のみが欠けていました。<b>交換</b>できますか？")
        card = agent.locator(".offer")
        await expect(card).to_contain_text("湯のみが欠けて")
        await expect(card.locator(".left")).to_contain_text(":")
        await shot(agent, "1-offer")
        await card.get_by_role("button", name="引き受ける").click()
        await expect(agent.locator("#timeline .inbound .bubble")).to_have_text(
            "こんにちは。先日買った湯のみが欠けていました。<b>交換</b>できますか？"
        )
        assert await agent.locator("#timeline b").count() == 0
        await expect(agent.locator("#mine .name")).to_have_count(1)
        await expect(agent.locator("[data-part=why]")).to_contain_text("手が空いていた時間")
        await agent.locator("#words").fill("ご不便をおかけしました。すぐに交換いたします。")
        await agent.locator("#words").press("Enter")
        await expect(customer.locator(".said:not(.mine) .bubble")).to_contain_text("すぐに交換いたします")
        await expect(agent.locator("#timeline .outbound")).to_have_attribute(
            "data-state", re.compile("sent|delivered|read")
        )
        await agent.get_by_role("button", name="メモ").click()
        await agent.locator("#words").fill("常連のお客様")
        await agent.locator("#send").click()
        await expect(agent.locator("#timeline .note .bubble")).to_have_text("常連のお客様")
        await say(customer, "ありがとうございます")
        await expect(agent.locator("#timeline .inbound")).to_have_count(2)
        await shot(agent, "2-conversation")
        await agent.get_by_role("button", name="解決", exact=True).click()
        await expect(agent.locator("#resolve")).to_have_text("再開")
        await expect(agent.locator("#mine .name")).to_have_count(0)


async def test_enter_of_an_input_method_does_not_send(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "もしもし")
        await agent.locator(".offer .main").click()
        words = agent.locator("#words")
        await words.fill("かんじ")
        for init in ({"isComposing": True}, {"keyCode": 229}):
            await words.evaluate(
                """(node, init) => node.dispatchEvent(
                    new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true, ...init}))""",
                init,
            )
        await expect(words).to_have_value("かんじ")
        await words.press("Shift+Enter")
        assert (await words.input_value()).strip() == "かんじ"
        assert await agent.locator("#timeline .outbound").count() == 0
        await words.press("Enter")
        await expect(agent.locator("#timeline .outbound")).to_have_count(1)


async def test_what_becomes_of_a_draft_is_told_while_it_is_written(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "こんにちは")
        await agent.locator(".offer .main").click()
        await agent.locator("#words").fill("はい")
        await expect(agent.locator("#through")).to_have_text(re.compile("^返信先: .+"))
        await agent.locator("#words").fill("あ" * 17_000)
        await expect(agent.locator("#through")).to_contain_text("2 通に分割")
        await agent.locator("#language").click()
        await agent.locator("#words").fill("い" * 17_000)
        await expect(agent.locator("#through")).to_contain_text("2 pieces")


async def test_typing_is_seen_by_both(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "もしもし")
        await agent.locator(".offer .main").click()
        await expect(agent.locator("#timeline .inbound")).to_have_count(1)
        await customer.locator("textarea").press_sequentially("入力しています", delay=20)
        await expect(agent.locator("#typing")).to_have_text("お客様が入力中…")
        await agent.locator("#words").press_sequentially("お待ちください", delay=20)
        await expect(customer.locator(".dots")).to_be_visible()


async def test_nothing_is_lost_when_the_line_breaks(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "1")
        await agent.locator(".offer .main").click()
        await expect(agent.locator("#timeline .inbound")).to_have_count(1)
        await agent.context.set_offline(True)
        await cut(place)
        await say(customer, "2")
        await agent.context.set_offline(False)
        await say(customer, "3")
        await expect(agent.locator("#timeline .inbound .bubble")).to_have_text(["1", "2", "3"])


async def cut(place: Place) -> None:
    """Breaks every connection of the server, as a network does."""
    server = place.parts.server
    assert server is not None and server._web_server is not None
    for connection in list(server._web_server.connections):
        if connection.transport is not None:
            connection.transport.abort()


async def test_transfer_and_hand_over(place: Place) -> None:
    async with place.agent("aoi") as aoi, place.customer() as customer:
        await say(customer, "相談があります")
        await aoi.locator(".offer .main").click()
        await expect(aoi.locator("#timeline .inbound")).to_have_count(1)
        await aoi.get_by_role("button", name="別の窓口へ").click()
        await expect(aoi.locator("dialog output")).to_contain_text("MG-")
        await shot(aoi, "3-hand-over")
        await aoi.get_by_role("button", name="閉じる").click()
        async with place.agent("ren") as ren:
            await aoi.get_by_role("button", name="引き継ぎ").click()
            await aoi.locator("dialog select").select_option("agent:ren")
            await aoi.locator("dialog input").fill("お願いします")
            await aoi.locator("dialog").get_by_role("button", name="引き継ぎ").click()
            await ren.locator(".offer .main").click()
            await expect(ren.locator("#timeline .note")).to_contain_text("お願いします")
            await expect(aoi.locator("#mine .name")).to_have_count(0)
            await expect(ren.locator("[data-part=agents]")).to_contain_text("aoi")


async def test_on_a_phone_and_in_english(place: Place) -> None:
    async with place.agent(locale="en-US", **PHONE) as agent, place.customer() as customer:
        await say(customer, "Is my order on its way?")
        await shot(agent, "4-phone-list")
        await agent.get_by_role("button", name="Accept").click()
        await expect(agent.locator("#timeline .inbound")).to_be_visible()
        await expect(agent.locator("nav")).to_be_hidden()
        await agent.locator("#words").fill("It left this morning.")
        await agent.get_by_role("button", name="Send").click()
        await expect(agent.locator("#timeline .outbound")).to_have_count(1)
        await shot(agent, "5-phone-talk")
        await agent.get_by_role("button", name="Customer").click()
        await expect(agent.locator("#context .person")).to_be_visible()
        await shot(agent, "6-phone-context")
        width = await agent.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 390


async def test_a_bad_token_is_told_and_a_good_one_stays_out_of_the_address(place: Place) -> None:
    async with place.page("/console") as page:
        await page.locator("#token").fill("mdg_nonsense")
        await page.get_by_role("button", name="はじめる").click()
        await expect(page.locator("#door-problem")).to_have_text("このトークンは使えません")
        await shot(page, "7-door")
        await page.locator("#token").fill(await place.token())
        await page.get_by_role("button", name="はじめる").click()
        await expect(page.locator("#who")).to_have_text("葵")
        assert "mdg_" not in page.url and await page.evaluate("localStorage.getItem('madoguchi.token')") is None
        await page.reload()
        await expect(page.locator("#who")).to_have_text("葵")


async def test_the_quickstart_shows_both_sides(place: Place) -> None:
    path = f"/quickstart#token={await place.token()}"
    async with place.page(path, viewport={"width": 1600, "height": 1000}) as page:
        customer, agent = page.frame_locator("#customer"), page.frame_locator("#agent")
        await agent.locator("#presence").select_option("online")
        await customer.locator("textarea").fill("こんにちは")
        await customer.locator("textarea").press("Enter")
        await expect(agent.locator(".offer")).to_contain_text("こんにちは")
        await agent.locator(".offer .main").click()
        await agent.locator("#words").fill("いらっしゃいませ")
        await agent.locator("#words").press("Enter")
        await expect(customer.locator(".said:not(.mine) .bubble")).to_contain_text("いらっしゃいませ")
        await expect(page.locator("#email")).to_have_text("madoguchi try email")
        await shot(page, "8-quickstart")


async def test_the_documents_page_tries_an_operation(place: Place) -> None:
    async with place.page("/v1/docs") as page:
        await page.locator("#token").fill(await place.token())
        await page.locator("#find").fill("list queues")
        await page.locator("details:not([hidden]) summary").click()
        await page.get_by_role("button", name="Try it").click()
        await expect(page.locator("details:not([hidden]) pre")).to_contain_text('"queue": "default"')
        await shot(page, "9-docs")
