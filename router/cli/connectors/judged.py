"""What the kit's rules came to, as it goes from pytest's process to the command's."""

from __future__ import annotations

from typing import Final

import msgspec

TARGET: Final = "MADOGUCHI_JUDGED"


class Judged(msgspec.Struct):
    """``broken``: the reason by rule; ``kits``: how many classes inherit the kit."""

    passed: int = 0
    kits: int = 0
    broken: dict[str, str] = {}
