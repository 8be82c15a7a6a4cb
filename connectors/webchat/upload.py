"""Files from visitors: what may come in, and the reference by which a later message names one.

The reference carries a proof, ``at_<hash>_<mac>``: the mac covers the visitor, the file's hash, type and size, so a
visitor can refer only to what they themselves uploaded, and nothing is remembered in between.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from typing import Annotated
from urllib.parse import unquote

import msgspec

from connectors.api import Batch, Ignored, Parsed, Request, Response
from connectors.webchat.origin import cors
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.text import clean
from connectors.webchat.token import Tokens
from contracts.attachment import Attachment
from contracts.content import Audio, File, Image, Part, Video

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\Z")
_MAX_NAME = 120

# How the bytes of a type begin, as (offset, bytes). Types without an entry are taken at their word: they are served
# for download only, never shown in a page.
_MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/gif": ((0, b"GIF87a"), (0, b"GIF89a")),
    "image/webp": ((8, b"WEBP"),),
    "image/heic": ((4, b"ftyp"),),
    "image/heif": ((4, b"ftyp"),),
    "application/pdf": ((0, b"%PDF-"),),
    "video/mp4": ((4, b"ftyp"),),
    "video/quicktime": ((4, b"ftyp"), (4, b"moov"), (4, b"wide"), (4, b"mdat"), (4, b"free")),
    "audio/mp4": ((4, b"ftyp"),),
    "video/webm": ((0, b"\x1a\x45\xdf\xa3"),),
    "audio/webm": ((0, b"\x1a\x45\xdf\xa3"),),
    "audio/ogg": ((0, b"OggS"),),
}


class Uploaded(msgspec.Struct, frozen=True):
    """An uploaded file as the client names it afterwards, and as the upload was answered. ``size`` in bytes."""

    id: Annotated[str, msgspec.Meta(max_length=100)]
    media_type: Annotated[str, msgspec.Meta(max_length=130)]
    size: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, msgspec.Meta(max_length=_MAX_NAME)] | None = None


def receive(request: Request, visitor: str, settings: WebchatSettings, tokens: Tokens) -> Parsed:
    """The file in an admitted upload, or why it is not taken (415, 413, 400 for the client, nothing to set aside)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    refusal = _refusal(media_type, request.body, settings)
    if refusal is not None:
        status, reason = refusal
        return Ignored(reason, _answer(request, status, {"error": reason}))
    name = _name(request.headers.get("x-file-name", ""))
    if name is None:
        return Ignored("name", _answer(request, 400, {"error": "name"}))
    sha256 = hashlib.sha256(request.body).hexdigest()
    reference = _reference(tokens, visitor, sha256, media_type, len(request.body))
    taken = Uploaded(reference, media_type, len(request.body), sha256, name or None)
    return Batch(blobs={reference: request.body}, response=_answer(request, 201, taken))


def part_of(uploaded: Uploaded, visitor: str, tokens: Tokens) -> Part | None:
    """The message part for a file that this visitor uploaded; None when they did not."""
    proof = _reference(tokens, visitor, uploaded.sha256, uploaded.media_type, uploaded.size)
    if not hmac.compare_digest(uploaded.id.encode("utf-8", "surrogatepass"), proof.encode()):
        return None
    name = clean(uploaded.name or "").strip() or None
    return _part(Attachment(uploaded.id, name, uploaded.media_type, uploaded.size, uploaded.sha256, "ready"))


def _part(attachment: Attachment) -> Part:
    match attachment.media_type.partition("/")[0]:
        case "image":
            return Image(attachment)
        case "audio":
            return Audio(attachment)
        case "video":
            return Video(attachment)
        case _:
            return File(attachment)


def _refusal(media_type: str, body: bytes, settings: WebchatSettings) -> tuple[int, str] | None:
    if not _MEDIA_TYPE.match(media_type) or media_type not in settings.upload_types:
        return 415, "type"
    if not body:
        return 400, "empty"
    if len(body) > settings.upload_limit:
        return 413, "too_large"
    starts = _MAGIC.get(media_type)
    if starts and not any(body[at : at + len(start)] == start for at, start in starts):
        return 415, "type_mismatch"
    return None


def _name(header: str) -> str | None:
    try:
        name = unquote(header, errors="strict")
        name.encode()
    except UnicodeError:
        return None
    return clean(name).replace("\n", " ").replace("\t", " ").replace("\\", "/").rpartition("/")[2].strip()[:_MAX_NAME]


def _reference(tokens: Tokens, visitor: str, sha256: str, media_type: str, size: int) -> str:
    content = b32encode(bytes.fromhex(sha256)).decode()[:26].lower()
    said = "\x00".join((visitor, sha256, media_type, str(size))).encode("utf-8", "surrogatepass")
    return f"at_{content}_{tokens.mac('upload', said)[:26]}"


def _answer(request: Request, status: int, said: object) -> Response:
    return Response(status, msgspec.json.encode(said), "application/json", cors(request.headers))
