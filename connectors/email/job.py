"""What the worker process is given."""

from __future__ import annotations

import msgspec

from connectors.email.inbound import Envelope, Mailbox


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A mail to be read."""

    raw: bytes
    envelope: Envelope
    mailbox: Mailbox
