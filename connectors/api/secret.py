"""Secrets that do not show themselves."""

from __future__ import annotations


class Secret(str):
    """Text that ``repr``, logs and tracebacks show as stars. Use it as a ``str``; ``bytes`` for a key in UTF-8.

    It is a ``str`` for msgspec's sake: the settings loader turns the fields annotated with it into secrets.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The text itself."""
        return "".join(self)

    def key(self) -> bytes:
        """The text as UTF-8 bytes, for an HMAC."""
        return self.reveal().encode("utf-8")
