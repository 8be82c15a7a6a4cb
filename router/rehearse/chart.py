"""Both policies' days in four charts, as one SVG picture that stands alone: light or dark as whoever looks has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import log10
from typing import Final

from router.domain.hours.zone import zone
from router.rehearse.outcome import Outcome
from router.rehearse.sides import Sides
from router.rehearse.svg import Panel, Point, Tick, element, steps, text, thinned
from router.rehearse.tell import groups, name_of, percent

WIDTH: Final = 1080
HEIGHT: Final = 760
POINTS: Final = 300
BARS: Final = 8
"""So many queues are shown, the largest first."""
TIMES: Final = (
    (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3_600, "1 h"), (36_000, "10 h"),
)  # fmt: skip
JAPANESE_TIMES: Final = ("1秒", "10秒", "1分", "10分", "1時間", "10時間")

# Blue and vermilion of Okabe and Ito, told apart by all eyes; one line is dashed besides.
STYLE: Final = """
.rehearsal { --ink: #1b1f24; --faint: #59636e; --grid: #d9dee3; --ground: #ffffff;
  --before: #0072b2; --after: #c04e00; }
@media (prefers-color-scheme: dark) {
  .rehearsal { --ink: #e8ebee; --faint: #a3adb8; --grid: #353c44; --ground: #14181c;
    --before: #56b4e9; --after: #f0a330; }
}
.rehearsal text { fill: var(--faint);
  font: 13px system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", sans-serif; }
.rehearsal .title { font-size: 15px; font-weight: 600; fill: var(--ink); }
.rehearsal .name { fill: var(--ink); }
.rehearsal .ground { fill: var(--ground); }
.rehearsal .inside { fill: var(--ground); font-weight: 600; }
.rehearsal .grid { stroke: var(--grid); }
.rehearsal .edge { stroke: var(--faint); }
.rehearsal .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.rehearsal .line.before { stroke: var(--before); stroke-dasharray: 7 4; }
.rehearsal .line.after { stroke: var(--after); }
.rehearsal rect.before { fill: var(--before); }
.rehearsal rect.after { fill: var(--after); }
"""


def chart(sides: Sides, labels: dict[str, str], language: str) -> str:
    """The picture."""
    half = (WIDTH - 60) / 2
    high = (HEIGHT - 90) / 2
    panels = (
        _waits(Panel(20, 70, half, high), sides, labels, language),
        _line(Panel(40 + half, 70, half, high), sides, labels),
        _within(Panel(20, 80 + high, half, high, left=110), sides, labels),
        _occupancy(Panel(40 + half, 80 + high, half, high), sides, labels),
    )
    return element(
        "svg",
        element("title", _escaped(labels["title"]), id="rehearsal-title"),
        element("desc", _escaped(description(sides, labels)), id="rehearsal-about"),
        element("style", STYLE),
        element("rect", width=WIDTH, height=HEIGHT, class_="ground"),
        _legend(sides, labels),
        *panels,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="rehearsal",
        role="img",
        aria_labelledby="rehearsal-title rehearsal-about",
        lang=language,
    )


def description(sides: Sides, labels: dict[str, str]) -> str:
    """What can be seen, in words."""
    said = [f"{labels['before']}: {sides.before_name}. {labels['after']}: {sides.after_name}."]
    within = labels["within"].format(within=f"{sides.within_s:g}")
    said.append(f"{within}: {percent(sides.before.all.within)}, {percent(sides.after.all.within)}.")
    old, new = sides.before.occupancy.overall, sides.after.occupancy.overall
    return " ".join((*said, f"{labels['occupancy']}: {percent(old)}, {percent(new)}."))


def _legend(sides: Sides, labels: dict[str, str]) -> str:
    found = [text(labels["title"], 20, 28, class_="title")]
    for place, (kind, name) in enumerate((("before", sides.before_name), ("after", sides.after_name))):
        x = 20 + place * (WIDTH / 2 - 20)
        found.append(element("polyline", points=f"{x:.0f},48 {x + 34:.0f},48", class_=f"line {kind}"))
        found.append(text(f"{labels[kind]}: {name}", x + 42, 52, class_="name"))
    return "".join(found)


# -- the four ----------------------------------------------------------------------------------------------------------


def _waits(panel: Panel, sides: Sides, labels: dict[str, str], language: str) -> str:
    """Which part of all conversations had an agent by when; time goes in powers of ten."""
    longest = max(10.0, *(group.longest_s or 0 for group in (sides.before.all, sides.after.all)))
    span = log10(longest)
    names = JAPANESE_TIMES if language == "ja" else tuple(name for _, name in TIMES)
    across = [
        Tick(log10(second) / span, name) for (second, _), name in zip(TIMES, names, strict=True) if second <= longest
    ]
    lines = [
        panel.line(_shares(outcome, span), kind) for kind, outcome in (("before", sides.old), ("after", sides.new))
    ]
    return panel.drawn(labels["chart_waits"], labels["axis_time"], panel.axes(across, _percents()), *lines)


def _shares(outcome: Outcome, span: float) -> list[Point]:
    waits = sorted(life.wait_ms for life in outcome.lives if life.wait_ms is not None)
    total = len(outcome.lives)
    reached = [(max(log10(max(wait, 1_000) / 1000), 0.0) / span, place / total) for place, wait in enumerate(waits, 1)]
    points = thinned(reached, POINTS)
    return [*points, (1.0, len(waits) / total)] if points else []


def _line(panel: Panel, sides: Sides, labels: dict[str, str]) -> str:
    """How many customers waited over the day."""
    begin, end = sides.begin_ms, max(sides.old.end_ms, sides.begin_ms + 1)
    ups = steps(max((one.waiting for outcome in (sides.old, sides.new) for one in outcome.moments), default=0))
    up = [Tick(value / ups[-1], f"{value:,.0f}") for value in ups]
    lines = [
        panel.line(
            thinned([((one.at_ms - begin) / (end - begin), one.waiting / ups[-1]) for one in outcome.moments], POINTS),
            kind,
        )
        for kind, outcome in (("before", sides.old), ("after", sides.new))
    ]
    axis = labels["axis_clock"].format(zone=sides.zone)
    return panel.drawn(labels["chart_line"], axis, panel.axes(_clock(begin, end, sides.zone), up), *lines)


def _clock(begin_ms: int, end_ms: int, name: str) -> list[Tick]:
    """Full hours, or days, about eight of them."""
    hours = (end_ms - begin_ms) / 3_600_000
    every = next((each for each in (1, 2, 3, 6, 12) if hours / each <= 9), 24)
    first = datetime.fromtimestamp(begin_ms / 1000, zone(name)).replace(minute=0, second=0, microsecond=0)
    first -= timedelta(hours=first.hour % every)
    found: list[Tick] = []
    for number in range(int(hours / every) + 2):
        moment = first + timedelta(hours=number * every)
        at = (moment.timestamp() * 1000 - begin_ms) / (end_ms - begin_ms)
        if 0 <= at <= 1 and len(found) < 40:
            found.append(Tick(at, moment.strftime("%m-%d" if every == 24 else "%H:%M")))
    return found if len(found) <= 10 else found[:: -(-len(found) // 9)]


def _within(panel: Panel, sides: Sides, labels: dict[str, str]) -> str:
    """A bar for each queue under either policy."""
    pairs = groups("queue", sides.before, sides.after)
    pairs.sort(key=lambda pair: -max(one.conversations for one in pair if one is not None))
    shown = pairs[:BARS]
    thick = 0.36 / max(len(shown), 1)
    bars = []
    for place, pair in enumerate(shown):
        name = name_of(pair)
        x, y = panel.at((0, 1 - (place + 0.5) / len(shown)))
        bars.append(text(_short(name), x - 8, y + 4, text_anchor="end", class_="name"))
        for row, (kind, one) in enumerate(zip(("before", "after"), pair, strict=True)):
            if one is not None and one.within is not None:
                upper = (place + 0.12) / len(shown) + row * thick * 1.05
                bars.append(panel.bar(percent(one.within), one.within, upper, thick, kind))
    title = labels["chart_within"].format(within=f"{sides.within_s:g}")
    return panel.drawn(title, labels["axis_share"], panel.axes(_percents(), ()), *bars)


def _occupancy(panel: Panel, sides: Sides, labels: dict[str, str]) -> str:
    lines = [
        panel.line(_sorted([one.occupancy for one in outcome.agents if one.occupancy is not None]), kind)
        for kind, outcome in (("before", sides.old), ("after", sides.new))
    ]
    return panel.drawn(
        labels["chart_occupancy"],
        f"{labels['axis_agents']} ({sides.after.occupancy.agents:,})",
        panel.axes((), _percents()),
        *lines,
    )


def _sorted(shares: Sequence[float]) -> list[Point]:
    ordered = sorted(shares)
    last = max(len(ordered) - 1, 1)
    return thinned([(place / last, min(share, 1.0)) for place, share in enumerate(ordered)], POINTS)


def _percents() -> list[Tick]:
    return [Tick(value / 100, f"{value} %") for value in (0, 25, 50, 75, 100)]


def _short(name: str) -> str:
    return name if len(name) <= 13 else name[:12] + "…"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")
