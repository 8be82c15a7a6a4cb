"""Slack's signature, version v0: over version, time and the raw body."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from connectors.kit.signatures import equal, hmac_sha256

TOLERANCE_S: Final = 300
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def signature(key: bytes, seconds: str, body: bytes) -> str:
    """The value of ``X-Slack-Signature``."""
    return "v0=" + hmac_sha256(key, b"v0:%s:%s" % (seconds.encode(), body)).hex()


def fault(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """Why these headers (lower-case names) do not prove the body; None when they do."""
    seconds, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature")
    if not _SECONDS.fullmatch(seconds):
        return "x-slack-request-timestamp is missing or no whole number of seconds"
    if abs(now.timestamp() - int(seconds)) > TOLERANCE_S:
        return "x-slack-request-timestamp is too far from now"
    matches = [equal(signature(key, seconds, body).encode(), given) for key in keys]
    return None if any(matches) else "x-slack-signature is missing or wrong"
