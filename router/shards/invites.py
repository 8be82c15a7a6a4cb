"""Hand-over codes short enough to be typed or read out: each stands for a signed token, for a while."""

from __future__ import annotations

import secrets
from typing import Final

from contracts.streams import LAYOUT
from router.store.store import Store

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: nothing that looks like something else


class Invites:
    """Keeps which code stands for which token. A code is only a name: the token is what is checked, and used once."""

    def __init__(self, store: Store) -> None:
        self._lane = store.lane("invites", durable=True)

    async def keep(self, token: str, lifetime_s: int) -> str:
        """A new code for the token, like ``MG-7K3F-9Q2M``; forgotten after ``lifetime_s`` seconds.

        Raises:
            StoreError: the store is away.
        """
        while True:
            code = f"MG-{_word()}-{_word()}"
            if await self._lane.call(_key(code), "SET", _key(code), token, "NX", "EX", lifetime_s) is not None:
                return code

    async def token(self, code: str) -> str | None:
        """The token that a code stands for; None when there is no such code any more."""
        found: bytes | None = await self._lane.call(_key(code), "GET", _key(code))
        return None if found is None else found.decode("ascii")


def _key(code: str) -> str:
    return f"{LAYOUT}:invite:{code}"


def _word() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(4))
