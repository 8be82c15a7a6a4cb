"""Slack's names of the emoji that people react with most, both ways; others keep Slack's name between colons."""

from __future__ import annotations

from typing import Final

_NAMES: Final = {
    "+1": "👍", "-1": "👎", "heart": "❤️", "tada": "🎉", "eyes": "👀", "white_check_mark": "✅", "pray": "🙏",
    "clap": "👏", "joy": "😂", "smile": "😄", "grinning": "😀", "slightly_smiling_face": "🙂", "thinking_face": "🤔",
    "open_mouth": "😮", "cry": "😢", "sob": "😭", "rage": "😡", "fire": "🔥", "rocket": "🚀", "100": "💯",
    "raised_hands": "🙌", "wave": "👋", "ok_hand": "👌", "muscle": "💪", "bow": "🙇", "x": "❌", "question": "❓",
    "exclamation": "❗", "star": "⭐", "sweat_smile": "😅", "sunglasses": "😎", "heavy_check_mark": "✔️",
}  # fmt: skip
_ALIASES: Final = {"thumbsup": "+1", "thumbsdown": "-1"}
_BY_EMOJI: Final = {emoji.rstrip("\ufe0f"): name for name, emoji in _NAMES.items()}


def shown(name: str) -> str:
    """The emoji of a name; the tone of skin is left out."""
    base = name.partition("::")[0]
    return _NAMES.get(_ALIASES.get(base, base), f":{base}:")


def named(emoji: str) -> str | None:
    """The name of an emoji, or of a name between colons; None: Slack's name is not known."""
    if len(emoji) > 2 and emoji[0] == emoji[-1] == ":":
        return emoji[1:-1]
    return _BY_EMOJI.get(emoji.rstrip("\ufe0f"))
