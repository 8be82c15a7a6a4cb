"""What an SMTP server's answer means for a mail (RFC 5321, 4.2; RFC 3463)."""

from __future__ import annotations

import re
from typing import Final, Literal

from connectors.api import Failed, problem
from connectors.api.outcome import ProblemKind

Stage = Literal["connect", "mail", "rcpt", "data"]

_ENHANCED: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")

# Where the enhanced code says more than the plain one.
_BY_ENHANCED: Final[dict[str, ProblemKind]] = {
    "5.1.1": "recipient_gone",
    "5.1.2": "recipient_gone",
    "5.1.3": "recipient_gone",
    "5.1.6": "recipient_gone",
    "5.1.10": "recipient_gone",
    "5.2.1": "recipient_gone",
    "5.2.2": "unreachable",
    "5.2.3": "too_large",
    "5.3.4": "too_large",
    "5.1.7": "config",
    "5.1.8": "config",
    "5.7.8": "config",
    "5.7.9": "config",
    "5.7.0": "rejected",
}
_BY_CODE: Final[dict[int, ProblemKind]] = {
    421: "unreachable", 450: "throttled", 451: "throttled", 452: "throttled", 454: "unreachable", 455: "unreachable",
    521: "recipient_gone", 523: "too_large", 530: "config", 534: "config", 535: "config", 538: "config",
    550: "recipient_gone", 551: "recipient_gone", 552: "too_large", 553: "recipient_gone", 556: "recipient_gone",
}  # fmt: skip


def failed(code: int, text: str, stage: Stage) -> Failed:
    """The failure that an answer tells of; ``code`` is the server's, ``stage`` where it was said."""
    enhanced = _ENHANCED.match(text)
    kind = _kind(code, enhanced[1] if enhanced else "", stage)
    return Failed(problem(kind, _words(text), f"{code} {enhanced[1]}" if enhanced else str(code)))


def _kind(code: int, enhanced: str, stage: Stage) -> ProblemKind:
    if code < 500:
        return _BY_CODE.get(code, "unreachable")
    if code in (530, 534, 535, 538):
        return "config"
    exact = _BY_ENHANCED.get(enhanced)
    if exact is not None:
        return exact
    if stage in ("connect", "mail"):
        # The server refuses us or our sender address; every other mail would fare the same.
        return "too_large" if code == 552 else "config"
    if stage == "rcpt" and not enhanced:
        return _BY_CODE.get(code, "rejected")
    return "too_large" if code == 552 else "rejected"


def _words(text: str) -> str:
    """The server's own words on one line, without addresses that it may repeat."""
    return re.sub(r"\S+@\S+", "(address)", " ".join(text.split()))[:200]
