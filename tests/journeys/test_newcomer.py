"""A newcomer's first minutes: the real command, the links it prints, and a real browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, async_playwright, expect

from tests.journeys.scene import (
    CHROMIUM,
    FLAGS,
    PHONE,
    Console,
    Scene,
    Widget,
    colleague,
    links,
    page_at,
    shown,
    side_by_side,
    until,
)
from tests.router.cli.command import Demonstration, demonstration

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    began = time.monotonic()
    with demonstration(tmp_path_factory.mktemp("newcomer")) as running:
        assert time.monotonic() - began < 20
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        found = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="module")
async def scene(service: Demonstration, browser: Browser) -> AsyncIterator[Scene]:
    async with side_by_side(service, browser) as found:
        yield found


async def tried(service: Demonstration, *words: str) -> None:
    done = await asyncio.to_thread(service.run, "try", *words)
    assert done.returncode == 0, done.stderr


def channels(service: Demonstration, conversation: str) -> set[str]:
    person = service.get(f"/v1/conversations/{conversation}/context")["contact"]
    return {identity["channel"] for identity in person["identities"]}


# -- a sentence ------------------------------------------------------------------------------------------------------


async def compose(page: CDPSession, *steps: str) -> None:
    """Types with an input method: every step is what the line reads while it is being converted; Enter ends that."""
    for text in steps:
        await page.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    await page.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    await page.send("Input.insertText", {"text": steps[-1]})
    await page.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})


async def test_a_sentence_in_japanese_is_in_the_console_within_a_second(scene: Scene) -> None:
    text = "注文した湯のみが届きません。"
    await scene.widget.box.click()
    await compose(await scene.context.new_cdp_session(scene.page), "ちゅうもん", "注文", text)
    await expect(scene.widget.box).to_have_value(text)
    await expect(scene.widget.said).to_have_count(0)
    began = time.monotonic()
    await scene.widget.box.press("Enter")
    await scene.console.offer(text).wait_for()
    assert time.monotonic() - began < 1
    await shown(scene.page, "1-offered")
    conversation = await scene.console.accept(text)
    about = scene.console.root.locator("#context")
    await expect(about.locator("[data-part=identities]")).to_contain_text("webchat")
    await expect(about.locator("[data-part=why]")).to_contain_text("手が空いていた時間")
    await scene.console.say("お調べいたします。")
    await expect(scene.widget.answers).to_have_text(["お調べいたします。"])
    await expect(scene.console.timeline.locator(".outbound")).to_have_attribute("data-state", "read")
    await shown(scene.page, "2-answered")
    decisions = await asyncio.to_thread(scene.service.get, f"/v1/conversations/{conversation}/decisions")
    assert decisions["items"][0]["agent"] == "aoi" and decisions["items"][0]["considered"]
    await scene.console.resolve()


async def test_typing_is_seen_on_both_sides(scene: Scene) -> None:
    await scene.begin("もしもし")
    await scene.widget.box.press_sequentially("まだ", delay=20)
    await expect(scene.console.root.locator("#typing")).to_have_text("お客様が入力中…")
    await scene.console.root.locator("#words").press_sequentially("ただいま", delay=20)
    await expect(scene.widget.root.locator(".dots")).to_be_visible()
    await scene.console.resolve()


# -- other channels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "sender", "name"),
    [("email", "hanako@customer.example", "hanako@customer.example"), ("line", "U" + "a" * 32, "太郎 (LINE)")],
)
async def test_a_message_of_another_channel_comes_to_the_same_console(
    scene: Scene, channel: str, sender: str, name: str
) -> None:
    text = f"{channel}で失礼します"
    await tried(scene.service, channel, "--from", sender, "--text", text)
    await expect(scene.console.offer(text)).to_contain_text(name)
    await scene.console.accept(text)
    await expect(scene.console.root.locator("#through")).to_contain_text(channel)
    answer = f"{channel}へお返事します"
    await scene.console.say(answer)
    await until(lambda: f"{channel} to" in scene.service.out and answer in scene.service.out)
    await scene.console.resolve()


async def test_a_code_makes_it_the_same_conversation(scene: Scene) -> None:
    conversation = await scene.begin("続きは電車の中からでもいいですか？")
    await scene.widget.root.get_by_role("button", name="別の方法で続ける").click()
    code = await scene.widget.root.locator(".code").inner_text()
    await shown(scene.page, "3-code")
    await tried(scene.service, "line", "--from", "U" + "b" * 32, "--text", code)
    await until(lambda: channels(scene.service, conversation) == {"webchat", "line"})
    await expect(scene.console.root.locator("[data-part=identities]")).to_contain_text("line")
    await tried(scene.service, "line", "--from", "U" + "b" * 32, "--text", "電車に乗りました")
    await expect(scene.console.timeline).to_contain_text("電車に乗りました")
    await expect(scene.console.mine).to_have_count(1)
    await expect(scene.console.mine).to_have_attribute("data-conversation", conversation)
    await scene.console.say("LINEへお送りします")
    await until(lambda: "line to the customer: LINEへお送りします" in scene.service.out)
    await shown(scene.page, "4-continued")
    await scene.console.resolve()


# -- its life --------------------------------------------------------------------------------------------------------


async def test_a_new_message_reopens_what_was_resolved(scene: Scene) -> None:
    conversation = await scene.begin("解決しました、どうも")
    await scene.console.resolve()
    await expect(scene.console.mine).to_have_count(0)
    await scene.widget.say("すみません、もう一つだけ")
    assert await scene.console.accept("すみません、もう一つだけ") == conversation
    await expect(scene.console.timeline).to_contain_text("解決しました、どうも")
    await expect(scene.console.root.locator("[data-part=why]")).to_contain_text("前回も担当したため")
    await scene.console.resolve()


async def test_a_note_and_a_transfer_with_the_whole_history(scene: Scene, browser: Browser) -> None:
    conversation = await scene.begin("別の担当の方はいますか")
    await scene.console.say("少々お待ちください")
    await scene.console.press("メモ")
    await scene.console.say("蓮さんをご指名です")
    await expect(scene.console.timeline.locator(".note")).to_contain_text("蓮さんをご指名です")
    async with colleague(scene.service, browser) as ren:
        await scene.console.press("引き継ぎ")
        await scene.console.root.locator("dialog select").select_option("agent:ren")
        await scene.console.root.locator("dialog input").fill("よろしく")
        await scene.console.root.locator("dialog").get_by_role("button", name="引き継ぎ").click()
        card = ren.root.locator(f'.offer[data-conversation="{conversation}"]')
        await card.locator(".main").click()
        for text in ("別の担当の方はいますか", "少々お待ちください", "蓮さんをご指名です", "よろしく"):
            await expect(ren.timeline).to_contain_text(text)
        await expect(scene.console.mine).to_have_count(0)
        await ren.say("蓮です。お待たせしました")
        await expect(scene.widget.answers).to_have_text(["少々お待ちください", "蓮です。お待たせしました"])
        await ren.resolve()


async def test_loading_both_pages_again_loses_nothing(scene: Scene) -> None:
    await scene.begin("一つ目")
    await scene.console.say("お返事です")
    await expect(scene.widget.answers).to_have_count(1)
    await scene.widget.box.fill("書きかけ")
    await scene.page.reload()
    await expect(scene.widget.said).to_have_text(["一つ目", "お返事です"])
    await expect(scene.widget.box).to_have_value("書きかけ")
    await scene.console.mine.click()
    await expect(scene.console.timeline.locator(".bubble")).to_have_text(["一つ目", "お返事です"])
    await scene.widget.box.press("Enter")
    await expect(scene.console.timeline.locator(".inbound .bubble")).to_have_text(["一つ目", "書きかけ"])
    await scene.console.resolve()


# -- on a phone ------------------------------------------------------------------------------------------------------


async def width(page: Any) -> int:
    return int(await page.evaluate("() => document.documentElement.scrollWidth"))


async def test_both_sides_fit_a_phone(service: Demonstration, browser: Browser) -> None:
    url = f"{service.url}/quickstart/customer"
    async with page_at(browser, links(service)[1], **PHONE) as (_, desk), page_at(browser, url, **PHONE) as (_, page):
        console, widget = Console(desk), Widget(page)
        await expect(desk.locator("#lamp")).to_have_class("online")
        await widget.box.fill("スマートフォンから失礼します。返品の送料はどちらの負担でしょうか？")
        await widget.root.locator(".send").click()
        await shown(desk, "5-phone-offer")
        await console.accept("スマートフォンから")
        await desk.locator("#words").fill("送料は当店で負担いたします。着払いでお送りください。")
        await console.press("送信")
        await expect(widget.answers).to_have_count(1)
        await expect(console.timeline.locator(".outbound")).to_have_attribute("data-state", "read")
        await shown(page, "6-phone-widget")
        await shown(desk, "7-phone-talk")
        await console.press("お客様")
        await expect(desk.locator("#context .person")).to_be_visible()
        await shown(desk, "8-phone-context")
        await widget.root.get_by_role("button", name="別の方法で続ける").click()
        await expect(widget.root.locator(".code")).to_be_visible()
        await shown(page, "9-phone-code")
        assert await width(page) <= 390 and await width(desk) <= 390
        await desk.locator("aside .back").click()
        await console.resolve()
