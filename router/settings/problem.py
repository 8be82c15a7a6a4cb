"""What can be wrong with a configuration, as data and as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Where something stands: ``("agents", 0, "name")``."""


def dotted(path: Path) -> str:
    """For people: ``agents[0].name``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what would be right. ``file`` may be an environment variable too."""

    path: Path
    cause: str
    remedy: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        spot = (f"line {self.line}" if self.line else None, f"column {self.column}" if self.column else None)
        told = ", ".join(part for part in (self.file, *spot) if part)
        where = f"{told}: " if told else ""
        what = f"{dotted(self.path)}: {self.cause}" if self.path else self.cause
        return f"{where}{what}; {self.remedy}" if self.remedy else f"{where}{what}"


class SettingsError(Exception):
    """The configuration cannot be used; ``problems`` has everything that is wrong with it. ``settings``: what was read,
    when each value by itself is good, so that whoever looks for mistakes can look on."""

    def __init__(self, problems: Sequence[Problem], settings: Any = None) -> None:
        self.settings = settings
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
