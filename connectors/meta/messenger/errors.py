"""Messenger's error codes, and what they mean here."""

from __future__ import annotations

from typing import Final

from connectors.meta.graph import ACCOUNT, AGAIN, REJECTED, Codes, Meaning

CODES: Final[Codes] = {
    (1, 1357046): Meaning("unreachable", unclear=True),  # given although the message was sent
    (10, 2018065): Meaning("window_closed"),
    (10, 2018278): Meaning("window_closed"),
    (10, 2018108): Meaning("opted_out"),                 # the person cannot be written to: blocked, or gone for us
    (100, 2018001): Meaning("recipient_gone"),           # no such person
    (100, 2018047): REJECTED,                            # the attachment is of another type than we said
    (200, 1545041): Meaning("opted_out"),                # the person is not available
    551: Meaning("opted_out"),                           # the person is not available
    1200: AGAIN,
    10900: REJECTED,                                     # this cannot be answered
    10903: REJECTED,
    10904: ACCOUNT,                                      # the page's messages are switched off
}  # fmt: skip
