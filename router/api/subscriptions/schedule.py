"""When a failed delivery is tried again: the schedule that Standard Webhooks gives as its example, about three days."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import Final

DELAYS_S: Final = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Before the first attempt, the second, and so on."""
JITTER: Final = 0.1
_MOST_RETRY_AFTER_S: Final = 86_400.0


def delay(attempts: int, chance: float, retry_after_s: float | None = None) -> float | None:
    """Seconds until the next attempt after this many failed ones, or None when it is given up.

    ``chance`` is from 0 to 1 and spreads by a tenth either way; the endpoint's ``Retry-After`` can only make it longer.
    """
    if attempts >= len(DELAYS_S):
        return None
    planned = DELAYS_S[attempts] * (1 - JITTER + 2 * JITTER * chance)
    return max(planned, min(retry_after_s or 0.0, _MOST_RETRY_AFTER_S))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds in a ``Retry-After`` header, a number or a date; None when there is none that makes sense."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
