"""What the line tells, as our events, and what it is to do next, as the answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from connectors.api import Batch, Ignored, Malformed, Parsed, Request, Response
from connectors.twilio.form import BadForm, Form, read_form, source_of
from connectors.twilio.gate import BODY_HASH, NOTHING_TO_SAY
from connectors.twilio.messaging import inbound as messaging
from connectors.twilio.voice import steps
from connectors.twilio.voice.settings import MenuKey, VoiceSettings
from connectors.twilio.voice.steps import Caller
from connectors.twilio.voice.twiml import answer
from connectors.twilio.voice.words import language_of, spoken
from contracts.attachment import Attachment
from contracts.content import Call, Part, Postback, Text
from contracts.identity import Claims
from contracts.ids import attachment_id, message_id
from contracts.inbound import Inbound, InboundCall, InboundMessage, InboundReceipt, Sender, Threading

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
PROVED: Final = "TN-Validation-Passed-A"
"""The carrier has signed that the caller may use the number."""
NOBODY: Final = frozenset({"", "anonymous", "restricted", "unknown", "unavailable", "+266696687", "+86282452253",
                           "+464", "+7378742833", "+2562533", "+8566696687"})  # fmt: skip
"""How callers without a number have been seen: words, and words typed on a telephone's keys."""
OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
NOT_TAKEN: Final = OVER - {"completed"}
_SID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_OURS: Final = re.compile(r"ms_[A-Za-z0-9_-]{1,64}")
_AGENT: Final = re.compile(r"[^\x00-\x1f]{1,128}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_LONGEST_FROM: Final = 256


class Moment(msgspec.Struct, frozen=True):
    """A request about a call: its fields, what its URL knew, and who is on the line."""

    account: str
    settings: VoiceSettings
    request: Request
    form: Form
    caller: Caller

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def turn(self) -> int:
        """How often the caller came round."""
        told = self.query.get("n", "")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 7 else 1

    @property
    def message(self) -> str | None:
        """Our message that the step is about."""
        told = self.query.get("message", "")
        return told if _OURS.fullmatch(told) else None

    @property
    def agent(self) -> str | None:
        told = self.query.get("agent", "")
        return told if _AGENT.fullmatch(told) else None

    def sender(self) -> Sender:
        """A number is claimed by whoever shows it, and proved only where the carrier vouches for it."""
        address = self.caller.address
        if E164.fullmatch(address) is None:
            return Sender(address)
        proved = self.caller.proved
        return Sender(address, verified=proved, claims=Claims(phone=address, phone_verified=proved))

    def told(self, *events: Inbound, then: Response = NOTHING_TO_SAY) -> Batch:
        """The events, each with the whole payload."""
        return Batch(events, (source_of(self.request),) * len(events), response=then)


def parse(request: Request, account: str, settings: VoiceSettings) -> Parsed:
    """What one verified request says."""
    if BODY_HASH in request.query:
        return Ignored("a JSON body: calls come as forms", NOTHING_TO_SAY)
    form = read_form(request)
    if isinstance(form, BadForm):
        return Malformed(form.reason)
    if form.get("AccountSid") != settings.account_sid:
        return Ignored("for another Twilio account", NOTHING_TO_SAY)
    if form.get("MessageSid") is not None:
        return _written(messaging.parse(request, account, settings, "", _not_here))
    call = form.get("CallSid")
    if call is None or _SID.fullmatch(call) is None:
        return Malformed("no CallSid")
    step = _STEPS.get(request.path)
    if step is None:
        return Ignored(f"no step is called {request.path[:64]!r}", NOTHING_TO_SAY)
    return step(Moment(account, settings, request, form, _caller(request, form, settings, call)))


def _written(parsed: Parsed) -> Parsed:
    """What became of an SMS of ours is news; what is written to the number is not for this account."""
    if isinstance(parsed, Batch) and not parsed.events:
        return Ignored("an SMS to the number: that needs an account of its own", NOTHING_TO_SAY)
    return parsed


def _not_here(arrival: messaging.Arrival) -> tuple[Inbound, ...]:
    return ()


def _caller(request: Request, form: Form, settings: VoiceSettings, call: str) -> Caller:
    """From the URL where it knows, because callbacks about legs and recordings do not say who called whom."""
    query = request.query
    known = query.get("call", "")
    call = known if _SID.fullmatch(known) else call
    address = query.get("from") or _address(form.get("From") or "", call)
    language = query.get("lang", "")
    if _LANGUAGE.fullmatch(language) is None:
        language = language_of(settings, address)
    proved = query.get("ok") == "1" or (form.get("StirVerstat") or "").startswith(PROVED)
    since = query.get("since", "")
    since = since if _OURS.fullmatch(since) else ""
    return Caller(_base(request, settings), call, address[:_LONGEST_FROM], language, proved, since)


def _address(number: str, call: str) -> str:
    """Who hides their number is somebody else with each call."""
    return f"anonymous:{call}" if number.lower() in NOBODY else number


def _base(request: Request, settings: VoiceSettings) -> str:
    return settings.webhook_url or request.url.partition("?")[0].removesuffix(request.path)


def at_of(form: Form, received_at: datetime) -> datetime:
    """Twilio's time of a callback, in whole seconds; else ours."""
    try:
        told = parsedate_to_datetime(form.get("Timestamp") or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return received_at
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


# -- before the line ---------------------------------------------------------------------------------------------------


def _ringing(moment: Moment) -> Parsed:
    """With a menu the call is news once something was chosen; otherwise at once."""
    settings, caller = moment.settings, moment.caller
    if settings.messaging_service_sid is None and moment.form.get("To") != settings.phone_number:
        return Ignored("for a number that is another account's", NOTHING_TO_SAY)
    greeting = answer(*steps.greet(settings, caller))
    if settings.menu:
        return Ignored("the caller is asked what it is about", greeting)
    return moment.told(_waits(moment), then=greeting)


def _menu(moment: Moment) -> Parsed:
    settings, caller, form = moment.settings, moment.caller, moment.form
    said = form.get("SpeechResult") or ""
    chosen = _chosen(settings, form.get("Digits") or "", said)
    if chosen is not None and chosen.language is not None:
        there = msgspec.structs.replace(caller, language=chosen.language)
        return Ignored("the caller speaks another language", answer(*steps.menu(settings, there, 1)))
    if chosen is None and not said and moment.turn < MOST_TRIES and settings.menu:
        return Ignored("the caller chose nothing", answer(*steps.menu(settings, caller, moment.turn + 1)))
    return moment.told(_waits(moment, chosen, said), then=answer(*steps.wait(settings, caller, 1)))


MOST_TRIES: Final = steps.MOST_TRIES


def _chosen(settings: VoiceSettings, digits: str, said: str) -> MenuKey | None:
    heard = said.casefold()
    for each in settings.menu:
        if digits == each.key or (heard and any(word.casefold() in heard for word in each.words)):
            return each
    return None


def _waits(moment: Moment, chosen: MenuKey | None = None, said: str = "") -> InboundMessage:
    """The call as a message: whoever looks sees it ring, or what it is about."""
    parts: tuple[Part, ...] = (Call("waiting" if chosen or said else "ringing"),)
    attributes: dict[str, str] = {}
    if chosen is not None:
        parts += (Postback(chosen.value, spoken(chosen.say, moment.caller.language)),)
        attributes = {moment.settings.attribute: chosen.value}
    elif said:
        parts += (Text(said),)
    return _message(moment, moment.caller.call, parts, attributes=attributes, extra=_facts(moment.form))


def _facts(form: Form) -> dict[str, str]:
    return form.some("To", "CallerName", "ForwardedFrom", "FromCity", "FromState", "FromCountry", "StirVerstat")


def _message(moment: Moment, id: str, parts: tuple[Part, ...], **more: object) -> InboundMessage:
    caller = moment.caller
    return InboundMessage(
        id,
        moment.sender(),
        parts,
        language=caller.language,
        threading=Threading(thread=caller.call),
        **more,  # type: ignore[arg-type]
    )


# -- in line -----------------------------------------------------------------------------------------------------------


def _wait(moment: Moment) -> Parsed:
    """Round and round. That it comes round after words of ours shows that they were heard."""
    then = answer(*steps.wait(moment.settings, moment.caller, moment.turn))
    if moment.message is None:
        return Ignored("the caller waits", then)
    return moment.told(InboundReceipt(moment.sender(), "delivered", None, moment.message), then=then)


def _key(moment: Moment) -> Parsed:
    settings, caller = moment.settings, moment.caller
    digits, said = moment.form.get("Digits"), moment.form.get("SpeechResult")
    onward = answer(*steps.wait(settings, caller, moment.turn + 1))
    if said:
        return moment.told(_again(moment, Text(said)), then=onward)
    if digits == steps.KEY_CALLBACK:
        then = answer(*steps.pause(settings, caller, moment.turn))
        return moment.told(_again(moment, Postback(steps.CALLBACK, digits)), then=then)
    if digits == steps.KEY_ELSEWHERE and settings.sms and E164.fullmatch(caller.address):
        then = answer(steps.tell(settings, caller, "elsewhere"), *steps.wait(settings, caller, moment.turn + 1))
        told = moment.told(_again(moment, Postback(steps.ELSEWHERE, digits)), then=then)
        return msgspec.structs.replace(told, invite=caller.address)
    if digits == steps.KEY_VOICEMAIL:
        return Ignored("the caller leaves word", answer(*steps.voicemail(settings, caller)))
    return Ignored("a key without a meaning", onward)


def _picked(moment: Moment) -> Parsed:
    """The answer to a question that was put on the line."""
    digits = moment.form.get("Digits") or ""
    value = moment.query.get(f"v{digits[:1]}", "")
    if not value:
        return Ignored("a key without a meaning", answer(*steps.wait(moment.settings, moment.caller, 1)))
    then = answer(*steps.pause(moment.settings, moment.caller, moment.turn))
    return moment.told(_again(moment, Postback(value, digits)), then=then)


def _again(moment: Moment, part: Part) -> InboundMessage:
    """Something more from the same caller. It has no id of its own: the step and its turn are one."""
    caller, step = moment.caller, moment.request.path.strip("/")
    id = ".".join(filter(None, (caller.call, caller.since, step, str(moment.turn))))
    return _message(moment, id, (part,))


# -- an agent's telephone ----------------------------------------------------------------------------------------------


def _leg(moment: Moment) -> Parsed:
    """The agent's leg. Of a call back, which begins with it, it tells the end too."""
    status = moment.form.get("CallStatus") or ""
    rang = InboundReceipt(moment.sender(), "delivered", None, moment.message)
    receipt: tuple[Inbound, ...] = (rang,) if moment.message is not None else ()
    if status == "ringing" and receipt:
        return moment.told(*receipt)
    if status in ("in-progress", "answered"):
        return moment.told(*receipt, _became(moment, "answered"))
    if moment.query.get("fresh") == "1" and status in NOT_TAKEN:
        return moment.told(_became(moment, "unanswered", status))
    if moment.query.get("fresh") == "1" and status == "completed":
        return moment.told(_became(moment, "ended"))
    return Ignored(f"the agent's leg is {status[:32]!r}", NOTHING_TO_SAY)


def _dialed(moment: Moment) -> Parsed:
    """The dial is over: they have talked, or nobody picked up and the caller waits on."""
    status = moment.form.get("DialCallStatus") or ""
    if status not in NOT_TAKEN:
        return Ignored("they have talked", answer(*steps.goodbye(moment.settings, moment.caller)))
    again = (steps.tell(moment.settings, moment.caller, "busy"), *steps.wait(moment.settings, moment.caller, 1))
    return moment.told(_became(moment, "unanswered", status), then=answer(*again))


def _became(moment: Moment, did: str, reason: str | None = None) -> InboundCall:
    return InboundCall(
        moment.caller.call,
        moment.sender(),
        did,  # type: ignore[arg-type]
        moment.agent,
        reason,
        duration_s=moment.form.number("CallDuration") if did == "ended" else None,
        sent_at=at_of(moment.form, moment.request.received_at),
    )


# -- after the call ----------------------------------------------------------------------------------------------------


def _status(moment: Moment) -> Parsed:
    """The call is over. One of which nothing was told before (the caller hung up in the menu) is told now."""
    status = moment.form.get("CallStatus") or ""
    if status not in OVER:
        return Ignored(f"the call is {status[:32]!r}", NOTHING_TO_SAY)
    ended = _became(moment, "ended")
    missed = _message(
        moment,
        moment.caller.call,
        (Call("missed", ended.duration_s),),
        extra=_facts(moment.form),
        flags=("automatic",),
    )
    return moment.told(missed, ended)


def _recorded(moment: Moment) -> Parsed:
    return Ignored("the caller has left word", answer(*steps.goodbye(moment.settings, moment.caller)))


def _recording(moment: Moment) -> Parsed:
    form = moment.form
    sid, url, status = form.get("RecordingSid"), form.get("RecordingUrl"), form.get("RecordingStatus")
    if status != "completed":
        return Ignored(f"the recording is {(status or '')[:32]!r}", NOTHING_TO_SAY)
    if sid is None or _SID.fullmatch(sid) is None or url is None:
        return Malformed("a recording without RecordingSid or RecordingUrl")
    id = attachment_id(message_id(moment.account, sid), 0)
    recording = Attachment(id, f"{sid}.mp3", "audio/mpeg", source=f"{url}.mp3")
    call = Call("voicemail", form.number("RecordingDuration"), recording)
    return moment.told(_message(moment, sid, (call,)))


def _transcript(moment: Moment) -> Parsed:
    form = moment.form
    sid, words = form.get("RecordingSid"), form.get("TranscriptionText")
    if form.get("TranscriptionStatus") != "completed" or words is None:
        return Ignored("nothing was written down", NOTHING_TO_SAY)
    if sid is None or _SID.fullmatch(sid) is None:
        return Malformed("a transcript without RecordingSid")
    at = at_of(form, moment.request.received_at)
    return moment.told(InboundCall(sid, moment.sender(), "transcribed", transcript=words, sent_at=at))


_STEPS: Final[dict[str, Callable[[Moment], Parsed]]] = {
    "": _ringing, "/": _ringing, "/menu": _menu, "/wait": _wait, "/key": _key, "/picked": _picked, "/leg": _leg,
    "/dialed": _dialed, "/status": _status, "/recorded": _recorded, "/recording": _recording,
    "/transcript": _transcript,
}  # fmt: skip
