"""A header block as text: names, values, encoded words (RFC 2047) and parameters (RFC 2231), Japanese or broken.

Written for this job because the standard library's header parser is quadratic on hostile input, raises on malformed
ids, and silently garbles raw 8-bit and ISO-2022-JP headers. Everything here is linear and total.
"""

from __future__ import annotations

import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from connectors.email.charset import decode, sniff
from connectors.email.limits import HEADER_BYTES, TooMuch

WORD: Final = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.S)
_PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))', re.S)
_SECTION: Final = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]+)>")
_UNSAFE: Final = re.compile(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Headers(msgspec.Struct):
    """The fields of one block in order: lower-case name and raw value, unfolded but not yet decoded."""

    fields: list[tuple[str, bytes]]
    guessed: bool = False
    """A value's character set had to be guessed."""

    def raw(self, name: str) -> list[str]:
        """Every value of a field as text, encoded words still in place.

        Raises:
            TooMuch: a value is longer than a header may be.
        """
        return [self._text(name, value) for field, value in self.fields if field == name]

    def first(self, name: str) -> str:
        """The first value of a field, or empty."""
        values = self.raw(name)
        return values[0] if values else ""

    def words(self, name: str) -> str:
        """The first value, decoded for people, on one line."""
        text, guessed = decode_words(self.first(name))
        self.guessed = self.guessed or guessed
        return clean(" ".join(text.split()))

    def ids(self, name: str) -> list[str]:
        """The message ids in a field, in order, without their brackets."""
        return [clean(found) for value in self.raw(name) for found in _MESSAGE_ID.findall(value)]

    def has(self, name: str) -> bool:
        return any(field == name for field, _ in self.fields)

    def _text(self, name: str, value: bytes) -> str:
        if len(value) > HEADER_BYTES:
            raise TooMuch(f"its {name.title()} header is longer than {HEADER_BYTES // 1024} KiB")
        text, guessed = sniff(value)
        self.guessed = self.guessed or guessed
        return text


def read_headers(block: bytes) -> Headers:
    """The fields of a header block; lines that are none are passed over."""
    fields: list[tuple[str, bytes]] = []
    for line in re.split(rb"\r?\n(?![ \t])", block):
        found = _FIELD.match(line)
        if found:
            # Unfolding: the line break goes, the white space stays.
            fields.append((found[1].decode("ascii").lower(), re.sub(rb"[\r\n]", b"", found[2]).strip()))
    return Headers(fields)


def decode_words(text: str) -> tuple[str, bool]:
    """Text with its encoded words decoded, and whether a character set had to be guessed."""
    pieces: list[str] = []
    guessed = False
    pending: tuple[str, bytes] | None = None
    end = 0
    for word in WORD.finditer(text):
        between = text[end : word.start()]
        charset, data = word[1].lower(), _word_bytes(word[2], word[3])
        end = word.end()
        if pending is not None and not between.strip() and pending[0] == charset:
            # A character may be split over two words, so their bytes are joined before decoding.
            pending = (charset, pending[1] + data)
            continue
        guessed |= _flush(pieces, pending)
        pieces.append(between if pending is None or between.strip() else "")
        pending = (charset, data)
    guessed |= _flush(pieces, pending)
    pieces.append(text[end:])
    return "".join(pieces), guessed


def _flush(pieces: list[str], pending: tuple[str, bytes] | None) -> bool:
    if pending is None:
        return False
    text, guessed = decode(pending[1], pending[0])
    pieces.append(text)
    return guessed


def _word_bytes(encoding: str, data: str) -> bytes:
    raw = data.encode("utf-8", "surrogateescape")
    if encoding in "bB":
        return decode_base64(raw)
    return binascii.a2b_qp(raw.replace(b"_", b" "), header=False)


def decode_base64(data: bytes) -> bytes:
    """What can be read of base64, however it was cut or spoiled."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """A structured value such as ``text/plain; charset=x``: its main word in lower case, and its parameters.

    RFC 2231 (charsets, continuations) and, as Outlook does it, encoded words within quotes are decoded.
    """
    main, _, _ = value.partition(";")
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        found = _SECTION.fullmatch(name.lower())
        if found:
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip()
            # Of ``name`` and ``name*`` the latter is the better one; both may be given.
            number = int(found[2]) if found[2] else 0 if found[3] else -1
            sections.setdefault(found[1], {}).setdefault(number, (text, bool(found[3])))
    return main.strip().lower(), {name: _joined(parts) for name, parts in sections.items()}


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    if len(parts) > 1:
        parts = {number: part for number, part in parts.items() if number >= 0}
    ordered = [parts[number] for number in sorted(parts)]
    if not any(encoded for _, encoded in ordered):
        return clean(decode_words("".join(text for text, _ in ordered))[0])
    charset, _, rest = ordered[0][0].partition("'") if ordered[0][1] else ("", "", ordered[0][0])
    rest = rest.partition("'")[2] if ordered[0][1] and "'" in rest else rest or ordered[0][0]
    data = b"".join(_section_bytes(text, encoded) for text, encoded in [(rest, ordered[0][1]), *ordered[1:]])
    return clean(decode(data, charset)[0])


def _section_bytes(text: str, encoded: bool) -> bytes:
    return unquote_to_bytes(text) if encoded else text.encode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """Text that every encoder takes: no lone surrogates, no control characters but tab and line breaks."""
    return _UNSAFE.sub("", text)
