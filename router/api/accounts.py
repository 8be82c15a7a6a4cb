"""Accounts: which channels there are and how they do."""

from __future__ import annotations

from router.api.call import Call
from router.api.paging import Page
from router.api.services import AccountHealth


async def list_accounts(call: Call) -> Page[AccountHealth]:
    """Every account; which is broken, since when and why."""
    found = await call.services.accounts() if call.services.accounts is not None else ()
    return Page(tuple(found))
