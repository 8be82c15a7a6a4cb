"""One attempt to send one message through its connector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.api import Connector, Failed, Outbound, Outcome, ProviderRequest, Sent, Then, Uncertain, problem
from router.accounts import Account

_MOST_STEPS: Final = 16
"""Calls that one call may become."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of it. ``done``: pieces that are sent, of this and earlier attempts."""

    outcome: Outcome
    done: int
    used_token: bool = False


async def attempt(account: Account, outbound: Outbound) -> Attempted:
    """Sends what is left of the message. Never raises for what a connector or a provider does."""
    if type(account.connector).deliver is not Connector.deliver:
        await account.paced()
    try:
        outcome = await account.connector.deliver(outbound)
    except Exception as error:
        # Its own transport may have got the message out before it failed.
        return Attempted(Uncertain(f"the connector failed: {type(error).__name__}"), outbound.done)
    if outcome is not None:
        return Attempted(outcome, len(outbound.pieces) if isinstance(outcome, Sent) else outbound.done)
    tried = await _by_http(account, outbound)
    if isinstance(tried.outcome, Failed) and tried.outcome.fallback and outbound.token is not None:
        again = msgspec.structs.replace(outbound, token=None, done=tried.done)
        retried = await _by_http(account, again)
        return Attempted(retried.outcome, retried.done, used_token=True)
    return tried


async def _by_http(account: Account, outbound: Outbound) -> Attempted:
    try:
        requests = account.connector.render(outbound)
    except Exception as error:
        return Attempted(Failed(problem("rejected", f"the connector failed: {type(error).__name__}")), outbound.done)
    if isinstance(requests, Failed):
        return Attempted(requests, outbound.done)
    ids: list[str] = []
    done, used = outbound.done, False
    for request in requests:
        outcome = await _call(account, request)
        used = used or request.uses_token
        if not isinstance(outcome, Sent):
            return Attempted(outcome, done, used)
        ids.extend(outcome.provider_ids)
        done += request.covers
    return Attempted(Sent(tuple(ids)), done, used)


async def _call(account: Account, request: ProviderRequest) -> Outcome:
    """What came of a call and of those that had to follow it."""
    for _ in range(_MOST_STEPS):
        await account.paced()
        response = await account.http.call(request)
        try:
            outcome = account.connector.interpret(request, response)
        except Exception as error:
            return Uncertain(f"the connector could not read the answer: {type(error).__name__}")
        if not isinstance(outcome, Then):
            return outcome
        request = outcome.request
    return Uncertain("the connector wanted ever more calls")
