"""What we give WhatsApp with a message and get back with its statuses: our own id, and the address that we used."""

from __future__ import annotations

from typing import Final

import msgspec

from connectors.api import Outbound

_OURS: Final = "ms_"


class Tracked(msgspec.Struct, frozen=True):
    """The mark's parts; None where there was no mark."""

    message: str | None
    address: str | None


def mark(outbound: Outbound, piece: int) -> str:
    """At most some 200 characters. The address is in it because a status may name the person by their other id."""
    return f"{outbound.message}.{piece} {outbound.reach.address}"


def tracked(data: str | None) -> Tracked | None:
    """What a mark says; None when it is not ours."""
    if data is None or not data.startswith(_OURS):
        return None
    message, _, address = data.partition(" ")
    return Tracked(message, address) if address else None
