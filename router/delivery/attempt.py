"""One attempt to send one message through its connector."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from connectors.api import Connector, Failed, Outbound, Outcome, ProviderRequest, Sent, Then, Uncertain, problem
from connectors.kit.http import retry_after
from contracts.message import Problem
from router.accounts import Account
from router.delivery.gate import Held, Turn

_MOST_STEPS: Final = 16
"""Calls that one call may become."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of it. ``done``: pieces that are sent, of this and earlier attempts; ``ids``: what the provider calls
    those of this attempt, whatever came of the rest."""

    outcome: Outcome
    done: int
    ids: tuple[str, ...] = ()
    used_token: bool = False


async def attempt(account: Account, outbound: Outbound, turn: Turn) -> Attempted:
    """Sends what is left of the message. Never raises for what a connector or a provider does."""
    if type(account.connector).deliver is not Connector.deliver:
        return await _by_own_transport(account, outbound, turn)
    tried = await _by_http(account, outbound, turn)
    if isinstance(tried.outcome, Failed) and tried.outcome.fallback and outbound.token is not None:
        again = msgspec.structs.replace(outbound, token=None, done=tried.done)
        retried = await _by_http(account, again, turn)
        return Attempted(retried.outcome, retried.done, tried.ids + retried.ids, used_token=True)
    return tried


async def _by_own_transport(account: Account, outbound: Outbound, turn: Turn) -> Attempted:
    await turn.call()
    try:
        outcome = await account.connector.deliver(outbound)
    except Exception as error:
        # Its own transport may have got the message out before it failed.
        outcome = Uncertain(f"the connector failed: {type(error).__name__}")
    if outcome is None:
        return await _by_http(account, outbound, turn)
    await turn.learn(outcome)
    if isinstance(outcome, Sent):
        return Attempted(outcome, len(outbound.pieces), outcome.provider_ids)
    return Attempted(outcome, outbound.done)


async def _by_http(account: Account, outbound: Outbound, turn: Turn) -> Attempted:
    try:
        requests = account.connector.render(outbound)
    except Exception as error:
        return Attempted(Failed(problem("rejected", f"the connector failed: {type(error).__name__}")), outbound.done)
    if isinstance(requests, Failed):
        return Attempted(requests, outbound.done)
    ids: tuple[str, ...] = ()
    done, used = outbound.done, False
    delivered = False
    for request in requests:
        outcome = await _call(account, request, turn)
        used = used or request.uses_token
        if not isinstance(outcome, Sent):
            return Attempted(outcome, done, ids, used)
        ids += outcome.provider_ids
        delivered = outcome.delivered
        done += request.covers
    return Attempted(Sent(ids, delivered), done, ids, used)


async def _call(account: Account, request: ProviderRequest, turn: Turn) -> Outcome:
    """What came of a call and of those that had to follow it."""
    for _ in range(_MOST_STEPS):
        try:
            await turn.call()
        except Held as held:
            return Failed(again_later(held.problem), held.again_s)
        outcome = await _outcome(account, request)
        if not isinstance(outcome, Then):
            await turn.learn(outcome)
            return outcome
        request = outcome.request
    return Uncertain("the connector wanted ever more calls")


async def _outcome(account: Account, request: ProviderRequest) -> Outcome | Then:
    response = await account.http.call(request)
    try:
        outcome = account.connector.interpret(request, response)
    except Exception as error:
        return Uncertain(f"the connector could not read the answer: {type(error).__name__}")
    if isinstance(outcome, Failed) and outcome.retry_after_s is None and outcome.problem.kind == "throttled":
        # Whatever the connector looked at, the header counts, in both its forms.
        return msgspec.structs.replace(outcome, retry_after_s=retry_after(response, datetime.now(UTC)))
    return outcome


def again_later(why: Problem) -> Problem:
    """The reason for which the gate is closed, for a message that has not been tried: it will be."""
    return msgspec.structs.replace(why, retryable=True)
