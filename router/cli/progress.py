"""How far something long has come, on stderr: nothing for what is quick."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_FIRST_S = 2.0
_EVERY_S = 1.0


class Progress:
    """On a terminal one line that changes, elsewhere a line every ten seconds."""

    def __init__(self, name: str, out: TextIO | None = None) -> None:
        self._name = name
        self._out = out or sys.stderr
        self._every_s = _EVERY_S if self._out.isatty() else 10 * _EVERY_S
        self._next = time.monotonic() + _FIRST_S
        self._shown = False

    def told(self, done: int, total: int) -> None:
        """So much of so much."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every_s
            self._say(f"{self._name}: {done * 100 // max(total, 1)} %")

    def done(self) -> None:
        """Takes the line away again."""
        if self._shown and self._out.isatty():
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _say(self, line: str) -> None:
        self._shown = True
        self._out.write(f"\r\x1b[K{line}" if self._out.isatty() else f"{line}\n")
        self._out.flush()
