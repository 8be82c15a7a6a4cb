"""One sample of every content kind, and texts at the edges."""

from __future__ import annotations

from typing import Final

from connectors.api import MediaLink
from contracts.attachment import Attachment
from contracts.content import (
    Audio,
    Call,
    Choice,
    ContactCard,
    File,
    Image,
    Location,
    Option,
    Part,
    Postback,
    Reaction,
    Sticker,
    Template,
    Text,
    Video,
)

CLUSTERS: Final = ("a", "あ", "😀", "👩‍👩‍👧‍👦", "🇯🇵", "が", "e\u0301\u0323", "हिन्दी"[:4], "한")
"""What a reader sees as one character each (the Hindi one as two)."""


def _media(identifier: str, name: str, media_type: str) -> tuple[Attachment, MediaLink]:
    attachment = Attachment(identifier, name, media_type, 1_000, "0" * 64, "ready")
    return attachment, MediaLink(f"https://media.example.com/{identifier}?expires=1", name, media_type, 1_000)


_FILES: Final = {
    "image": _media("at_a_0", "picture.png", "image/png"),
    "audio": _media("at_a_1", "sound.mp3", "audio/mpeg"),
    "video": _media("at_a_2", "film.mp4", "video/mp4"),
    "file": _media("at_a_3", "見積書.pdf", "application/pdf"),
}

MEDIA_KINDS: Final = tuple(_FILES)

MEDIA: Final = {attachment.id: link for attachment, link in _FILES.values()}

SAMPLES: Final[dict[str, Part]] = {
    "text": Text("こんにちは"),
    "image": Image(_FILES["image"][0], "写真です"),
    "audio": Audio(_FILES["audio"][0], 2_000),
    "video": Video(_FILES["video"][0], 3_000, "動画です"),
    "file": File(_FILES["file"][0], "お見積書です"),
    "location": Location(35.681236, 139.767125, "東京駅", "東京都千代田区丸の内1丁目"),
    "contact_card": ContactCard("山田花子", ("+81312345678",), ("hanako@example.com",)),
    "sticker": Sticker("446", "1988", "よろしく"),
    "choice": Choice("どちらですか", (Option("はい", "yes"), Option("いいえ", "no"))),
    "postback": Postback("yes", "はい"),
    "reaction": Reaction("ms_a", "👍"),
    "template": Template("order_shipped", "ja", {"number": "1234"}),
    "call": Call("missed"),
}


def text_of(units: int) -> str:
    """A text of many scripts with about that many code points and no place that is good for cutting."""
    return ("".join(CLUSTERS) * (units // 20 + 1))[:units]
