"""A mail's parts, found on the raw bytes without copying them. Linear, total, and bounded by the limits."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from connectors.email.headers import Headers, decode_base64, parameters, read_headers
from connectors.email.limits import DEPTH, HEADER_BLOCK_BYTES, MESSAGE_BYTES, PARTS, TooMuch

_BLANK: Final = re.compile(rb"(?m)^\r?\n")
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


class Part(msgspec.Struct):
    """One part: its headers, its media type, and either children or a place in the raw mail (``start`` to ``end``)."""

    headers: Headers
    media_type: str
    params: dict[str, str]
    disposition: str
    name: str | None
    start: int
    end: int
    children: list[Part] = []

    @property
    def content_id(self) -> str | None:
        found = self.headers.ids("content-id")
        return found[0] if found else None

    def body(self, raw: bytes) -> bytes:
        """Its bytes, decoded from their transfer encoding as far as that can be done."""
        data = raw[self.start : self.end]
        encoding = self.headers.first("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return decode_base64(data)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(data)
        return data

    def leaves(self) -> Iterator[Part]:
        """The parts without children, in order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def top_headers(raw: bytes) -> Headers:
    """The mail's own headers, as much of them as the limit lets through (for a mail that cannot be read)."""
    return read_headers(raw[: _body_start(raw, 0, min(len(raw), HEADER_BLOCK_BYTES))])


def read_parts(raw: bytes, message_bytes: int = MESSAGE_BYTES) -> Part:
    """The tree of parts.

    Raises:
        TooMuch: a limit is broken.
    """
    if len(raw) > message_bytes:
        raise TooMuch(f"it is larger than {message_bytes // 1024} KiB")
    return _Reader(raw).part(0, len(raw), 0, "text/plain")


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.parts = 0

    def part(self, start: int, end: int, depth: int, default: str) -> Part:
        self.parts += 1
        if depth > DEPTH:
            raise TooMuch(f"its parts are nested more than {DEPTH} deep")
        if self.parts > PARTS:
            raise TooMuch(f"it has more than {PARTS} parts")
        body = _body_start(self.raw, start, min(end, start + HEADER_BLOCK_BYTES))
        if body - start >= HEADER_BLOCK_BYTES:
            raise TooMuch(f"its headers are longer than {HEADER_BLOCK_BYTES // 1024} KiB")
        part = _describe(read_headers(self.raw[start:body]), body, end, default)
        boundary = part.params.get("boundary", "")
        if part.media_type.startswith("multipart/") and boundary:
            inner = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
            part.children = [self.part(at, to, depth + 1, inner) for at, to in self.pieces(body, end, boundary)]
        return part

    def pieces(self, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
        """Where the parts between the boundary lines begin and end; the last line may be missing."""
        line = re.compile(
            rb"(?m)^--" + re.escape(boundary.encode("utf-8", "surrogateescape")[:200]) + rb"(--)?[ \t]*(?:\r?\n|\r?\Z)"
        )
        opened: int | None = None
        for found in line.finditer(self.raw, start, end):
            if opened is not None:
                yield opened, _before_line_break(self.raw, opened, found.start())
            if found[1]:
                return
            opened = found.end()
        if opened is not None:
            yield opened, end


def _describe(headers: Headers, start: int, end: int, default: str) -> Part:
    media_type, params = parameters(headers.first("content-type"))
    disposition, more = parameters(headers.first("content-disposition"))
    media_type = media_type if _TYPE.fullmatch(media_type) else default
    name = more.get("filename") or params.get("name") or None
    return Part(headers, media_type, params, disposition, name, start, end)


def _body_start(raw: bytes, start: int, end: int) -> int:
    found = _BLANK.search(raw, start, end)
    return found.end() if found else end


def _before_line_break(raw: bytes, start: int, at: int) -> int:
    """The line break before a boundary belongs to the boundary."""
    if at > start and raw[at - 1] == 0x0A:
        at -= 1
        if at > start and raw[at - 1] == 0x0D:
            at -= 1
    return at
