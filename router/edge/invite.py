"""Invitations to go on elsewhere: a short code, and links that open another channel with the code in hand."""

from __future__ import annotations

import secrets
import time
from datetime import datetime

import msgspec

from contracts.codec import moment
from router.accounts import Accounts
from router.domain import handover
from router.edge.history import History
from router.shards.invites import Invites


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True):
    """``code``: to be typed or read out on another channel; ``links``: by account name."""

    code: str
    expires_at: datetime
    links: dict[str, str] = {}


class Inviter:
    """Makes invitations. ``lifetime_s``: how long one is good, in seconds."""

    def __init__(
        self, accounts: Accounts, invites: Invites, history: History, key: bytes, *, lifetime_s: int = 900
    ) -> None:
        self._accounts = accounts
        self._invites = invites
        self._history = history
        self._key = key
        self._lifetime_s = lifetime_s

    async def invite_identity(self, identity: str) -> Invitation | None:
        """For the contact of an identity; None when nobody ever wrote with it."""
        contact = await self._history.contact_of(identity)
        return None if contact is None else await self.invite(contact)

    async def invite(self, contact: str, conversation: str | None = None) -> Invitation:
        """For a contact. The code is good once, for one identity.

        Raises:
            StoreError: the store is away.
        """
        expires_ms = (int(time.time()) + self._lifetime_s) * 1000
        token = handover.issue(self._key, contact, conversation, secrets.token_hex(8), expires_ms)
        code = await self._invites.keep(token, self._lifetime_s)
        return Invitation(code, moment(expires_ms), self._links(code))

    def _links(self, code: str) -> dict[str, str]:
        links = {name: account.connector.handover_link(code) for name, account in self._accounts.items()}
        return {name: link for name, link in links.items() if link is not None}
