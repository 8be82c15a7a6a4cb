"""What is put on the line, and what an agent writes: our messages into Twilio's calls. Pure.

A live call does what the last document says that it was given: everything that belongs together goes as one. Nothing of
this is ever repeated: a second time the words would be cut off by themselves, or an agent called twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from connectors.api import Failed, MediaLink, Outbound, Outcome, ProviderRequest, ProviderResponse, problem
from connectors.kit.degrade import as_text
from connectors.kit.text import split
from connectors.twilio import rest
from connectors.twilio.errors import SHARED, Codes, Meaning
from connectors.twilio.messaging import outbound as messaging
from connectors.twilio.voice import steps
from connectors.twilio.voice.settings import VoiceSettings
from connectors.twilio.voice.steps import Caller
from connectors.twilio.voice.twiml import Verb, document
from connectors.twilio.voice.words import language_of
from connectors.twilio.voice.words import words as spoken_words
from contracts.content import Call, Choice, Part

ON_THE_LINE: Final = frozenset({"ringing", "voicemail", "ended"})
"""What a ``call`` part of ours makes happen; any other is news of a call, for reading."""
LINE: Final = "line"
CODES: Final[Codes] = {
    **SHARED,
    20404: Meaning("recipient_gone", "there is no such call any more"),
    21205: Meaning("config", "our own address is not valid"),
    21214: Meaning("recipient_gone", "the number cannot be reached"),
    21215: Meaning("config", "the account may not call that country"),
    21216: Meaning("config", "the account may not call that number"),
    21220: Meaning("recipient_gone", "the caller has hung up"),
}


def render(settings: VoiceSettings, outbound: Outbound) -> Sequence[ProviderRequest] | Failed:
    """One call that puts it on the line, or an SMS for each piece that somebody wrote."""
    left = outbound.pieces[outbound.done :]
    if outbound.automatic or any(isinstance(each, Call) and each.state in ON_THE_LINE for each in left):
        return _line(settings, outbound, left)
    if not settings.sms:
        return Failed(problem("unsupported", "text: the number sends no SMS; what is to be said, say on the line"))
    bare = outbound if outbound.extra is None else msgspec.structs.replace(outbound, extra=_without_call(outbound))

    def say(piece: Part) -> messaging.Content | Failed:
        return _written(piece, outbound.media)

    return messaging.render(settings, bare, "", say)


def invited(settings: VoiceSettings, address: str, code: str, links: Mapping[str, str]) -> Sequence[ProviderRequest]:
    """An SMS with the ways that there are, or with the code alone, which is good on each of them."""
    words = spoken_words(settings, "invitation", language_of(settings, address))
    lines = [words, *(f"{name}: {link}" for name, link in sorted(links.items()))] if links else [words, code]
    body = [("Body", "\n".join(lines)), ("To", address), ("From", settings.phone_number or "")]
    return [rest.post(settings, "/Messages.json", body)]


def interpret(request: ProviderRequest, response: ProviderResponse) -> Outcome:
    """What Twilio's answer means. What did not get on the line in its moment is not tried again."""
    if request.memo != LINE:
        return messaging.interpret(request, response)
    outcome = rest.outcome_of(CODES, request, response)
    if isinstance(outcome, Failed):
        return Failed(msgspec.structs.replace(outcome.problem, retryable=False), outcome.retry_after_s)
    return outcome


def _without_call(outbound: Outbound) -> dict[str, object]:
    return {name: value for name, value in (outbound.extra or {}).items() if name != "call"}


def _written(piece: Part, media: Mapping[str, MediaLink]) -> messaging.Content:
    return [[("Body", each)] for each in split(as_text(piece, media), messaging.TEXT_LIMIT, "utf16")]


def _line(settings: VoiceSettings, outbound: Outbound, left: tuple[Part, ...]) -> Sequence[ProviderRequest] | Failed:
    call = (outbound.extra or {}).get("call") or outbound.reach.thread
    if not isinstance(call, str) or not call:
        return Failed(problem("recipient_gone", "nobody is on the line"))
    address = outbound.reach.address
    language = language_of(settings, address)
    caller = Caller(settings.webhook_url or "", call, address, language, since=outbound.message)
    fresh = next((each for each in left if isinstance(each, Call) and each.fresh), None)
    if fresh is not None:
        return [_both_called(settings, outbound, caller, fresh)]
    verbs = _verbs(settings, outbound, caller, left)
    fields = [("Twiml", document(*verbs))]
    path = f"/Calls/{rest.segment(call)}.json"
    return [rest.post(settings, path, fields, covers=len(left), memo=LINE)]


def _verbs(settings: VoiceSettings, outbound: Outbound, caller: Caller, left: tuple[Part, ...]) -> list[Verb]:
    """In order, up to the first after which the caller does not come back; else to the waiting."""
    back, verbs = caller.url("wait", message=outbound.message), list[Verb]()
    for piece in left:
        match piece:
            case Call(state="ringing"):
                return [*verbs, *steps.connect(settings, caller, piece, outbound.message)]
            case Call(state="voicemail"):
                return [*verbs, *steps.voicemail(settings, caller)]
            case Call(state="ended"):
                return [*verbs, Verb("Hangup")]
            case Choice():
                return [*verbs, *steps.offer(settings, caller, piece, back)]
            case _:
                verbs.append(steps.say(settings, caller.language, as_text(piece, outbound.media)))
    return [*verbs, Verb("Redirect", text=back)]


def _both_called(settings: VoiceSettings, outbound: Outbound, caller: Caller, call: Call) -> ProviderRequest:
    """First the agent, then the customer."""
    told = caller.url("leg", agent=call.agent or "", message=outbound.message, fresh=1)
    events = [("StatusCallbackEvent", each) for each in ("ringing", "answered", "completed")]
    fields = [
        ("Twiml", document(*steps.call_back(settings, caller))),
        ("To", call.to or ""),
        ("From", settings.phone_number or ""),
        ("Timeout", str(steps.rings_s(settings, call))),
        ("StatusCallback", told),
        *events,
    ]
    return rest.post(settings, "/Calls.json", fields, covers=len(outbound.pieces) - outbound.done, memo=LINE)
