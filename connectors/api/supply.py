"""What an account has to fetch before it can work, and again when it has grown old: access tokens, a provider's keys.

A connector declares the calls; the host makes them when something is needed, keeps what came for as long as it is good,
shares it between all calls of the account, and hands it to ``verify`` (``Request.supplied``) and ``authorise``.
"""

from __future__ import annotations

import msgspec

from connectors.api.request import ProviderRequest


class Supply(msgspec.Struct, frozen=True):
    """Something to be fetched. ``pause_s``: whoever finds it wanting has it fetched anew no sooner than so many seconds
    after the last time, since strangers can make ``verify`` ask for it."""

    name: str
    request: ProviderRequest
    pause_s: float = 30.0


class Supplied(msgspec.Struct, frozen=True):
    """What came. The host takes it for good a little shorter than ``life_s``."""

    value: bytes
    life_s: float

    def __repr__(self) -> str:
        return f"Supplied({len(self.value)} bytes, {self.life_s:g} s)"
