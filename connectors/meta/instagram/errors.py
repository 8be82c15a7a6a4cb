"""Instagram's error codes, and what they mean here."""

from __future__ import annotations

from typing import Final

from connectors.meta.graph import ACCOUNT, SLOWER, Codes, Meaning

CODES: Final[Codes] = {
    (10, 1893063): ACCOUNT,                     # the account is restricted
    (10, 2018278): Meaning("window_closed"),
    (10, 2534022): Meaning("window_closed"),
    (100, 2534014): Meaning("recipient_gone"),  # no such person
    (200, 2534041): ACCOUNT,                    # access to messages is switched off in the account's settings
    551: Meaning("opted_out"),                  # the person does not receive messages from us
    (613, 2534040): SLOWER,
}  # fmt: skip
