"""What ends a command: told in one sentence, with what to do next."""

from __future__ import annotations


class Failure(Exception):
    """The command found a problem (exit code 1). ``remedy``: what to do next."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(f"{cause}; {remedy}" if remedy else cause)


class Misused(Exception):
    """The command was given wrong arguments (exit code 2)."""
