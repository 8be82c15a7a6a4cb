"""The widget in a real browser, against a host that does what the service does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from contracts.attachment import Attachment
from contracts.content import Choice, ContactCard, File, Location, Option, Postback, Text
from contracts.events import MessageFailed
from contracts.inbound import InboundMessage, InboundReceipt
from tests.connectors.webchat.desk import Desk, jwt, user
from tests.servers.chat_host import CODE, ChatHost, chat_host
from tests.servers.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


class Visitor:
    """A person in front of the widget."""

    def __init__(self, page: Page, host: ChatHost) -> None:
        self.page = page
        self.host = host
        self.box = page.locator("textarea")
        self.launcher = page.locator(".launcher")
        self.panel = page.locator(".panel")
        self.status = page.locator(".status")

    async def say(self, text: str) -> None:
        await self.box.fill(text)
        await self.box.press("Enter")

    def mine(self) -> Locator:
        return self.page.locator(".said.mine .bubble")

    def theirs(self) -> Locator:
        return self.page.locator(".said:not(.mine) .bubble")

    def still_sending(self) -> Locator:
        return self.page.locator(".said.wait")

    async def reload(self) -> None:
        await self.page.reload()
        await self.launcher.click()


@asynccontextmanager
async def visit(browser: Browser, lang: str = "ja", **context: Any) -> AsyncIterator[Visitor]:
    """Somebody who has opened the chat on the page to try it. Any error on the page fails the test."""
    async with chat_host(Desk().connector) as host:
        place = await browser.new_context(**context)
        page = await place.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        await page.goto(f"{host.url}/in/site/demo?lang={lang}")
        visitor = Visitor(page, host)
        await visitor.launcher.click()
        await expect(visitor.status).to_have_text(
            "メッセージをお待ちしています" if lang == "ja" else "We are here to help"
        )
        yield visitor
        await place.close()
        assert errors == []


async def until(true: Callable[[], bool]) -> None:
    for _ in range(100):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about within five seconds")


async def test_a_sentence_written_with_an_input_method_is_sent_once_and_answered(browser: Browser) -> None:
    async with visit(browser) as visitor:
        page, host = visitor.page, visitor.host
        keys = await page.context.new_cdp_session(page)
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
        await visitor.box.focus()
        await keys.send("Input.imeSetComposition", {"text": "にほんご", "selectionStart": 4, "selectionEnd": 4})
        await keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
        await keys.send("Input.insertText", {"text": "日本語で書きます。"})
        late = "box => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true}))"
        await visitor.box.evaluate(late)
        await page.wait_for_timeout(100)
        assert host.said() == []
        await expect(visitor.box).to_have_value("日本語で書きます。")

        await visitor.box.press("Enter")
        await expect(visitor.mine()).to_have_text(["日本語で書きます。"])
        await expect(page.locator(".said.mine .ok")).to_have_text("・送信済み")
        await expect(page.locator(".day")).to_have_text(["今日"])
        assert host.said() == ["日本語で書きます。"]
        await expect(visitor.box).to_have_value("")

        answer = await host.answer(Text("かしこまりました。"))
        await expect(visitor.theirs()).to_have_text(["かしこまりました。"])
        await expect(page.locator(".who")).to_have_text("佐藤")
        await until(lambda: len([e for e in host.published if isinstance(e, InboundReceipt)]) == 2)
        seen, read = [event for event in host.published if isinstance(event, InboundReceipt)]
        assert (seen.state, seen.message) == ("delivered", answer.id)
        assert read.state == "read" and read.upto is not None and abs((read.upto - answer.at).total_seconds()) < 0.002

        await visitor.reload()
        await expect(visitor.mine()).to_have_text(["日本語で書きます。"])
        await expect(visitor.theirs()).to_have_text(["かしこまりました。"])
        assert len(host.addresses()) == 1


async def test_nothing_is_lost_or_doubled_when_answers_to_us_get_lost(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host = visitor.host
        await visitor.say("一つ目")
        await until(lambda: host.said() == ["一つ目"])
        host.deaf = True
        for text in ("二つ目", "三つ目"):
            await visitor.say(text)
        await until(lambda: len(host.said()) == 2)
        await expect(visitor.still_sending()).to_have_count(2)
        host.deaf = False
        await host.cut()
        await expect(visitor.still_sending()).to_have_count(0)
        await expect(visitor.mine()).to_have_text(["一つ目", "二つ目", "三つ目"])
        assert host.said() == ["一つ目", "二つ目", "三つ目"]


async def test_what_is_said_while_the_line_is_down_survives_a_reload(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host = visitor.host
        await visitor.say("はじめ")
        await until(lambda: host.said() == ["はじめ"])
        host.down = True
        await host.cut()
        for number in range(11):  # more than the burst that a session admits
            await visitor.say(f"{number} 番")
        await visitor.reload()
        await expect(visitor.still_sending()).to_have_count(11)
        for number in range(3):
            await host.answer(Text(f"答え {number}"))
        host.down = False
        await visitor.page.evaluate("dispatchEvent(new Event('online'))")
        said = ["はじめ", *(f"{number} 番" for number in range(11))]
        await expect(visitor.mine()).to_have_text(said, timeout=15_000)
        await expect(visitor.still_sending()).to_have_count(0)
        await expect(visitor.theirs()).to_have_text(["答え 0", "答え 1", "答え 2"])
        assert host.said() == said
        assert await visitor.page.evaluate("Object.keys(localStorage).filter(key => key.includes(':out:')).length") == 0


async def test_answers_given_while_the_line_was_down_come_once_and_in_order(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host, context = visitor.host, visitor.page.context
        await visitor.say("どうも")
        await until(lambda: host.said() == ["どうも"])
        await host.answer(Text("0"))
        await expect(visitor.theirs()).to_have_text(["0"])
        await context.set_offline(True)
        await expect(visitor.status).to_have_text("オフラインです。つながり次第、送信します")
        for number in range(1, 6):
            await host.answer(Text(str(number)))
        await visitor.say("まだいます")
        await context.set_offline(False)
        await expect(visitor.theirs()).to_have_text(["0", "1", "2", "3", "4", "5"])
        await expect(visitor.mine()).to_have_text(["どうも", "まだいます"])
        await until(lambda: host.said() == ["どうも", "まだいます"])
        assert host.resumed == [None, "2"]


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    'https://x.example/"onmouseover=alert(1)//',
    "</textarea><svg onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
]


async def test_text_is_only_ever_text(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host, page = visitor.host, visitor.page
        for text in HOSTILE:
            await visitor.say(text)
        await expect(visitor.mine()).to_have_text(HOSTILE)
        for text in HOSTILE:
            await host.answer(Text(text), name=text)
        await expect(visitor.theirs()).to_have_text(HOSTILE)
        evil = Option("<b>押す</b>", "v", "javascript:alert(1)")
        await host.answer(Choice("<i>?</i>", (evil,)), ContactCard("<u>", ("<s>",)), Location(1.0, 2.0, "<p>"))
        host.blobs["at_1"] = (b"x", "text/html")
        await host.answer(File(Attachment("at_1", "<h1>.html", "text/html", 1, "a" * 64, "ready"), "<h2>"))
        await expect(page.locator("button.choice")).to_have_text("<b>押す</b>")
        await expect(page.locator("a.file")).to_contain_text("<h1>.html")
        hrefs = await page.locator(".log a").evaluate_all("links => links.map(link => link.href)")
        assert hrefs and all(href.startswith(("http://", "https://")) for href in hrefs)
        assert await page.locator(".log").locator("img, script, b, u, s, i:not(.dots i), h1, h2").count() == 0


async def test_a_choice_is_picked_once(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host = visitor.host
        await visitor.say("予約したい")
        await until(lambda: host.said() != [])
        await host.answer(Choice("いつですか？", (Option("今日", "today"), Option("明日", "tomorrow"))))
        buttons = visitor.page.locator("button.choice")
        await buttons.nth(1).click()
        await expect(visitor.mine()).to_have_text(["予約したい", "明日"])
        await expect(buttons.nth(0)).to_be_disabled()
        picked = [event for event in host.published if isinstance(event, InboundMessage)][-1].parts[0]
        assert isinstance(picked, Postback) and (picked.value, picked.label) == ("tomorrow", "明日")
        await visitor.reload()
        await expect(buttons.nth(0)).to_be_disabled()


async def test_a_file_is_uploaded_and_shown(browser: Browser) -> None:
    async with visit(browser) as visitor:
        page, host = visitor.page, visitor.host
        picture = await page.screenshot(clip={"x": 0, "y": 0, "width": 40, "height": 30})
        chosen: Any = {"name": "領収書.png", "mimeType": "image/png", "buffer": picture}
        await page.locator("input[type=file]").set_input_files(chosen)
        await expect(page.locator(".said.mine img")).to_have_attribute("alt", "領収書.png")
        await until(lambda: [body for body, _ in host.blobs.values()] == [picture])
        width = "async image => { await image.decode(); return image.naturalWidth }"
        assert await page.locator(".said.mine img").evaluate(width) == 40
        script: Any = {"name": "a.html", "mimeType": "text/html", "buffer": b"<script>"}
        await page.locator("input[type=file]").set_input_files(script)
        await expect(page.locator(".note")).to_have_text("この種類のファイルは送れません")
        assert len(host.blobs) == 1


async def test_what_never_left_is_taken_away(browser: Browser) -> None:
    async with visit(browser) as visitor:
        host = visitor.host
        await visitor.say("はい")
        await until(lambda: host.said() != [])
        failed = await host.answer(Text("届かない"))
        await expect(visitor.theirs()).to_have_count(1)
        await host.tell(MessageFailed(id="ev", at=failed.at, message_id=failed.id, state="failed"))
        await expect(visitor.theirs()).to_have_count(0)


async def test_going_on_elsewhere(browser: Browser) -> None:
    async with visit(browser) as visitor:
        page = visitor.page
        other_way = page.get_by_role("button", name="別の方法で続ける")
        await other_way.click()
        await expect(page.locator(".note")).to_have_text("先にメッセージをひとことお送りください")
        await visitor.say("こんにちは")
        await expect(page.locator(".said.mine .ok")).to_be_visible()
        await other_way.click()
        sheet = page.get_by_role("dialog", name="別の方法で続ける")
        await expect(sheet.locator(".code")).to_have_text(CODE)
        await expect(sheet.get_by_role("link")).to_have_text(["LINE で続ける"])
        await page.keyboard.press("Escape")
        await expect(sheet).to_have_count(0)
        await expect(visitor.panel).to_be_visible()


async def test_a_page_can_say_who_is_logged_in(browser: Browser) -> None:
    async with visit(browser) as visitor:
        page, host = visitor.page, visitor.host
        await visitor.say("だれでもない")
        await until(lambda: len(host.messages) == 1)
        signed = jwt(user(exp=time.time() + 60, name="山田"))
        await page.evaluate("jwt => Madoguchi.identify(jwt)", signed)
        await expect(visitor.mine()).to_have_count(0)
        await visitor.say("山田です")
        await until(lambda: len(host.messages) == 2)
        anonymous, known = (message.address for message in host.messages)
        assert known.startswith("u_") and known != anonymous
        last = [event for event in host.published if isinstance(event, InboundMessage)][-1]
        assert (last.sender.claims.external_id, last.sender.author_name) == ("customer-7", "山田")
        assert signed not in await page.evaluate("JSON.stringify(localStorage)")
        await page.evaluate("Madoguchi.identify(null)")
        await expect(visitor.mine()).to_have_text(["だれでもない"])
        await page.evaluate("jwt => Madoguchi.identify(jwt)", jwt(user(exp=time.time() - 60)))
        await expect(visitor.status).to_have_text("ページを再読み込みしてください")


async def test_keyboard_badge_and_typing(browser: Browser) -> None:
    async with visit(browser, "en") as visitor:
        page, host = visitor.page, visitor.host
        await expect(visitor.box).to_be_focused()
        await visitor.say("Hello")
        await until(lambda: host.said() == ["Hello"])
        await host.typing()
        await expect(page.locator(".dots")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(visitor.panel).to_be_hidden()
        await expect(visitor.launcher).to_be_focused()
        await host.answer(Text("One"))
        await host.answer(Text("Two"))
        await expect(page.locator(".badge")).to_have_text("2")
        await expect(visitor.launcher).to_have_attribute("aria-label", "Open chat (2 unread)")
        await page.reload()
        await expect(page.locator(".badge")).to_have_text("2")
        await visitor.launcher.press("Enter")
        await expect(page.locator(".badge")).to_be_hidden()
        await expect(page.get_by_role("log")).to_contain_text("Two")
        await expect(page.locator(".root")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_on_a_phone_it_fills_the_screen(browser: Browser, lang: str) -> None:
    async with visit(browser, lang, **PHONE) as visitor:
        page = visitor.page
        assert await visitor.panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
        await visitor.box.fill("長い" * 200 + "x" * 200)
        await page.locator(".send").tap()
        await visitor.host.answer(Text("y" * 300), Choice("?", tuple(Option("選択肢" * 8, str(n)) for n in range(5))))
        await expect(page.locator("button.choice")).to_have_count(5)
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        assert await page.locator(".log").evaluate("log => log.scrollWidth - log.clientWidth") == 0
        small = "all => all.filter(node => node.offsetParent && node.getBoundingClientRect().height < 40).length"
        assert await page.locator(".panel button:not(.foot button), .panel textarea").evaluate_all(small) == 0
        for _ in range(12):
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.shadowRoot !== null")


@asynccontextmanager
async def shop(browser: Browser, admitted: bool) -> AsyncIterator[tuple[Visitor, list[str]]]:
    """A page of another origin with a strict policy, and what the browser complained of on it."""
    port = free_port()
    there, widget = f"http://localhost:{port}", f"http://127.0.0.1:{port}"
    policy = f"default-src 'none'; script-src {widget}; connect-src {widget} ws://127.0.0.1:{port}; img-src {widget}"
    html = f'<html lang="en"><body><script src="{widget}/in/site/widget.js" async data-open></script>'
    page_there = web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})
    desk = Desk(origins=[there] if admitted else [])
    async with chat_host(desk.connector, {"/shop": page_there}, port) as host:
        context = await browser.new_context()
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(f"{there}/shop")
        yield Visitor(page, host), complaints
        await context.close()


async def test_on_an_admitted_page_with_a_strict_policy(browser: Browser) -> None:
    async with shop(browser, admitted=True) as (visitor, complaints):
        await expect(visitor.status).to_have_text("We are here to help")
        await visitor.say("from the shop")
        await expect(visitor.mine()).to_have_text(["from the shop"])
        text: Any = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}
        await visitor.page.locator("input[type=file]").set_input_files(text)
        await expect(visitor.page.locator("a.file")).to_contain_text("a.txt")
        assert await visitor.launcher.evaluate("node => getComputedStyle(node).borderRadius") == "50%"
        assert complaints == []


async def test_another_page_cannot_open_the_chat(browser: Browser) -> None:
    async with shop(browser, admitted=False) as (visitor, _):
        await expect(visitor.status).to_have_text("Chat is not available right now")
        script = """url => new Promise(done => { new WebSocket(url).onclose = event => done(event.code) })"""
        assert await visitor.page.evaluate(script, visitor.host.url.replace("http", "ws") + "/chat/site") == 1006
