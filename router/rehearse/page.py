"""A page about a rehearsal that stands alone: the charts, and every figure as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from router.rehearse.chart import chart
from router.rehearse.compare import Changes
from router.rehearse.sides import Sides
from router.rehearse.svg import element
from router.rehearse.tell import cells_of, changed_lines, groups, name_of, rows

MOST: Final = 500
"""So many conversations are listed."""
STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #59636e; --line: #d9dee3; --ground: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --faint: #a3adb8; --line: #353c44; --ground: #14181c; }
}
body { margin: 0 auto; max-width: 70rem; padding: 1rem; color: var(--ink); background: var(--ground);
  font: 16px/1.5 system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
figure { margin: 0; overflow-x: auto; } svg { width: 100%; min-width: 46rem; height: auto; display: block; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; min-width: 30rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { white-space: nowrap; } thead th { color: var(--faint); font-weight: 500; } tbody th { font-weight: 500; }
"""


def page(sides: Sides, changes: Changes, labels: dict[str, str], language: str) -> str:
    """The whole page."""
    names = (labels["figures"], labels["before"], labels["after"], labels["difference"])
    body = [
        element("h1", _plain(labels["title"])),
        element("p", _plain(_summary(changes, labels))),
        element("figure", chart(sides, labels, language), tabindex=0),
        _table(labels["figures"], names, rows(sides.before, sides.after, sides.within_s, labels)),
    ]
    body += [_groups(name, sides, labels) for name in ("queue", "priority", "class")]
    if changes.all:
        heads = (labels["conversation"], labels["before"], labels["after"])
        body.append(_table(labels["who"], heads, changed_lines(changes.all[:MOST], labels)))
    head = element(
        "head",
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", _plain(labels["title"])),
        element("style", STYLE),
    )
    return f"<!doctype html>\n{element('html', head, element('body', element('main', *body)), lang=language)}\n"


def _summary(changes: Changes, labels: dict[str, str]) -> str:
    if not changes.differing and not changes.waits:
        return labels["same"]
    return labels["changed"].format(
        changed=f"{changes.differing:,}",
        conversations=f"{changes.conversations:,}",
        queues=f"{changes.queues:,}",
        agents=f"{changes.agents:,}",
        ends=f"{changes.ends:,}",
    )


def _groups(dimension: str, sides: Sides, labels: dict[str, str]) -> str:
    heads = [labels[dimension]]
    for name in (labels["conversations"], labels["p50"], labels["p95"], _level(sides, labels), labels["kept"]):
        heads += [f"{name}, {labels['before']}", labels["after"]]
    lines = []
    for pair in groups(dimension, sides.before, sides.after):
        line = [name_of(pair)]
        for cells in zip(*(cells_of(one, labels) for one in pair), strict=True):
            line += cells
        lines.append(line)
    return _table(labels["by"].format(name=labels[dimension]), heads, lines)


def _level(sides: Sides, labels: dict[str, str]) -> str:
    return labels["within"].format(within=f"{sides.within_s:g}")


def _table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = element("tr", *(element("th", _plain(name), scope="col") for name in heads))
    body = []
    for first, *rest in lines:
        cells = (element("td", _plain(cell) or "-") for cell in rest)
        body.append(element("tr", element("th", _plain(first), scope="row"), *cells))
    table = element("table", element("thead", head), element("tbody", *body), aria_label=title)
    return element("h2", _plain(title)) + element(
        "div", table, class_="scroll", tabindex=0, role="region", aria_label=title
    )


def _plain(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
