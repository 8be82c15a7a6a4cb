"""The page of a rehearsal in a real browser: nothing is cut off, and light and dark can both be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from router.rehearse.chart import chart
from router.rehearse.compare import changes
from router.rehearse.engine import Rehearsal
from router.rehearse.generate import generate
from router.rehearse.labels import labels
from router.rehearse.measure import figures
from router.rehearse.page import page
from router.rehearse.sides import Sides
from router.rehearse.svg import Panel, element, steps, text, thinned
from tests.router.rehearse.test_quick import policy, shop

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CUT = """() => { const whole = document.querySelector('svg').getBoundingClientRect();
  return [...document.querySelectorAll('svg text')].map(one => [one.textContent, one.getBoundingClientRect()])
    .filter(([, box]) => box.left < whole.left || box.right > whole.right + 1 || box.bottom > whole.bottom)
    .map(([words]) => words) }"""
COLOURS = """() => [document.body, document.querySelector('svg .name')].map(one => getComputedStyle(one))
  .map((style, place) => place ? style.fill : style.backgroundColor)"""


@pytest.fixture(scope="module")
def sides() -> Sides:
    day = generate(shop(conversations=300), 1)
    old, new = (Rehearsal(day, policy(name)).run() for name in ("old.toml", "new.toml"))
    return Sides(old, new, figures(old, 60), figures(new, 60), "<old>", "new & more", 60, "Asia/Tokyo", day.begin_ms)


@pytest.mark.browser
@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
async def test_nothing_is_cut_off(sides: Sides, language: str, scheme: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(sides, changes(sides.old, sides.new), labels(language), language), "utf-8")
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = await browser.new_page(color_scheme=scheme, viewport={"width": 420, "height": 900})  # type: ignore[arg-type]
        await shown.goto(file.as_uri())
        assert await shown.evaluate(CUT) == []
        assert await shown.evaluate("document.documentElement.scrollWidth") <= 420
        ground, ink = await shown.evaluate(COLOURS)
        assert (ground, ink) == (
            ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
            if scheme == "light"
            else ("rgb(20, 24, 28)", "rgb(232, 235, 238)")
        )
        assert await shown.get_by_role("img", name=labels(language)["title"]).count() == 1
        await browser.close()


def test_names_cannot_break_the_picture(sides: Sides) -> None:
    made = chart(sides, labels("en"), "en")
    assert "&lt;old&gt;" in made
    assert "<old>" not in made
    assert "new &amp; more" in made


def test_small_parts_of_pictures() -> None:
    assert steps(0) == [0, 1]
    assert steps(7) == [0, 2, 4, 6, 8]
    assert steps(113) == [0, 50, 100, 150]
    assert text("a<b", 1, 2.0, class_="x", text_anchor=None) == '<text x="1" y="2" class="x">a&lt;b</text>'
    assert element("g") == "<g/>"
    points = [(float(number), 0.0) for number in range(1000)]
    assert (len(thinned(points, 10)), thinned(points, 10)[0], thinned(points, 10)[-1]) == (11, points[0], points[-1])
    assert Panel(0, 0, 100, 176, left=38).at((0.5, 1.0)) == (63.0, 32.0)
