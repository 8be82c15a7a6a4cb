"""Signed links to attachments: each opens one file, for a while, without a token."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from contracts.attachment import Attachment

PATH = "/v1/media"
"""The API answers there."""
WEEK_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and checks links. ``lifetime_s``: how long one opens, in seconds."""

    key: bytes = field(repr=False)
    public_url: str = ""
    lifetime_s: int = 3_600

    def url(self, attachment: Attachment, now: float | None = None) -> str | None:
        """A link to the attachment's bytes; None while they are not here."""
        if attachment.sha256 is None or attachment.state in ("pending_scan", "failed"):
            return None
        expires = int(time.time() if now is None else now) + self.lifetime_s
        return self.url_until(attachment, attachment.sha256, expires)

    def lasting_url(self, attachment: Attachment, at: float, now: float) -> str | None:
        """A link for a message of the time ``at``: the same for every attempt at sending it within days, since a
        provider takes a repeat only when it is the same to the byte. It opens for a week or longer."""
        if attachment.sha256 is None or attachment.state in ("pending_scan", "failed"):
            return None
        weeks = max(0.0, now + self.lifetime_s - at) // WEEK_S + 1
        return self.url_until(attachment, attachment.sha256, int(at) + int(weeks) * WEEK_S)

    def url_until(self, attachment: Attachment, sha256: str, expires: int) -> str:
        """The link that opens until ``expires``, seconds since 1970."""
        name = attachment.name or attachment.id
        signature = self.sign(sha256, name, attachment.media_type, expires)
        query = {"name": name, "type": attachment.media_type, "expires": expires, "signature": signature}
        return f"{self.public_url}{PATH}/{sha256}?{urlencode(query, errors='replace')}"

    def sign(self, sha256: str, name: str, media_type: str, expires: int) -> str:
        """The signature over all of a link's facts, in hex."""
        said = "\x00".join((sha256, name, media_type, str(expires))).encode("utf-8", "replace")
        return hmac.new(self.key, said, hashlib.sha256).hexdigest()
