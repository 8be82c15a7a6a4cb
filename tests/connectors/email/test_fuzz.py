"""Reading is total: whatever the bytes, there is a batch that can be stored, and it is the same the next time."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.email.charset import decode, sniff
from connectors.email.headers import decode_words, parameters
from connectors.email.quotes import cut_history
from connectors.email.text import html_to_text, unflow
from tests.connectors.email.mails import read
from tests.connectors.email.test_corpus import CASES
from tests.connectors.email.test_limits import BOMBS

SEEDS = [case.raw for case in CASES] + [bomb for bomb in BOMBS.values() if len(bomb) < 20_000]
SNIPPETS = [
    b"\r\n\r\n", b"\r\n", b"--b1\r\n", b"--b1--", b"=?utf-8?B?", b"?=", b"\x1b$B", b"\x1b(B", b"\xff", b"\x00", b"(",
    b"<", b'"',
    b";", b"\\", b"Content-Type: multipart/mixed; boundary=b1\r\n", b"charset=", b"filename*0*=", b"%", b"=\r\n",
    b"Content-Type: multipart/report\r\n", b"message/delivery-status", b"<!--", b"&#99999999999;", b"\xed\xa0\x80",
]  # fmt: skip
LABELS = st.sampled_from(
    ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "", "utf-7", "hz", "big5", "x", "utf-16", "idna"]
)


def holds(raw: bytes) -> None:
    batch = read(raw)
    assert batch.events or batch.ignored
    assert msgspec.msgpack.encode(batch) == msgspec.msgpack.encode(read(raw))
    msgspec.json.encode(batch.events)
    for event in batch.events:
        assert event.sender.address


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    holds(raw)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_spoiled_mails(raw: bytes, chance: random.Random) -> None:
    data = bytearray(raw)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 3):
            case 0:
                del data[at : at + chance.randint(1, 60)]
            case 1:
                data[at:at] = chance.choice(SNIPPETS)
            case 2 if at < len(data):
                data[at] = chance.randint(0, 255)
            case _:
                other = chance.choice(SEEDS)
                start = chance.randint(0, len(other))
                data[at:at] = other[start : start + 200]
    holds(bytes(data))


@given(st.binary(max_size=300), LABELS)
def test_decoding_is_total(data: bytes, label: str) -> None:
    assert isinstance(decode(data, label)[0], str)
    assert isinstance(sniff(data)[0], str)


@given(st.text(alphabet=st.characters(), max_size=300))
def test_text_is_total(text: str) -> None:
    words, quoted = cut_history(text)
    assert words.strip() or not text.strip() or quoted is None
    html_to_text(text)
    unflow(text, True)
    decode_words(text)
    parameters(text)


@given(st.text(max_size=60))
def test_japanese_survives_every_common_encoding(text: str) -> None:
    for codec, label in (
        ("cp932", "Shift_JIS"),
        ("iso2022_jp", "ISO-2022-JP"),
        ("euc_jp", "EUC-JP"),
        ("utf-8", "UTF-8"),
    ):
        try:
            data = text.encode(codec)
        except UnicodeEncodeError:
            continue
        if data.decode(codec) == text and "\x1b" not in text and not text.startswith("\ufeff"):
            assert decode(data, label) == (text, False)
