"""Bytes to text as their writer meant them. Labels lie, and Python's codecs lack what Japanese mail uses.

``shift_jis`` means cp932 in mail (with ① and ㈱), ``iso-2022-jp`` carries NEC and IBM characters and half-width kana
that no codec of Python's reads, and unknown labels are common. Every function here is total.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

_CP932: Final = (
    "shift_jis",
    "shift-jis",
    "sjis",
    "x-sjis",
    "windows-31j",
    "x-ms-cp932",
    "cp943c",
    "cp932",
    "ms932",
    "ms_kanji",
    "csshiftjis",
    "cswindows31j",
    "windows-932",
    "shift_jisx0213",
)
_JIS: Final = (
    "iso-2022-jp",
    "iso2022jp",
    "iso-2022-jp-ms",
    "iso-2022-jp-1",
    "iso-2022-jp-2",
    "iso-2022-jp-3",
    "iso-2022-jp-ext",
    "csiso2022jp",
    "cp50220",
    "cp50221",
    "cp50222",
    "jis",
)
_EUC: Final = ("euc-jp", "eucjp", "x-euc-jp", "euc_jp", "eucjp-ms", "eucjpms", "ujis", "cseucpkdfmtjapanese", "cp51932")

_WIDER: Final = {
    # What the label says, and the superset that its users mean.
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "big5": "cp950",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "utf8mb4": "utf-8",
    "utf8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
} | dict.fromkeys(_CP932, "cp932")

# Only codecs that turn bytes into text in linear time: punycode, idna, rot13 and their kind are codecs too.
_ALLOWED: Final = re.compile(
    r"utf-(7|8|8-sig|16|16-le|16-be|32|32-le|32-be)|iso8859-\d+|cp(037|437|7\d\d|8\d\d|9\d\d|10\d\d|12\d\d)"
    r"|koi8-[rut]|gb18030|gbk|gb2312|big5|big5hkscs|euc_kr|johab|iso2022_kr|hz|mac-[a-z-]+|mac_[a-z_]+|tis-620|ptcp154"
)

_ESCAPE: Final = re.compile(rb"(\x1b\$\(?[@BD]|\x1b\([BJI]|\x0e|\x0f|\r?\n)")
_MODES: Final = {b"\x1b$@": 2, b"\x1b$B": 2, b"\x1b$(@": 2, b"\x1b$(B": 2, b"\x1b$(D": 3, b"\x1b(I": 1, b"\x0e": 1}


def decode(data: bytes, label: str | None) -> tuple[str, bool]:
    """The text, and whether its character set had to be guessed."""
    name = (label or "").strip(" \t\r\n\"'").lower()
    if data.isascii() and b"\x1b" not in data and name not in ("utf-7", "utf-16", "utf-16le", "utf-16be", "hz"):
        return data.decode("ascii"), False
    if name in _JIS and (text := decode_jis(data)) is not None:
        return text, False
    if name in _EUC and (text := _decode_euc(data)) is not None:
        return text, False
    return _decode_named(data, _codec(name))


def sniff(data: bytes) -> tuple[str, bool]:
    """The text of bytes without a label; UTF-8 and ISO-2022-JP prove themselves, the rest is a guess."""
    if b"\x1b$" in data or b"\x1b(" in data:
        text = decode_jis(data)
        if text is not None:
            return text, False
    if (text := _strict(data, "utf-8")) is not None:
        return text, False
    japanese = _guess_japanese(data)
    if japanese is not None:
        return japanese, True
    # A few broken bytes within UTF-8 are no reason to turn all of it into mojibake.
    rough = data.decode("utf-8", "replace")
    if _mostly_right(rough, data):
        return rough, True
    return data.decode("latin-1"), True


def decode_jis(data: bytes) -> str | None:
    """ISO-2022-JP as mail uses it; None when the bytes are something else."""
    if not data.isascii():
        return None
    return _strict(data, "iso2022_jp") or _transcode_jis(data)


def _transcode_jis(data: bytes) -> str:
    """By JIS -> Shift_JIS arithmetic and cp932, which knows the NEC and IBM characters (cp50221's behaviour)."""
    pieces: list[str] = []
    mode = 0
    for token in _ESCAPE.split(data):
        if token.startswith(b"\x1b") or token in (b"\x0e", b"\x0f"):
            mode = _MODES.get(token, 0)
        elif token in (b"\n", b"\r\n"):
            mode = 0
            pieces.append(token.decode("ascii"))
        elif token:
            pieces.append(_in_mode(token, mode))
    return "".join(pieces)


def _in_mode(token: bytes, mode: int) -> str:
    if mode == 0:
        return token.decode("ascii", "replace")
    if mode == 1:
        return bytes(byte | 0x80 for byte in token).decode("cp932", "replace")
    if mode == 3:
        return b"".join(b"\x8f" + bytes((j | 0x80, k | 0x80)) for j, k in _pairs(token)).decode("euc_jp", "replace")
    return b"".join(shift_jis(j, k) for j, k in _pairs(token)).decode("cp932", "replace")


def _pairs(token: bytes) -> Iterator[tuple[int, int]]:
    token = bytes(byte for byte in token if 0x21 <= byte <= 0x7E)
    return zip(token[::2], token[1::2], strict=False)


def shift_jis(j: int, k: int) -> bytes:
    """The Shift_JIS bytes of a two-byte JIS character (both 0x21 to 0x7e)."""
    row = (j - 0x21) // 2
    high = 0x81 + row if row < 0x1F else 0xC1 + row
    if j % 2:
        low = k + 0x1F if k < 0x60 else k + 0x20
    else:
        low = k + 0x7E
    return bytes((high, low))


def _decode_euc(data: bytes) -> str | None:
    """EUC-JP with NEC's row 13 and IBM's characters (eucJP-ms); None when the bytes are something else."""
    text = _strict(data, "euc_jp")
    if text is not None:
        return text
    pieces: list[str] = []
    for token in re.findall(rb"[\x00-\x7f]+|\x8f..|\x8e.|[\xa1-\xfe][\xa1-\xfe]|.", data, re.S):
        piece = _strict(token, "euc_jp") or _euc_pair(token)
        if piece is None:
            return None
        pieces.append(piece)
    return "".join(pieces)


def _euc_pair(token: bytes) -> str | None:
    if len(token) != 2 or token[0] < 0xA1:
        return None
    return _strict(shift_jis(token[0] & 0x7F, token[1] & 0x7F), "cp932")


def _codec(name: str) -> str | None:
    wider = _WIDER.get(name, name)
    if wider in ("", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "8bit", "binary", "default", "_iso-2022-jp$esc"):
        return None
    try:
        found = codecs.lookup(wider).name
    except (LookupError, ValueError, UnicodeError):
        return None
    return found if _ALLOWED.fullmatch(found) else None


def _decode_named(data: bytes, codec: str | None) -> tuple[str, bool]:
    if codec is None:
        return sniff(data)[0], not data.isascii()
    if (text := _strict(data, codec)) is not None:
        return text.removeprefix("\ufeff"), False
    rough = data.decode(codec, "replace")
    if _mostly_right(rough, data):
        return rough, True
    return sniff(data)[0], True


def _mostly_right(text: str, data: bytes) -> bool:
    return text.count("\ufffd") * 20 <= sum(byte > 0x7F for byte in data[:100_000])


def _guess_japanese(data: bytes) -> str | None:
    shifted, extended = _strict(data, "cp932"), _decode_euc(data)
    if shifted is None or extended is None:
        return shifted if shifted is not None else extended
    # EUC-JP read as cp932 is a row of half-width kana; nobody writes that way.
    kana = sum("\uff61" <= letter <= "\uff9f" for letter in shifted)
    return extended if kana * 2 > sum(letter > "\x7f" for letter in shifted) else shifted


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None
