"""Our messages into calls of the Bot Connector service, and what it answers into outcomes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.api import (
    Failed,
    Outbound,
    Outcome,
    ProviderRequest,
    ProviderResponse,
    Sent,
    Then,
    Uncertain,
    problem,
)
from connectors.api.outcome import ProblemKind
from connectors.kit.http import interpret as by_status
from connectors.kit.http import retry_after
from connectors.kit.json import BadJson, read
from connectors.teams import payload as teams
from connectors.teams.inbound import provider_id
from connectors.teams.messages import MOST_BYTES, activity_of
from connectors.teams.settings import TeamsSettings
from connectors.teams.token import TOKEN

ENOUGH: Final = 300
"""Characters of their own words that are passed on."""
PERSON: Final = "29:"
"""How the ids of people begin: whoever is written to by it needs a conversation first."""

CODES: Final[dict[str, ProblemKind]] = {
    "ConversationBlockedByUser": "opted_out",
    "BotDisabledByAdmin": "opted_out",
    "ForbiddenOperationException": "opted_out",
    "MessageWritesBlocked": "opted_out",
    "BotNotInConversationRoster": "recipient_gone",
    "ConversationNotFound": "recipient_gone",
    "ActivityNotFoundInConversation": "rejected",
    "MessageSizeTooBig": "too_large",
    "BotNotRegistered": "config",
    "InvalidBotApiHost": "config",
}
"""The service's codes; they count before the status."""
STATUSES: Final[dict[int, ProblemKind]] = {
    400: "rejected",
    401: "config",
    403: "opted_out",
    404: "recipient_gone",
    410: "recipient_gone",
    412: "unreachable",
    413: "too_large",
    502: "unreachable",
    503: "unreachable",
}

_answer: Final = msgspec.json.Decoder(teams.Answer)


class Extra(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What ``provider_extra`` may hold, in Teams' own spelling."""

    importance: str | None = None
    summary: str | None = None
    """What the notification shows instead of the text."""
    alert: bool = False
    """Shows a notification in the activity feed."""


class Memo(msgspec.Struct, frozen=True):
    """Which conversation a call writes to; with ``then`` it only makes the conversation for that activity."""

    conversation: str
    service: str
    then: dict[str, Any] | None = None


def render(settings: TeamsSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """A call for each piece that is left. There is no idempotency key."""
    try:
        extra = msgspec.convert(dict(outbound.extra or {}), Extra)
    except msgspec.ValidationError as error:
        return Failed(problem("unsupported", f"provider_extra: {error}"))
    service = service_of(settings, outbound.reach.reply.via if outbound.reach.reply is not None else None)
    place = outbound.reach.thread or outbound.reach.address
    calls: list[ProviderRequest] = []
    for number, piece in enumerate(outbound.pieces[outbound.done :], outbound.done):
        activity = {**activity_of(outbound, piece), **_about(outbound, number), **_more(extra)}
        if len(msgspec.json.encode(activity).decode().encode("utf-16-le")) > MOST_BYTES:
            return Failed(problem("too_large", f"an activity of more than {MOST_BYTES} bytes"))
        first = _begin(settings, service, place, activity) if place.startswith(PERSON) else None
        calls.append(first or _send(service, place, activity))
    return calls


def service_of(settings: TeamsSettings, via: str | None) -> str:
    """Where answers go: as the last message told, if it is one of Teams' own; else the configured service."""
    url = via if via is not None and settings.serves(via) else settings.service_url
    return url.rstrip("/")


def conversation_url(service: str, conversation: str) -> str:
    """Ids have ``:;@`` in them."""
    return f"{service}/v3/conversations/{quote(conversation, safe='')}"


def call(url: str, body: Any, *, method: str = "POST", memo: Any = None, idempotent: bool = False) -> ProviderRequest:
    """A call with our token."""
    headers = {"content-type": "application/json"} if body is not None else {}
    data = b"" if body is None else msgspec.json.encode(body)
    return ProviderRequest(method, url, headers, body=data, memo=memo, needs=(TOKEN,), idempotent=idempotent)


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome | Then:
    """What the service's answer means; see the table in this package's README."""
    if response.failure is not None:
        return by_status(request, response)
    answer = read(response.body, _answer)
    answer = teams.Answer() if isinstance(answer, BadJson) else answer
    if 200 <= response.status < 300:
        return _taken(request, answer)
    return _refused(response, answer.error or teams.Problem())


def _taken(request: ProviderRequest, answer: teams.Answer) -> Outcome | Then:
    memo = request.memo
    if not isinstance(memo, Memo):
        return Sent()
    if memo.then is None:
        return Sent((provider_id(memo.conversation, answer.id),)) if answer.id else Sent()
    if not answer.id or len(answer.id) > 512:
        return Failed(problem("bad_answer", "the new conversation has no id"))
    return Then(_send(memo.service, answer.id, memo.then))


def _refused(response: ProviderResponse, error: teams.Problem) -> Outcome:
    code, status = error.code[:100] or str(response.status), response.status
    said = error.message[:ENOUGH] or None
    if status == 429:
        return Failed(problem("throttled", said, code), retry_after(response), person=True)
    kind = CODES.get(error.code) or STATUSES.get(status)
    if kind is not None:
        return Failed(problem(kind, said, code), retry_after(response) if kind == "unreachable" else None)
    if status >= 500:
        return Uncertain(f"Teams answered {status}")
    return Failed(problem("rejected", said, code))


# -- calls ------------------------------------------------------------------------------------------------------------


def _send(service: str, conversation: str, activity: dict[str, Any]) -> ProviderRequest:
    return call(f"{conversation_url(service, conversation)}/activities", activity, memo=Memo(conversation, service))


def _begin(settings: TeamsSettings, service: str, person: str, activity: dict[str, Any]) -> ProviderRequest:
    """Makes the personal conversation, or finds the one that there is; the app must be installed there."""
    body: dict[str, Any] = {"bot": {"id": settings.bot}, "members": [{"id": person}], "isGroup": False}
    if "." not in settings.tenant:
        body |= {"tenantId": settings.tenant, "channelData": {"tenant": {"id": settings.tenant}}}
    return call(f"{service}/v3/conversations", body, memo=Memo(person, service, activity))


def _about(outbound: Outbound, number: int) -> dict[str, str]:
    """The message that is answered, if it is one of this conversation."""
    place, _, identifier = (outbound.reply_to or "").rpartition("/")
    return {"replyToId": identifier} if number == 0 and identifier and place == outbound.reach.address else {}


def _more(extra: Extra) -> dict[str, Any]:
    made = {"importance": extra.importance, "summary": extra.summary}
    alert = {"channelData": {"notification": {"alert": True}}} if extra.alert else {}
    return {**{name: value for name, value in made.items() if value is not None}, **alert}
