"""Twilio's error codes, and what they mean here. They come as answers, and later with a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.api.outcome import ProblemKind

LATER_S: Final = 30.0
"""How long to wait where Twilio does not say."""


class Meaning(msgspec.Struct, frozen=True):
    """What a code stands for, and that in words for an agent."""

    kind: ProblemKind
    words: str
    after_s: float | None = None


Codes = Mapping[int, Meaning]

SHARED: Final[Codes] = {
    20003: Meaning("config", "the credentials are wrong, or the account is suspended"),
    20404: Meaning("config", "there is nothing of that name in this account"),
    20429: Meaning("throttled", "too many requests at once", LATER_S),
    20500: Meaning("unreachable", "an error inside Twilio"),
    20503: Meaning("unreachable", "Twilio is not available"),
    21211: Meaning("recipient_gone", "the number is not valid"),
    21212: Meaning("config", "our own number is not valid"),
}  # fmt: skip
"""What the whole of Twilio's API means by them."""

MESSAGING: Final[Codes] = {
    **SHARED,
    14107: Meaning("throttled", "too many messages at once", LATER_S),
    21408: Meaning("config", "the account may not send to that country"),
    21606: Meaning("config", "our number cannot send messages"),
    21608: Meaning("config", "a trial account sends only to numbers that were verified"),
    21610: Meaning("opted_out", "the customer has written STOP"),
    21611: Meaning("throttled", "the queue of our number is full", 600.0),
    21612: Meaning("rejected", "there is no route from our number to this one"),
    21614: Meaning("recipient_gone", "the number is not a mobile telephone's"),
    21617: Meaning("too_large", "more than 1,600 characters"),
    21620: Meaning("rejected", "the file's address is not valid"),
    30001: Meaning("unreachable", "the queue was full"),
    30002: Meaning("config", "the account is suspended"),
    30003: Meaning("unreachable", "the telephone is off or out of reach"),
    30004: Meaning("opted_out", "the customer or the carrier blocks us"),
    30005: Meaning("recipient_gone", "the number is unknown, or not in service"),
    30006: Meaning("recipient_gone", "a landline, or a carrier that cannot be reached"),
    30007: Meaning("rejected", "filtered by the carrier or by Twilio"),
    30008: Meaning("unreachable", "the carrier gives no reason"),
    30410: Meaning("unreachable", "the carrier did not answer in time"),
    63003: Meaning("recipient_gone", "there is no such address on the channel"),
    63005: Meaning("rejected", "the channel did not accept the content"),
    63007: Meaning("config", "there is no sender of ours on the channel"),
    63010: Meaning("unreachable", "an error inside the channel"),
    63012: Meaning("unreachable", "the channel's provider has an error"),
    63013: Meaning("rejected", "it breaks the channel's policy"),
    63015: Meaning("rejected", "the customer has not joined the sandbox"),
    63016: Meaning("window_closed", "more than 24 hours: only a template"),
    63018: Meaning("throttled", "the channel's rate limit", LATER_S),
    63019: Meaning("rejected", "the file could not be fetched"),
    63024: Meaning("recipient_gone", "the customer is not on the channel"),
    63032: Meaning("rejected", "the customer is part of an experiment of Meta's"),
    63033: Meaning("opted_out", "the customer blocks us"),
    63038: Meaning("config", "the account's daily limit of messages is reached"),
    63041: Meaning("rejected", "the template is paused or disabled"),
}  # fmt: skip


def words_of(codes: Codes, code: int | None) -> str | None:
    """A code in words; None when it is not in the table."""
    known = codes.get(code) if code is not None else None
    return None if known is None else known.words
