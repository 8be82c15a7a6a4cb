"""WhatsApp's error codes, and what they mean here. They come as answers, and later with the status ``failed``."""

from __future__ import annotations

from typing import Final

from connectors.meta.graph import ACCOUNT, AGAIN, REJECTED, SLOWER, Codes, Meaning

CODES: Final[Codes] = {
    130429: SLOWER,                            # the number's messages a second
    130472: REJECTED,                          # the customer is part of an experiment of Meta's
    130497: REJECTED,                          # not to that country
    131000: AGAIN,                             # something went wrong
    131005: ACCOUNT,                           # permission
    131008: REJECTED,                          # a parameter is missing
    131009: REJECTED,                          # a parameter is wrong
    131016: AGAIN,                             # overloaded
    131021: REJECTED,                          # sender and recipient are the same
    131026: Meaning("recipient_gone"),         # not on WhatsApp, too old, or does not accept us
    131031: ACCOUNT,                           # the account is locked
    131042: ACCOUNT,                           # payment
    131045: ACCOUNT,                           # the number's certificate
    131047: Meaning("window_closed"),          # more than 24 hours: only a template
    131048: REJECTED,                          # too many were blocked or reported as spam
    131049: REJECTED,                          # Meta keeps marketing back from this customer
    131050: Meaning("opted_out"),              # no marketing, the customer said
    131051: Meaning("unsupported"),            # the type of message
    131052: REJECTED,                          # their media cannot be had
    131053: REJECTED,                          # our media cannot be had
    131056: Meaning("throttled", 6.0, True),   # too many to the same customer
    131057: AGAIN,                             # maintenance
    131062: Meaning("unsupported"),            # authentication templates need a phone number
    132000: REJECTED, 132001: REJECTED, 132005: REJECTED, 132007: REJECTED, 132012: REJECTED,
    132015: REJECTED, 132016: REJECTED,        # templates: parameters, name, length, policy, paused, disabled
    133004: AGAIN,                             # the server is away for a moment
    133010: ACCOUNT,                           # the number is not registered
}  # fmt: skip
