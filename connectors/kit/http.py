"""What HTTP answers say, where the interface's own defaults are not enough."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from connectors.api import Failed, Outcome, ProviderRequest, ProviderResponse, default_interpret

LONGEST_WAIT_S: Final = 86_400.0


def retry_after(response: ProviderResponse, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, at most a day; None without one that makes sense.

    A date is counted from the answer's own ``Date``, so that two clocks need not agree, or else from ``now``.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT_S)
    until = _date(value)
    start = _date(response.headers.get("date", "")) or now
    if until is None or start is None:
        return None
    return min(max((until - start).total_seconds(), 0.0), LONGEST_WAIT_S)


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """HTTP's usual meanings, with both forms of ``Retry-After``."""
    outcome = default_interpret(request, response)
    if not isinstance(outcome, Failed) or response.failure is not None:
        return outcome
    return msgspec.structs.replace(outcome, retry_after_s=retry_after(response))


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
