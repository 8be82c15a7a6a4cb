"""What an agent sees of promises, advice, hand-offs, wrap-up and call backs, and a supervisor of the line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from router.app import running
from router.console import QuickstartFacts
from router.settings import read
from tests.router.console.test_console import (
    CONFIG,
    PHONE,
    Place,
    browser,  # noqa: F401
    say,
    shot,
    until_seeded,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

POLICY = """
wrap_up_s = 90
sla = "quick"
[[policy.queues]]
name = "second"
[[policy.rules]]
name = "elsewhere"
when = { words = ["二番"] }
queue = "second"
priority = 7
sla = "quick"
[policy.slas.quick]
first_response_s = 300
next_response_s = 600
[policy.slas.slow]
first_response_s = 6000
"""


ASK = """async ([path, body]) => {
    const token = sessionStorage.getItem("madoguchi.token");
    const headers = {Authorization: `Bearer ${token}`, "Content-Type": "application/json"};
    return (await fetch(path, {method: "POST", body: JSON.stringify(body), headers})).status;
}"""


async def ask(page: Page, path: str, body: dict[str, str]) -> None:
    """Something that an agent's other tools ask of the API."""
    assert await page.evaluate(ASK, [path, body]) == 200


@pytest_asyncio.fixture(loop_scope="module")
async def place(browser: Browser, tmp_path: Path) -> AsyncIterator[Place]:  # noqa: F811
    settings = read(CONFIG.replace("{folder}", str(tmp_path)) + POLICY, "test.toml", {})
    async with running(settings, quickstart=QuickstartFacts(webchat="web")) as parts:
        found = Place(parts, browser)
        await until_seeded(parts)
        yield found
        assert found.problems == []


async def test_the_promise_the_reasons_and_finishing_up(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "湯のみが欠けていました")
        await agent.locator(".offer .main").click()
        await expect(agent.locator("#promise")).to_contain_text("最初の返信 4:")
        await expect(agent.locator("#mine .clock")).to_contain_text("4:")
        await agent.get_by_role("button", name="くわしく").click()
        await expect(agent.locator("dialog .reasons li").first).to_contain_text("default")
        await shot(agent, "care-1-why")
        await agent.get_by_role("button", name="閉じる").click()
        await agent.locator("#words").fill("交換いたします")
        await agent.locator("#words").press("Enter")
        await expect(agent.locator("#promise .clock")).to_have_count(0)
        await agent.get_by_role("button", name="解決", exact=True).click()
        await expect(agent.locator("[data-banner=wrap_up] .clock")).to_contain_text("1:")
        await expect(agent.locator("#mine .mark")).to_contain_text("後処理")
        await shot(agent, "care-2-wrap-up")
        await agent.reload()
        await agent.locator("#mine button").click()
        await agent.get_by_role("button", name="後処理を完了").click()
        await expect(agent.locator("#mine .name")).to_have_count(0)
        await expect(agent.locator("[data-banner=wrap_up]")).to_have_count(0)


async def test_a_colleague_is_asked_and_sees_all_of_it(place: Place) -> None:
    async with place.agent("aoi") as aoi, place.customer() as customer:
        await say(customer, "保証は何年ですか")
        await aoi.locator(".offer .main").click()
        async with place.agent("ren", **PHONE, color_scheme="dark") as ren:
            await aoi.get_by_role("button", name="相談", exact=True).click()
            await aoi.locator("dialog select").select_option("ren")
            await aoi.locator("dialog input").fill("分かりますか")
            await aoi.locator("dialog").get_by_role("button", name="相談", exact=True).click()
            await expect(aoi.locator("[data-banner=asking]")).to_contain_text("ren")
            await ren.locator("#mine button").click()
            await expect(ren.locator("[data-banner=asked]")).to_contain_text("aoi さんから相談")
            await expect(ren.locator("#timeline .inbound")).to_contain_text("保証は何年")
            await expect(ren.locator("[data-mode=reply]")).to_be_disabled()
            await expect(ren.locator("#resolve")).to_be_hidden()
            await ren.locator("#words").fill("2年です")
            await ren.locator("#send").click()
            await expect(aoi.locator("#timeline .note").last).to_contain_text("2年です")
            await shot(ren, "care-3-asked-phone-dark")
            assert await ren.evaluate("() => document.documentElement.scrollWidth") <= 390
            await ren.get_by_role("button", name="相談を終える").click()
            await expect(ren.locator("#mine .name")).to_have_count(0)
            await expect(aoi.locator("[data-banner=asking]")).to_have_count(0)


async def test_a_supervisor_sees_the_lines_and_takes_over(place: Place) -> None:
    async with place.customer() as customer:
        await say(customer, "二番の窓口をお願いします")
        await expect(customer.locator(".said.mine")).to_have_count(1)
        async with place.agent(color_scheme="dark") as agent:
            await take_over(agent)
    _, text = await place.parts.tokens.create("no supervisor", ("read", "reply"), agent="ren")
    async with place.page(f"/console#token={text}") as ren:
        await expect(ren.locator("#who")).to_have_text("蓮")
        await expect(ren.get_by_role("button", name="引き取る")).to_have_count(0)


async def take_over(agent: Page) -> None:
    row = agent.locator("#waiting .row")
    await expect(row.locator(".place")).to_have_text("1")
    await expect(row).to_contain_text("優先 7")
    await expect(row.locator(".clock")).to_contain_text("4:")
    await expect(row.get_by_role("button", name="引き受ける")).to_have_count(0)
    await shot(agent, "care-4-line-dark")
    await row.get_by_role("button", name="引き取る").click()
    await agent.locator("dialog input").fill("急ぎのため")
    await agent.locator("dialog").get_by_role("button", name="引き取る").click()
    await expect(agent.locator("#timeline .note")).to_contain_text("急ぎのため")
    await expect(agent.locator("#mine .name")).to_have_count(1)
    await expect(agent.locator("[data-part=why]")).to_contain_text("引き取られた")


async def test_the_summary_of_a_handoff_and_a_call_back(place: Place) -> None:
    async with place.agent() as agent, place.customer() as customer:
        await say(customer, "折り返してください")
        card = agent.locator(".offer")
        path = f"/v1/conversations/{await card.get_attribute('data-conversation')}"
        await ask(agent, f"{path}/callback", {"address": "+81312345678"})
        await card.locator(".main").click()
        await expect(agent.locator("[data-banner=callback] a")).to_have_attribute("href", "tel:+81312345678")
        await shot(agent, "care-6-callback")
        await ask(agent, f"{path}/handoff", {"agent": "ren", "summary": "折り返しのご希望\n- 湯のみの件"})
        async with place.agent("ren", locale="en-US") as ren:
            await agent.locator("#presence").select_option("away")
            await ren.locator(".offer .main").click()
            await expect(ren.locator("[data-banner=summary] p")).to_contain_text("湯のみの件")
            await expect(ren.locator("[data-banner=summary] summary")).to_have_text("Summary of the handoff")
            await shot(ren, "care-5-summary-english")
            await ask(agent, f"{path}/take-over", {})
            await expect(ren.locator("#line")).to_contain_text("It went to somebody else")
            await expect(ren.locator("#mine .name")).to_have_count(0)
            await expect(agent.locator("#mine .name")).to_have_count(1)


async def test_who_wants_to_be_called_back_later_is_listed_with_number_and_time(place: Place) -> None:
    async with place.customer() as customer:
        await say(customer, "二番です。明日お電話をください")
        await expect(customer.locator(".said.mine")).to_have_count(1)
        async with place.agent(**PHONE) as agent:
            id = await agent.locator("#waiting .row").get_attribute("data-conversation")
            wish = {"at": "2031-01-01T01:00:00Z", "address": "03-1234-5678"}
            await ask(agent, f"/v1/conversations/{id}/callback", wish)
            row = agent.locator("#callbacks .row")
            await expect(row.locator("a")).to_have_attribute("href", "tel:0312345678", timeout=8000)
            await expect(row).to_contain_text("2031年1月1日")
            await shot(agent, "care-7-callbacks-phone")
