"""What happens on the line, step by step. Each is answered at once, or put on the line later by a call of ours; what
the next one has to know is in its URL, because nothing here remembers anything.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import msgspec

from connectors.twilio.voice.settings import MenuKey, VoiceSettings
from connectors.twilio.voice.twiml import Verb
from connectors.twilio.voice.words import locale, spoken, words
from contracts.content import Call, Choice

CALLBACK: Final = "callback"
KEY_CALLBACK, KEY_ELSEWHERE, KEY_VOICEMAIL = "1", "2", "3"
ELSEWHERE: Final = "elsewhere"
MOST_TRIES: Final = 2
"""How often the menu is read to who chooses nothing."""
MOST_KEYS: Final = 9
LONGEST_NUMBER: Final = 64


class Caller(msgspec.Struct, frozen=True):
    """Who is on the line, and where the steps are. ``call``: its id. ``proved``: the carrier vouches for the number."""

    base: str
    call: str
    address: str
    language: str
    proved: bool = False
    since: str = ""
    """Our message that put them where they are; what they do after another one is something new."""

    def url(self, step: str, **more: str | int) -> str:
        """A step's URL, with what it has to know."""
        known: dict[str, str | int] = {"call": self.call, "from": self.address, "lang": self.language}
        if self.proved:
            known["ok"] = 1
        if self.since:
            known["since"] = self.since
        return f"{self.base}/{step}?{urlencode({**known, **more})}"


def say(settings: VoiceSettings, language: str, text: str) -> Verb:
    """Words, spoken."""
    voice = settings.voices.get(language) or settings.voices.get(language.partition("-")[0])
    return Verb("Say", {"language": locale(language), **({"voice": voice} if voice else {})}, text)


def tell(settings: VoiceSettings, caller: Caller, name: str) -> Verb:
    """Our own words of that name."""
    return say(settings, caller.language, words(settings, name, caller.language))


def greet(settings: VoiceSettings, caller: Caller) -> tuple[Verb, ...]:
    """The greeting, and then the menu or the line."""
    after = menu(settings, caller, 1) if settings.menu else wait(settings, caller, 1)
    return (tell(settings, caller, "greeting"), *after)


def menu(settings: VoiceSettings, caller: Caller, tries: int) -> tuple[Verb, ...]:
    """The choices; who chooses nothing comes to the same step with nothing."""
    action = caller.url("menu", n=tries)
    hints = ",".join(each for key in settings.menu for each in key.words)
    how: dict[str, str | int | bool] = {
        "input": "dtmf speech", "numDigits": max(len(each.key) for each in settings.menu), "timeout": 5,
        "speechTimeout": "auto", "language": locale(caller.language), "action": action, "actionOnEmptyResult": True,
    }  # fmt: skip
    if hints:
        how["hints"] = hints
    read = tuple(say(settings, _own(each, caller), spoken(each.say, _own(each, caller))) for each in settings.menu)
    return (Verb("Gather", how, verbs=read),)


def _own(key: MenuKey, caller: Caller) -> str:
    """Who wants another language is asked in that one."""
    return key.language or caller.language


def wait(settings: VoiceSettings, caller: Caller, turn: int) -> tuple[Verb, ...]:
    """Once round the waiting; a key may be pressed at any time."""
    quiet = Verb("Play", text=settings.music_url) if settings.music_url else Verb("Pause", {"length": settings.wait_s})
    how: dict[str, str | int | bool] = {
        "input": "dtmf", "numDigits": 1, "timeout": 1, "action": caller.url("key", n=turn),
    }  # fmt: skip
    inside = (tell(settings, caller, "waiting" if settings.sms else "waiting_without_sms"), quiet)
    return (Verb("Gather", how, verbs=inside), Verb("Redirect", text=caller.url("wait", n=turn + 1)))


def pause(settings: VoiceSettings, caller: Caller, turn: int) -> tuple[Verb, ...]:
    """A wish was heard; what comes of it is put on the line in a moment."""
    back = Verb("Redirect", text=caller.url("wait", n=turn + 1))
    return (tell(settings, caller, "noted"), Verb("Pause", {"length": 10}), back)


def voicemail(settings: VoiceSettings, caller: Caller) -> tuple[Verb, ...]:
    """A message after the tone. Who says nothing is taken leave of."""
    how: dict[str, str | int | bool] = {
        "action": caller.url("recorded"), "maxLength": settings.record_s, "finishOnKey": "#", "playBeep": True,
        "trim": "trim-silence", "recordingStatusCallback": caller.url("recording"),
        "recordingStatusCallbackEvent": "completed absent",
    }  # fmt: skip
    if settings.transcribe:
        how |= {"transcribe": True, "transcribeCallback": caller.url("transcript")}
    return (tell(settings, caller, "voicemail"), Verb("Record", how), *goodbye(settings, caller))


def goodbye(settings: VoiceSettings, caller: Caller) -> tuple[Verb, ...]:
    return (tell(settings, caller, "goodbye"), Verb("Hangup"))


def offer(settings: VoiceSettings, caller: Caller, choice: Choice, back: str) -> tuple[Verb, ...]:
    """A question with up to nine keys; without an answer the waiting goes on."""
    options = choice.options[:MOST_KEYS]
    values = {f"v{at}": each.value for at, each in enumerate(options, 1)}
    read = [say(settings, caller.language, choice.text)]
    read += [say(settings, caller.language, f"{at}: {each.label}") for at, each in enumerate(options, 1)]
    how: dict[str, str | int | bool] = {
        "input": "dtmf", "numDigits": 1, "timeout": 5, "action": caller.url("picked", **values),
    }  # fmt: skip
    return (Verb("Gather", how, verbs=tuple(read)), Verb("Redirect", text=back))


def connect(settings: VoiceSettings, caller: Caller, call: Call, message: str) -> tuple[Verb, ...]:
    """The agent's telephone rings; whether it is picked up is told by the leg, and what then by the dial."""
    facts = {"agent": call.agent or "", "message": message}
    how: dict[str, str | int | bool] = {
        "action": caller.url("dialed", **facts), "timeout": rings_s(settings, call), "answerOnBridge": True,
        "callerId": settings.phone_number or "",
    }  # fmt: skip
    leg: dict[str, str | int | bool] = {
        "statusCallback": caller.url("leg", **facts), "statusCallbackEvent": "ringing answered completed",
    }  # fmt: skip
    to = (call.to or "")[:LONGEST_NUMBER]
    kind = "Sip" if to.startswith("sip:") else "Number"
    return (tell(settings, caller, "connecting"), Verb("Dial", how, verbs=(Verb(kind, leg, to),)))


def call_back(settings: VoiceSettings, caller: Caller) -> tuple[Verb, ...]:
    """The agent has picked up; now the customer is called."""
    how: dict[str, str | int | bool] = {"callerId": settings.phone_number or "", "timeout": settings.ring_s}
    called = Verb("Dial", how, verbs=(Verb("Number", text=caller.address),))
    return (tell(settings, caller, "called_back"), called, Verb("Hangup"))


def rings_s(settings: VoiceSettings, call: Call) -> int:
    """No longer than the offer stands."""
    return settings.ring_s if call.ring_s is None else max(5, min(settings.ring_s, call.ring_s))
