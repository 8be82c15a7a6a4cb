"""Retry-After in both forms."""

from __future__ import annotations

import pytest

from connectors.api import ProviderResponse
from connectors.kit.http import retry_after
from connectors.kit.signatures import decode_base64, equal
from connectors.testing.cases import NOW

DATE = "Mon, 14 Sep 2026 00:00:30 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", "", 7.0), ("0", "", 0.0), (" 9 ", "", 9.0), ("9" * 30, "", 86_400.0), (DATE, "", 30.0),
        (DATE, "Mon, 14 Sep 2026 00:00:10 GMT", 20.0), (DATE, "Mon, 14 Sep 2026 00:01:00 GMT", 0.0),
        ("", "", None), ("soon", "", None), ("-1", "", None), ("1.5", "", None), ("٣", "", None),
        ("Mon, 99 Foo 2026", "", None), ("Mon, 14 Sep 99999 00:00:00 GMT", "", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, date: str, seconds: float | None) -> None:
    response = ProviderResponse(429, {"retry-after": value, "date": date})
    assert retry_after(response, NOW) == seconds


def test_garbage_never_raises() -> None:
    assert not equal(b"abc", "あ\udcff") and not equal(b"abc", None) and not equal(b"abc", b"") and equal(b"abc", "abc")
    assert decode_base64("あ") is None and decode_base64("a") is None and decode_base64("YQ") == b"a"
