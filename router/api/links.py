"""Signed links to attachments: they open one file, for a few minutes, without a token."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from contracts.attachment import Attachment
from contracts.codec import moment
from router.api.call import Call
from router.api.problems import ApiError
from router.api.services import ApiServices

_SHOWN: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "audio/mpeg", "audio/mp4", "audio/aac", "video/mp4"}
)
"""What a browser may show in place. SVG and HTML are not among them: they can carry scripts."""
_SOON: Final = {"Retry-After": "2"}
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}")


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the file is until ``expires_at``."""

    url: str
    expires_at: datetime
    media_type: str
    name: str | None = None
    size: int | None = None


class LinkQuery(msgspec.Struct, frozen=True):
    """All of it is signed."""

    name: str = ""
    type: str = ""
    expires: int = 0
    signature: str = ""


def link_to(services: ApiServices, attachment: Attachment, now: datetime | None = None) -> Link:
    """A link for an attachment whose bytes are here.

    Raises:
        ApiError: 409 it is still being fetched, 404 it could not be.
    """
    if attachment.state in ("pending", "pending_scan"):
        raise ApiError(409, "the attachment is still being fetched", kind="pending", retryable=True, headers=_SOON)
    if attachment.sha256 is None:
        raise ApiError(404, attachment.problem or "the attachment could not be fetched", name="not-found")
    expires = int((now or datetime.now(UTC)).timestamp()) + services.links.lifetime_s
    url = services.links.url_until(attachment, attachment.sha256, expires)
    return Link(url, moment(expires * 1000), attachment.media_type, attachment.name, attachment.size)


async def get_media(call: Call) -> web.StreamResponse:
    """The file of a signed link. Nothing in it can run: no sniffing, a sandbox, a download unless it is a picture."""
    query: LinkQuery = call.query
    sha256 = call.path("sha256")
    _check(call.services, sha256, query)
    pieces = await call.services.media.read(sha256) if call.services.media and _HASH.fullmatch(sha256) else None
    if pieces is None:
        raise ApiError(404, "the file is not here, or its retention is over", name="not-found")
    answer = web.StreamResponse(headers=_headers(query))
    await answer.prepare(call.request)
    async for piece in pieces:
        await answer.write(piece)
    await answer.write_eof()
    return answer


def _check(services: ApiServices, sha256: str, query: LinkQuery) -> None:
    wanted = services.links.sign(sha256, query.name, query.type, query.expires)
    if not hmac.compare_digest(wanted.encode("ascii"), query.signature.encode("utf-8", "surrogatepass")):
        raise ApiError(403, "this link is not one of ours", name="bad-link")
    if query.expires < datetime.now(UTC).timestamp():
        raise ApiError(410, "this link has expired; ask for a new one", name="link-expired")


def _headers(query: LinkQuery) -> dict[str, str]:
    kind = query.type.lower() if _TYPE.fullmatch(query.type.lower()) else "application/octet-stream"
    shown = "inline" if kind in _SHOWN else "attachment"
    return {
        "Content-Type": kind if shown == "inline" else "application/octet-stream",
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(query.name.encode('utf-8', 'replace'), safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=300",
        "Cross-Origin-Resource-Policy": "same-site",
    }
