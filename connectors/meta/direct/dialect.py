"""In what Messenger and Instagram differ, as data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.api import Carry, MediaRule, degraded, refused
from connectors.api.manifest import TextUnit
from connectors.meta.graph import Codes
from contracts.content import Part


class Dialect(msgspec.Struct, frozen=True):
    """One account's channel. ``own_id`` is the page's or the Instagram account's id, ``node`` the one that sends."""

    name: str
    object: str
    own_id: str
    node: str
    text_limit: int
    text_unit: TextUnit
    media: Mapping[type[Part], tuple[str, MediaRule]]
    """By kind of part: the attachment's type, and what fits."""
    reactions: Mapping[str, str]
    """Emojis, and what the channel calls them."""
    buttons: int
    """The most buttons under a text; 0 where there are only quick replies."""
    marks: bool
    """Echoes bring back what we gave with the message."""
    types: bool
    """Each send says what kind of message it is."""
    codes: Codes


def carries(media: str, reactions: str) -> dict[str, Carry]:
    """What both can say. ``media`` and ``reactions`` tell what fits."""
    file = Carry("native", f"{media}; otherwise a text with a link")
    return {
        "text": Carry("native"),
        **dict.fromkeys(("image", "audio", "video", "file"), file),
        "location": degraded("a text with a link to a map"),
        "contact_card": degraded("a text"),
        "sticker": degraded("its words"),
        "choice": Carry("native", "13 quick replies of 20 characters when nothing follows; otherwise numbered text"),
        "postback": refused("a postback is the customer's answer; it is never sent"),
        "reaction": Carry("native", f"{reactions}, when the message is known; otherwise the emoji as a text"),
        "template": refused("it has no approved templates of this kind"),
        "call": refused("a call cannot be sent as a message"),
    }  # fmt: skip
