"""Machine reports about mails that we sent: DSN (RFC 3464) and MDN (RFC 8098). Only our own Message-ID is believed."""

from __future__ import annotations

import re
from typing import Final

from connectors.email.address import normal
from connectors.email.headers import Headers, clean, read_headers
from connectors.email.mime import Part
from connectors.email.tokens import OurId, message_id, read_message_id
from contracts.inbound import InboundReceipt, Sender

_STATES: Final = {"failed": "failed", "delivered": "delivered", "relayed": "sent", "expanded": "sent"}
_RECIPIENTS: Final = 50


def read_report(raw: bytes, root: Part, domain: str) -> list[InboundReceipt] | str | None:
    """What a report says of our own message; a reason to pass it over; or None when it is no report of ours."""
    leaves = {leaf.media_type: leaf for leaf in root.leaves()}
    if "message/delivery-status" in leaves:
        ours = _returned_id(raw, leaves, domain)
        return None if ours is None else _deliveries(leaves["message/delivery-status"].body(raw), ours, domain)
    if "message/disposition-notification" in leaves:
        return _reading(leaves["message/disposition-notification"].body(raw), domain)
    return None


def _returned_id(raw: bytes, leaves: dict[str, Part], domain: str) -> OurId | None:
    """Our Message-ID in the returned headers."""
    for media_type in ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"):
        if media_type in leaves:
            headers = read_headers(leaves[media_type].body(raw)[:65536])
            for identifier in headers.ids("message-id"):
                if (ours := read_message_id(identifier, domain)) is not None:
                    return ours
    return None


def _deliveries(status: bytes, ours: OurId, domain: str) -> list[InboundReceipt] | str:
    blocks = [read_headers(block) for block in re.split(rb"\r?\n\r?\n", status)[: _RECIPIENTS + 1]]
    receipts = [receipt for block in blocks if (receipt := _delivery(block, ours, domain)) is not None]
    return receipts or "a report of a mail that is still on its way"


def _delivery(block: Headers, ours: OurId, domain: str) -> InboundReceipt | None:
    state = _STATES.get(block.first("action").strip().lower())
    address = _recipient(block)
    if state is None or address is None:
        return None
    return InboundReceipt(
        sender=Sender(address),
        state=state,
        provider_id=message_id(ours.message, ours.conversation, domain),
        message=ours.message,
        code=clean(block.first("status").strip()[:20]) or None,
        reason=clean(block.words("diagnostic-code")[:500]) or None,
    )


def _recipient(block: Headers) -> str | None:
    for name in ("original-recipient", "final-recipient"):
        address = normal(block.first(name).rpartition(";")[2].strip().strip("<>"))
        if address is not None:
            return address
    return None


def _reading(notification: bytes, domain: str) -> list[InboundReceipt] | str | None:
    headers = read_headers(notification[:65536])
    found = [ours for text in headers.ids("original-message-id") if (ours := read_message_id(text, domain)) is not None]
    if not found:
        return None
    address = _recipient(headers)
    if address is None or "displayed" not in headers.first("disposition").lower():
        return "a notification that says nothing of being read"
    identifier = message_id(found[0].message, found[0].conversation, domain)
    return [InboundReceipt(Sender(address), "read", provider_id=identifier, message=found[0].message)]
