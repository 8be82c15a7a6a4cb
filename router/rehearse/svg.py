"""A small writer of SVG: elements as text, and panels with axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]


def element(name: str, *inside: str, **attributes: object) -> str:
    """An element. A trailing ``_`` of an attribute's name falls away, other ones become dashes; None leaves it out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{''.join(inside)}</{name}>" if inside else f"<{name}{said}/>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    return element("text", escape(words), x=x, y=y, **attributes)


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Tick:
    """``at``: from 0 (left or below) to 1 (right or above)."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart with its place on the picture. Points of lines and bars are parts of its width and height."""

    x: float
    y: float
    width: float
    height: float
    left: float = 56
    """Room for the labels of the upright axis."""

    def drawn(self, title: str, across: str, *inside: str) -> str:
        """With its title above and what the level axis says below."""
        return element(
            "g",
            text(title, 0, 16, class_="title"),
            *inside,
            text(across, self.left + self._wide / 2, self.height - 6, class_="axis", text_anchor="middle"),
            transform=f"translate({_plain(self.x)} {_plain(self.y)})",
        )

    @property
    def _wide(self) -> float:
        return self.width - self.left - 12

    @property
    def _high(self) -> float:
        return self.height - 76

    def at(self, point: Point) -> Point:
        """Where a point lies on the picture, within the panel."""
        return (self.left + point[0] * self._wide, 32 + (1 - point[1]) * self._high)

    def axes(self, across: Iterable[Tick], up: Iterable[Tick]) -> str:
        lines = []
        for tick in up:
            x, y = self.at((0, tick.at))
            lines.append(element("line", x1=x, x2=x + self._wide, y1=y, y2=y, class_="grid"))
            lines.append(text(tick.label, x - 8, y + 4, text_anchor="end"))
        for tick in across:
            x, y = self.at((tick.at, 0))
            lines.append(element("line", x1=x, x2=x, y1=y, y2=y + 4, class_="edge"))
            lines.append(text(tick.label, x, y + 18, text_anchor="middle"))
        left, low = self.at((0, 0))
        lines.append(element("line", x1=left, x2=left + self._wide, y1=low, y2=low, class_="edge"))
        return "".join(lines)

    def line(self, points: Sequence[Point], kind: str) -> str:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self.at, points))
        return element("polyline", points=path, class_=f"line {kind}") if points else ""

    def bar(self, name: str, share: float, place: float, thick: float, kind: str) -> str:
        """Lying; ``place`` is its upper edge from 0 (above) to 1. Its value stands at its end."""
        x, y = self.at((0, 1 - place))
        wide = share * self._wide
        inside = wide > self._wide - 60
        label = text(
            name, x + wide + (-5 if inside else 5), y + thick * self._high / 2 + 4, class_="inside" if inside else None,
            text_anchor="end" if inside else "start",
        )  # fmt: skip
        return element("rect", x=x, y=y, width=max(wide, 0.5), height=thick * self._high, class_=kind) + label


def steps(highest: float, most: int = 5) -> list[float]:
    """Round numbers from 0 up to at least ``highest``."""
    size = 1.0
    for factor in _factors():
        size = factor
        if size * most >= highest:
            break
    count = max(int(-(-highest // size)), 1)
    return [size * number for number in range(count + 1)]


def _factors() -> Iterable[float]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def thinned(points: Sequence[Point], most: int, key: Callable[[Point], float] = lambda point: point[0]) -> list[Point]:
    """At most about so many of them, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    size = len(points) / most
    found = [points[int(number * size)] for number in range(most)]
    return [*found, points[-1]]
