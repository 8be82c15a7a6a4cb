"""Our messages into calls of the Send API, and what it answers into outcomes. Pure.

Each message is a call of its own, and there is no idempotency key: a lost answer is uncertain until the echo comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from connectors.api import Failed, Outbound, Outcome, ProviderRequest, ProviderResponse, Sent, problem
from connectors.kit.json import BadJson, read
from connectors.meta import graph
from connectors.meta.direct.dialect import Dialect
from connectors.meta.direct.inbound import WINDOW
from connectors.meta.direct.messages import Body, bodies_of
from connectors.meta.direct.settings import DirectSettings

AGENT_WINDOW: Final = timedelta(days=7)
"""How long after their last message a person may be answered by people."""


class Accepted(msgspec.Struct, frozen=True):
    """The answer to a send; without a message id to a reaction."""

    message_id: str | None = None


_accepted: Final = msgspec.json.Decoder(Accepted)


def render(settings: DirectSettings, dialect: Dialect, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """The calls for what is left of the message."""
    if outbound.extra:
        return Failed(problem("unsupported", f"provider_extra: {dialect.name} takes none"))
    kind = _kind(settings, dialect, outbound)
    if isinstance(kind, Failed):
        return kind
    calls: list[ProviderRequest] = []
    end = len(outbound.pieces) - 1
    for piece in range(outbound.done, len(outbound.pieces)):
        bodies = bodies_of(outbound, outbound.pieces[piece], piece == end, dialect)
        if isinstance(bodies, Failed):
            return bodies
        for place, body in enumerate(bodies):
            said = {**kind, **_marked(outbound, piece, body, dialect)} if "message" in body else body
            whole = {"recipient": {"id": outbound.reach.address}, **said}
            covers = int(place == len(bodies) - 1)
            calls.append(graph.post(settings, f"{graph.segment(dialect.node)}/messages", whole, covers=covers))
    return calls


def interpret(dialect: Dialect, request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What the answer means; see the tables in the channels' READMEs."""
    if response.failure is None and 200 <= response.status < 300:
        accepted = read(response.body, _accepted)
        known = None if isinstance(accepted, BadJson) else accepted.message_id
        return Sent(() if known is None else (known,))
    return graph.failure_of(dialect.codes, request, response)


def _kind(settings: DirectSettings, dialect: Dialect, outbound: Outbound) -> dict[str, str] | Failed:
    """What kind of message it is: an answer, or a person's late answer, which only people may give."""
    until = outbound.reach.reply.window_expires_at if outbound.reach.reply is not None else None
    if until is None or outbound.now < until:
        return {"messaging_type": "RESPONSE"} if dialect.types else {}
    if settings.human_agent and not outbound.automatic and outbound.now < until - WINDOW + AGENT_WINDOW:
        return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return Failed(problem("window_closed"))


def _marked(outbound: Outbound, piece: int, body: Body, dialect: Dialect) -> dict[str, Any]:
    """The body with what the echo brings back, and with the message that is answered."""
    message = {**body["message"], "metadata": f"{outbound.message}.{piece}"} if dialect.marks else body["message"]
    answered = {"reply_to": {"mid": outbound.reply_to}} if outbound.reply_to is not None and piece == 0 else {}
    return {**body, "message": message, **answered}
