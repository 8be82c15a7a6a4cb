"""Files that agents send: uploaded first, then named in a message's parts."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import msgspec

from contracts.attachment import Attachment
from contracts.ids import ATTACHMENT, digest
from router.api.body import gather
from router.api.call import Call
from router.api.problems import ApiError
from router.media.store import MediaError

MOST_BYTES: Final = 25 * 1024 * 1024
"""What the largest of the channels takes."""
READ_TIMEOUT_S: Final = 60.0
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,60}")


class UploadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``name``: the file's name, as the customer sees it."""

    name: str | None = None


async def upload(call: Call) -> Attachment:
    """Keeps the body's bytes; the answer goes into a part of a message (``image``, ``file`` ...) as ``attachment``.

    Raises:
        ApiError: 400 no bytes, 413 too many, 408 too slow, 415 without a media type, 503 they cannot be kept.
    """
    media_type = call.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise ApiError(415, "the file's media type is missing", expected="Content-Type: image/png, for example")
    data = await _read(call)
    if call.services.media is None:
        raise ApiError(503, "this installation keeps no files")
    try:
        sha256 = await call.services.media.put(data)
    except MediaError as error:
        raise ApiError(503, str(error), retryable=True) from None
    name = call.query.name
    return Attachment(f"{ATTACHMENT}_{digest(sha256, name or '')}", name, media_type, len(data), sha256, "ready")


async def _read(call: Call) -> bytes:
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            data = await gather(call.request, MOST_BYTES)
    except TimeoutError:
        raise ApiError(408, f"the file did not arrive within {READ_TIMEOUT_S:.0f} seconds") from None
    if not data:
        raise ApiError(400, "the body is empty; it is the file's bytes")
    return data
