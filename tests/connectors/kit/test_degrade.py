"""What a channel cannot say natively is said in words or refused, never dropped."""

from __future__ import annotations

import msgspec
import pytest

from connectors.api import NATIVE, Failed, Manifest, degraded, refused
from connectors.kit.degrade import pieces_for
from connectors.testing.samples import MEDIA, SAMPLES
from contracts.content import KINDS, Text

WORDS = Manifest(
    name="words", title="Words", title_ja="言葉", channel_class="sms",
    carries={**dict.fromkeys(KINDS, degraded("a text")), "text": NATIVE, "call": refused("no calls here")},
    text_limit=10,
)  # fmt: skip


def words_of(kind: str, manifest: Manifest = WORDS) -> str:
    pieces = pieces_for(msgspec.structs.replace(manifest, text_limit=None), (SAMPLES[kind],), MEDIA)
    assert not isinstance(pieces, Failed)
    assert all(isinstance(piece, Text) for piece in pieces)
    return "\n".join(piece.text for piece in pieces if isinstance(piece, Text))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("image", "写真です\npicture.png\nhttps://media.example.com/at_a_0?expires=1"),
        ("audio", "sound.mp3\nhttps://media.example.com/at_a_1?expires=1"),
        ("file", "お見積書です\n見積書.pdf\nhttps://media.example.com/at_a_3?expires=1"),
        (
            "location",
            "東京駅\n東京都千代田区丸の内1丁目\nhttps://www.google.com/maps/search/?api=1&query=35.681236,139.767125",
        ),
        ("contact_card", "山田花子\n+81312345678\nhanako@example.com"),
        ("sticker", "よろしく"),
        ("choice", "どちらですか\n1. はい\n2. いいえ"),
        ("postback", "はい"),
        ("reaction", "👍"),
        ("template", "order_shipped\nnumber: 1234"),
    ],
)
def test_words(kind: str, words: str) -> None:
    assert words_of(kind) == words


def test_refused_names_the_kind_and_the_reason() -> None:
    failed = pieces_for(WORDS, (Text("x"), SAMPLES["call"]), MEDIA)
    assert isinstance(failed, Failed)
    assert failed.problem.kind == "unsupported"
    assert "call: no calls here" in failed.problem.sentence


def test_an_undeclared_kind_is_refused() -> None:
    failed = pieces_for(msgspec.structs.replace(WORDS, carries={"text": NATIVE}), (SAMPLES["sticker"],), MEDIA)
    assert isinstance(failed, Failed) and "sticker" in failed.problem.sentence


def test_nothing_to_say_is_refused() -> None:
    assert isinstance(pieces_for(WORDS, (Text("  \n"),), MEDIA), Failed)
    assert isinstance(pieces_for(WORDS, (), MEDIA), Failed)


def test_an_attachment_without_a_link_is_refused() -> None:
    assert isinstance(pieces_for(WORDS, (SAMPLES["file"],), {}), Failed)


def test_degraded_texts_are_cut_too() -> None:
    pieces = pieces_for(WORDS, (SAMPLES["choice"],), MEDIA)
    assert not isinstance(pieces, Failed) and len(pieces) > 1


def test_native_parts_stay_as_they_are() -> None:
    manifest = msgspec.structs.replace(WORDS, carries=dict.fromkeys(KINDS, NATIVE), text_limit=None)
    parts = tuple(SAMPLES.values())
    assert pieces_for(manifest, parts, MEDIA) == parts
