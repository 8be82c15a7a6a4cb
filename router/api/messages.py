"""One message: itself, the provider's raw payload, and signed links to its attachments."""

from __future__ import annotations

from aiohttp import web

from contracts.attachment import Attachment
from contracts.content import attachments_of
from contracts.message import Message
from router.api import find
from router.api.call import Call
from router.api.links import Link, link_to
from router.api.problems import ApiError, not_found
from router.media.store import MediaStore


async def get_message(call: Call) -> Message:
    return await find.message(call.services, call.path("id"), call.path("message"))


async def get_attachment(call: Call) -> Link:
    """A link that opens the attachment for a few minutes, for whoever has it."""
    message = await find.message(call.services, call.path("id"), call.path("message"))
    return link_to(call.services, _attachment(message, call.path("attachment")))


def _attachment(message: Message, id: str) -> Attachment:
    for attachment in attachments_of(message.parts):
        if attachment.id == id:
            return attachment
    raise not_found("attachment", id)


async def get_raw(call: Call) -> web.StreamResponse:
    """The provider's own bytes, as they came; always a download, never shown."""
    message = await find.message(call.services, call.path("id"), call.path("message"))
    place, _, name = (message.raw or "").partition("/")
    raw = await _from_media(call.services.media, name) if place == "media" else await _from_command(call, place, name)
    if raw is None:
        raise ApiError(404, "the raw payload of this message was not kept, or its retention is over", name="not-found")
    headers = {
        "Content-Disposition": f'attachment; filename="{message.id}.raw"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=raw, content_type="application/octet-stream", headers=headers)


async def _from_command(call: Call, shard: str, entry: str) -> bytes | None:
    if not entry:
        return None
    found: bytes | None = await call.services.state.command_raw(shard, entry)
    return found


async def _from_media(media: MediaStore | None, sha256: str) -> bytes | None:
    pieces = await media.read(sha256) if media is not None else None
    return None if pieces is None else b"".join([piece async for piece in pieces])
