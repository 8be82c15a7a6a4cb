"""The Instagram connector: what it declares, and in what it differs from Messenger."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from connectors.api import ChoiceRule, Manifest, MediaRule, ProviderRequest
from connectors.meta import graph
from connectors.meta.direct.connector import DirectConnector
from connectors.meta.direct.dialect import Dialect, carries
from connectors.meta.direct.messages import LABEL, MOST_REPLIES
from connectors.meta.instagram.errors import CODES
from connectors.meta.instagram.settings import InstagramSettings
from contracts.content import Audio, File, Image, Video

TEXT_LIMIT: Final = 1_000
"""In bytes of UTF-8: some 333 Japanese characters."""
MEGABYTE: Final = 1_048_576
PICTURES: Final = MediaRule(("image/jpeg", "image/png", "image/gif"), 8 * MEGABYTE)
SOUNDS: Final = MediaRule(("audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav"), 25 * MEGABYTE)
FILMS: Final = MediaRule(("video/mp4", "video/ogg", "video/quicktime", "video/webm", "video/x-msvideo"), 25 * MEGABYTE)
PAPERS: Final = MediaRule(("application/pdf",), 25 * MEGABYTE)


class InstagramConnector(DirectConnector[InstagramSettings]):
    """One professional account."""

    Settings = InstagramSettings
    simulator = "connectors.meta.instagram.simulator:InstagramSimulator"
    profile_fields = "name,username,profile_pic"
    manifest = Manifest(
        name="instagram",
        title="Instagram",
        title_ja="Instagram",
        channel_class="social",
        carries=carries("JPEG, PNG and GIF up to 8 MB, usual sounds and films and PDF up to 25 MB", "a heart"),
        text_limit=TEXT_LIMIT,
        text_unit="bytes",
        caption_limit=0,
        media={"image": PICTURES, "audio": SOUNDS, "video": FILMS, "file": PAPERS},
        choices=ChoiceRule(options=MOST_REPLIES, label=LABEL, urls=False),
        receipts=("sent", "read"),
        reply_window_s=86_400,
        agent_window_s=7 * 86_400,
        rate_per_second=100.0,
        typing=True,
        read_marks=True,
        profile_lookup=True,
        max_body=4 * MEGABYTE,
    )

    @staticmethod
    def dialect_of(settings: Any) -> Dialect:
        by_page = settings.page_id is not None
        return Dialect(
            name="Instagram",
            object="instagram",
            own_id=settings.account_id,
            node=settings.page_id or settings.account_id,
            text_limit=TEXT_LIMIT,
            text_unit="bytes",
            media={
                Image: ("image", PICTURES),
                Audio: ("audio", SOUNDS),
                Video: ("video", FILMS),
                File: ("file", PAPERS),
            },
            reactions={"❤": "love"},
            buttons=0,
            marks=by_page,
            types=by_page,
            codes=CODES,
        )

    def probe_request(self) -> ProviderRequest:
        if self.settings.page_id is not None:
            return graph.get(self.settings, graph.segment(self.settings.page_id), fields="id,name")
        return graph.get(self.settings, "me", fields="user_id,username")

    def handover_link(self, text: str) -> str | None:
        """The code comes as ``ref`` when the conversation is opened."""
        if self.settings.username is None:
            return None
        return f"https://ig.me/m/{graph.segment(self.settings.username)}?{urlencode({'ref': text})}"
