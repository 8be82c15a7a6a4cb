"""What people type, made safe to pass on. Nothing visible is changed; NFC is for matching only, never for keeping."""

from __future__ import annotations

# C0 except tab and line feed, DEL, and C1: nothing a person types, and much that terminals and logs obey.
_CONTROLS = dict.fromkeys([*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)])


def clean(text: str) -> str:
    """Without control characters; line ends are ``\\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


def size(text: str) -> int | None:
    """Bytes in UTF-8; None with a lone surrogate in it."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None
