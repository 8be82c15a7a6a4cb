"""The Messenger connector: what it declares, and in what it differs from Instagram."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from connectors.api import ChoiceRule, Manifest, MediaRule, ProviderRequest
from connectors.meta import graph
from connectors.meta.direct.connector import DirectConnector
from connectors.meta.direct.dialect import Dialect, carries
from connectors.meta.direct.messages import LABEL, MOST_REPLIES
from connectors.meta.messenger.errors import CODES
from connectors.meta.messenger.settings import MessengerSettings
from contracts.content import Audio, File, Image, Video

TEXT_LIMIT: Final = 2_000
"""Meta does not say in what unit; UTF-16 units are on the safe side of characters."""
MEGABYTE: Final = 1_048_576
ANY: Final = MediaRule((), 25 * MEGABYTE)
PICTURES: Final = MediaRule(("image/jpeg", "image/png", "image/gif", "image/webp"), 8 * MEGABYTE)
REACTIONS: Final = {"❤": "love", "😆": "smile", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like", "👎": "dislike"}


class MessengerConnector(DirectConnector[MessengerSettings]):
    """One Facebook page."""

    Settings = MessengerSettings
    simulator = "connectors.meta.messenger.simulator:MessengerSimulator"
    profile_fields = "first_name,last_name,profile_pic"
    manifest = Manifest(
        name="messenger",
        title="Messenger",
        title_ja="Messenger",
        channel_class="chat",
        carries=carries("by an HTTPS link, up to 25 MB, images 8 MB", "seven emojis"),
        text_limit=TEXT_LIMIT,
        text_unit="utf16",
        caption_limit=0,
        media={"image": PICTURES, "audio": ANY, "video": ANY, "file": ANY},
        choices=ChoiceRule(options=MOST_REPLIES, label=LABEL, text=TEXT_LIMIT),
        receipts=("sent", "delivered", "read"),
        reply_window_s=86_400,
        agent_window_s=7 * 86_400,
        rate_per_second=300.0,
        typing=True,
        read_marks=True,
        profile_lookup=True,
        max_body=4 * MEGABYTE,
    )

    @staticmethod
    def dialect_of(settings: Any) -> Dialect:
        return Dialect(
            name="Messenger",
            object="page",
            own_id=settings.page_id,
            node=settings.page_id,
            text_limit=TEXT_LIMIT,
            text_unit="utf16",
            media={Image: ("image", PICTURES), Audio: ("audio", ANY), Video: ("video", ANY), File: ("file", ANY)},
            reactions=REACTIONS,
            buttons=3,
            marks=True,
            types=True,
            codes=CODES,
        )

    def probe_request(self) -> ProviderRequest:
        return graph.get(self.settings, graph.segment(self.settings.page_id), fields="id,name")

    def handover_link(self, text: str) -> str:
        """The code comes as ``ref`` when the conversation is opened, and stands ready to be sent as well."""
        page = self.settings.page_username or self.settings.page_id
        return f"https://m.me/{graph.segment(page)}?{urlencode({'ref': text, 'text': text})}"
