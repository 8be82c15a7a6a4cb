"""The demonstration as a newcomer sees it: the widget and the console side by side in a real browser."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

from tests.router.cli.command import Demonstration

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SHOTS = os.environ.get("MADOGUCHI_SCREENSHOTS")


class Console:
    """An agent's console, in a frame or on a page of its own."""

    def __init__(self, root: Page | FrameLocator) -> None:
        self.root = root
        self.timeline = root.locator("#timeline")
        self.mine = root.locator("#mine button[data-conversation]")

    def offer(self, text: str) -> Locator:
        """The card of the offer whose latest message has this text."""
        return self.root.locator(".offer").filter(has_text=text)

    async def accept(self, text: str) -> str:
        """Takes the offer and opens it; the conversation's id."""
        card = self.offer(text)
        id = await card.get_attribute("data-conversation")
        await card.locator(".main").click()
        await expect(self.timeline).to_contain_text(text)
        assert id is not None
        return id

    async def say(self, text: str) -> None:
        """An answer, or a note when that is chosen."""
        await self.root.locator("#words").fill(text)
        await self.root.locator("#words").press("Enter")
        await expect(self.timeline).to_contain_text(text)

    async def press(self, name: str) -> None:
        """Presses the button with exactly this name."""
        await self.root.get_by_role("button", name=name, exact=True).click()

    async def resolve(self) -> None:
        """Resolves what is open."""
        await self.press("解決")
        await expect(self.root.locator("#resolve")).to_have_text("再開")


class Widget:
    """The customer's chat."""

    def __init__(self, root: Page | FrameLocator) -> None:
        self.root = root
        self.box = root.locator("textarea")
        self.said = root.locator(".said .bubble")
        self.answers = root.locator(".said:not(.mine) .bubble")

    async def say(self, text: str) -> None:
        """Types it and sends."""
        await self.box.fill(text)
        await self.box.press("Enter")


class Scene:
    """One customer and one agent on the quickstart page. ``problems``: what the browser complained of."""

    def __init__(self, service: Demonstration, context: BrowserContext, page: Page) -> None:
        self.service = service
        self.context = context
        self.page = page
        self.widget = Widget(page.frame_locator("#customer"))
        self.console = Console(page.frame_locator("#agent"))

    async def begin(self, text: str) -> str:
        """The customer says something, the agent takes it; the conversation's id."""
        await self.widget.say(text)
        return await self.console.accept(text)


def links(service: Demonstration) -> list[str]:
    """The links that were printed: side by side, the first agent's console, the other agent's."""
    return re.findall(r"http\S+#\S+", service.out)


@asynccontextmanager
async def page_at(browser: Browser, url: str, **options: Any) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """A page in a browser of its own memory, which at its end must have had nothing to complain of."""
    problems: list[str] = []
    context = await browser.new_context(**{"locale": "ja-JP", "viewport": {"width": 1400, "height": 900}, **options})
    page = await context.new_page()
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda got: problems.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    await page.goto(url)
    try:
        yield context, page
        assert problems == []
    finally:
        await context.close()


@asynccontextmanager
async def side_by_side(service: Demonstration, browser: Browser, **options: Any) -> AsyncIterator[Scene]:
    """The first link, opened: the agent is there, the widget is open."""
    async with page_at(browser, links(service)[0], **options) as (context, page):
        scene = Scene(service, context, page)
        await expect(scene.console.root.locator("#lamp")).to_have_class("online")
        await expect(scene.widget.box).to_be_visible()
        try:
            yield scene
        finally:
            await asyncio.to_thread(tidy, service)


def tidy(service: Demonstration) -> None:
    """Nothing of one test is left for the next."""
    for one in service.get("/v1/conversations?status=open")["items"]:
        service.post(f"/v1/conversations/{one['id']}/status", {"status": "resolved"})


@asynccontextmanager
async def colleague(service: Demonstration, browser: Browser) -> AsyncIterator[Console]:
    """The other agent, who is there within the block and goes home after it."""
    async with page_at(browser, links(service)[2]) as (_, page):
        console = Console(page)
        await expect(page.locator("#lamp")).to_have_class("online")
        try:
            yield console
        finally:
            await page.locator("#presence").select_option("offline")
            await expect(page.locator("#lamp")).to_have_class("offline")


async def shown(page: Page, name: str) -> None:
    """A picture of it, when pictures are wanted."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png")


async def until(done: Callable[[], Any], patience: float = 10) -> Any:
    """What ``done`` gives, once that is something. It may block: it is asked in a thread."""
    async with asyncio.timeout(patience):
        while not (found := await asyncio.to_thread(done)):
            await asyncio.sleep(0.05)
    return found
