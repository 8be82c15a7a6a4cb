"""Packing commands, in C. hiredis types its argument as a tuple of one; here it is what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import hiredis

Argument = bytes | str | int

pack = cast(Callable[[tuple[Argument, ...]], bytes], hiredis.pack_command)
