"""Slack's text: escaping both ways, and its references (people, channels, links) in plain words."""

from __future__ import annotations

import re
from typing import Final

_REFERENCE: Final = re.compile(r"<([^<>\s][^<>\n]*)>")


def escape(text: str) -> str:
    """Plain words as Slack wants them: nothing in them is a mention, a link or a call to everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The opposite; the ampersand last, so that what was escaped twice is unescaped once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str) -> str:
    """What a reader sees: references by their names, links with their targets."""
    pieces, end = [], 0
    for found in _REFERENCE.finditer(text):
        pieces += [unescape(text[end : found.start()]), _named(found[1])]
        end = found.end()
    return "".join([*pieces, unescape(text[end:])])


def _named(inner: str) -> str:
    target, _, label = inner.partition("|")
    target, label = unescape(target), unescape(label)
    match target[:1]:
        case "@":
            return "@" + (label or target[1:]).removeprefix("@")
        case "#":
            return "#" + (label or target[1:]).removeprefix("#")
        case "!":
            return _special(target[1:], label)
        case _:
            return _link(target, label)


def _special(target: str, label: str) -> str:
    """``<!here>``, ``<!subteam^S1|@team>``, ``<!date^...|words>``."""
    return label or "@" + target.partition("^")[0]


def _link(target: str, label: str) -> str:
    bare = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (target, bare) or target.partition("://")[2] == label:
        return bare if label else target
    return f"{label} ({target})"
