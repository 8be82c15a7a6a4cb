"""Outcomes: a closed vocabulary that carries data, so that the host can act and an agent can understand."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from connectors.api.request import ProviderRequest, Response
from contracts.inbound import Inbound
from contracts.message import Problem

ProblemKind = Literal[
    "config",
    "unreachable",
    "throttled",
    "rejected",
    "recipient_gone",
    "opted_out",
    "window_closed",
    "too_large",
    "unsupported",
    "bad_answer",
]


class Kind(msgspec.Struct, frozen=True):
    """What a problem kind means to the host: try again? whose fault? does the account stop?"""

    retryable: bool
    fault: Literal["ours", "theirs", "customer", "config"]
    sentence: str


KINDS: Final[dict[str, Kind]] = {
    "config": Kind(False, "config", "The channel is not set up rightly; an administrator has to look at it."),
    "unreachable": Kind(True, "theirs", "The channel could not be reached."),
    "throttled": Kind(True, "theirs", "The channel asked us to slow down."),
    "rejected": Kind(False, "ours", "The channel refused the message."),
    "recipient_gone": Kind(False, "customer", "This address does not exist any more."),
    "opted_out": Kind(False, "customer", "The customer does not accept messages from us on this channel."),
    "window_closed": Kind(False, "ours", "The channel no longer allows an answer to this customer."),
    "too_large": Kind(False, "ours", "The message is too large for the channel."),
    "unsupported": Kind(False, "ours", "The channel cannot carry this kind of content."),
    "bad_answer": Kind(True, "theirs", "The channel gave an answer that makes no sense."),
}


def problem(kind: ProblemKind, detail: str | None = None, code: str | None = None) -> Problem:
    """A problem of a kind, with the provider's own words and code added."""
    known = KINDS[kind]
    sentence = known.sentence if detail is None else f"{known.sentence} ({detail})"
    return Problem(kind, sentence, known.retryable, known.fault, code)


# -- of verify ------------------------------------------------------------------------------------------------------


class Verified(msgspec.Struct, frozen=True):
    """The request is the provider's."""


class Refused(msgspec.Struct, frozen=True):
    """It is not, and why (logged, never told to the caller)."""

    reason: str
    status: int = 401
    renew: str | None = None
    """It may be theirs all the same: this supply is missing or old. It is fetched, and ``verify`` asked once more."""


# -- of parse -------------------------------------------------------------------------------------------------------


class Batch(msgspec.Struct, frozen=True):
    """What a payload said, in order. ``raws`` is parallel to ``events``: each event's own piece of the payload.

    ``blobs``: attachment id to bytes, for attachments that came within the payload; the host stores them first.
    ``ignored``: why anything in the payload was passed over. ``invite``: the address of a customer who asks to go on
    elsewhere; ``Connector.invited`` tells them.
    """

    events: tuple[Inbound, ...] = ()
    raws: tuple[bytes, ...] = ()
    blobs: dict[str, bytes] = {}
    ignored: tuple[str, ...] = ()
    response: Response = Response()
    invite: str | None = None


class Ignored(msgspec.Struct, frozen=True):
    """A genuine payload with nothing in it for us; answered as given."""

    reason: str
    response: Response = Response()


class Malformed(msgspec.Struct, frozen=True):
    """A payload that cannot be understood. When it was verified it is set aside with its bytes and answered 200."""

    reason: str
    status: int = 400


Parsed = Batch | Ignored | Malformed


# -- of interpret, deliver ------------------------------------------------------------------------------------------


class Sent(msgspec.Struct, frozen=True):
    """The provider took it; its ids for the message, in order. ``delivered`` when it is there already."""

    provider_ids: tuple[str, ...] = ()
    delivered: bool = False


class Failed(msgspec.Struct, frozen=True):
    """It was not sent. ``retry_after_s``: what the provider asked for. ``fallback``: another call may do (LINE's push
    after a spent reply token): the host renders again without the token. ``person``: with ``throttled``, it is this
    customer's limit (Telegram's chat, WhatsApp's pair rate), not the account's: nobody else is held up."""

    problem: Problem
    retry_after_s: float | None = None
    fallback: bool = False
    person: bool = False


class Uncertain(msgspec.Struct, frozen=True):
    """Nobody knows whether it was sent."""

    reason: str


Outcome = Sent | Failed | Uncertain


class Then(msgspec.Struct, frozen=True):
    """It went well so far, and this call has to follow in its place; its answer is interpreted in turn. For what takes
    several calls of which each needs the answer before it (an upload), and for an address that has moved. What the
    next one has to know beside the answer is in ``ProviderRequest.memo``."""

    request: ProviderRequest


# -- of read_quota --------------------------------------------------------------------------------------------------


class Quota(msgspec.Struct, frozen=True):
    """How many messages of the provider's quota are used; ``limit`` None: there is none. ``period``: of what."""

    used: int
    limit: int | None = None
    period: str = "month"
