"""How long a public post is, as X counts (twitter-text, version 3): Latin letters 1, others and emoji 2, links 23.

What is written like a domain is taken for a link, although X knows which of them are none: never too short a count.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import regex

MOST: Final = 280
LINK: Final = 23
_LIGHT: Final = ((0, 4_351), (8_192, 8_205), (8_208, 8_223), (8_242, 8_247))
_URL: Final = regex.compile(r"https?://[!-~]+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/[!-~]*)?", regex.I)
_CLUSTER: Final = regex.compile(r"\X")
_EMOJI: Final = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3")


def weight(text: str) -> int:
    """Of at most :data:`MOST`."""
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    links = _URL.findall(normal)
    rest = _URL.sub("", normal)
    return LINK * len(links) + sum(_of(cluster) for cluster in _CLUSTER.findall(rest))


def _of(cluster: str) -> int:
    if len(cluster) > 1 and _EMOJI.search(cluster):
        return 2
    return sum(1 if any(low <= ord(letter) <= high for low, high in _LIGHT) else 2 for letter in cluster)
