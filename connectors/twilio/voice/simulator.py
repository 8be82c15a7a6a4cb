"""Twilio Voice, imitated: callers who press keys and speak, calls that obey TwiML, agents who pick up or do not."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree

from connectors.api import ProviderResponse
from connectors.testing.provider import Call, Delivery, Media, Webhook, json_answer
from connectors.twilio.messaging.simulator import MessagingSimulator
from connectors.twilio.simulate import encoded, sid
from connectors.twilio.voice.settings import VoiceSettings
from connectors.twilio.voice.simulate import told
from contracts.codec import milliseconds
from contracts.content import Part, Text

VERBS: Final = frozenset(
    {"Say", "Play", "Pause", "Gather", "Redirect", "Dial", "Number", "Sip", "Record", "Hangup", "Response"}
)
_ENDS: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


class VoiceSimulator(MessagingSimulator[VoiceSettings]):
    """One number. ``line`` has what was put on each call, ``agents`` how each agent's telephone behaves: ``answers``,
    or how else a leg ends (``no-answer``, ``busy``)."""

    customer = "+818012345678"

    def __init__(self, settings: VoiceSettings, to: str, speed: float = 1.0) -> None:
        super().__init__(settings, to, speed)
        self.live: dict[str, str] = {}
        """Who is on the line, by number: the call's id."""
        self.turns = 0
        self.line: list[tuple[str, str]] = []
        """Call and document, in order: answers to webhooks, and what was put on the line by a call of ours."""
        self.agents: dict[str, str] = {}

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {**super().sample(url), "phone_number": "+815012345678"}

    # -- what callers do ----------------------------------------------------------------------------------------------

    def said(self, customer: str, part: Part, number: int) -> bytes | None:
        if not isinstance(part, Text):
            return None
        call = self.live.setdefault(customer, sid("CA", customer, number, milliseconds(self.now)))
        how = "Digits" if part.text.isdigit() else "SpeechResult"
        return encoded(told(self.settings, customer, call, {how: part.text}).items())

    def say(self, what: str | Part, now: datetime, customer: str | None = None) -> Webhook:
        """First at the menu, afterwards while waiting. Digits are pressed, words are spoken."""
        self.now, who = now, customer or self.customer
        step = "key" if who in self.live else "menu"
        part = Text(what) if isinstance(what, str) else what
        self._numbers += 1
        body = self.said(who, part, self._numbers)
        if body is None:
            raise ValueError(f"callers cannot send a {type(part).__name__.lower()}")
        return self.post(body, path=self._step(who, step))

    def rings(self, now: datetime, customer: str | None = None, **more: str) -> Webhook:
        """Somebody calls."""
        self.now, who = now, customer or self.customer
        self._numbers += 1
        call = self.live[who] = sid("CA", who, self._numbers, milliseconds(now))
        return self._post(who, call, "", {"CallStatus": "ringing", **more})

    def presses(self, digits: str, now: datetime, step: str = "key", customer: str | None = None) -> Webhook:
        """The caller presses a key, at the menu or while waiting."""
        self.now, who = now, customer or self.customer
        return self._post(who, self.live[who], self._step(who, step), {"Digits": digits})

    def hangs_up(self, now: datetime, seconds: int = 42, customer: str | None = None) -> Webhook:
        """The call is over."""
        self.now, who = now, customer or self.customer
        over = {"CallStatus": "completed", "CallDuration": str(seconds), "Timestamp": format_datetime(now)}
        return self._post(who, self.live.pop(who), "/status", over)

    def leaves_word(self, now: datetime, words: str, customer: str | None = None) -> None:
        """A voice mail, after the tone, where the document says that it goes; and what Twilio wrote down."""
        self.now, who = now, customer or self.customer
        record = self._latest(self.live[who], "Record")
        name = sid("RE", who, len(self.media))
        self.media[f"{name}.mp3"] = Media(b"ID3" + words.encode(), "audio/mpeg")
        url = f"{self.settings.api_base}/2010-04-01/Accounts/{self.settings.account_sid}/Recordings/{name}"
        facts = {"RecordingSid": name, "RecordingUrl": url, "CallSid": self.live[who]}
        done = {"RecordingStatus": "completed", "RecordingDuration": "7"}
        self._bare({**facts, **done}, record.get("recordingStatusCallback"))
        if record.get("transcribe") == "true":
            text = {"TranscriptionSid": sid("TR", name), "TranscriptionText": words, "TranscriptionStatus": "completed"}
            self._bare({**facts, **text}, record.get("transcribeCallback"), 1.0)

    def _step(self, who: str, step: str) -> str:
        self.turns += 1
        known = {"call": self.live.get(who, ""), "from": who, "n": self.turns}
        return f"/{step}?{urlencode({name: value for name, value in known.items() if value})}"

    def _post(self, who: str, call: str, path: str, what: dict[str, str]) -> Webhook:
        return self.post(encoded(told(self.settings, who, call, what).items()), path=path)

    def _bare(self, fields: dict[str, str], url: str | None, after_s: float = 0.0) -> None:
        """A callback that does not say who called whom."""
        known = {"AccountSid": self.settings.account_sid, "ApiVersion": "2010-04-01", **fields}
        self.post(encoded(known.items()), after_s, self.path_of(url or ""))

    # -- what the line does -------------------------------------------------------------------------------------------

    def answered(self, delivery: Delivery, response: ProviderResponse, now: datetime) -> None:
        super().answered(delivery, response, now)
        fields = parse_qs(delivery.request.body.decode())
        call = fields.get("CallSid", [""])[0]
        if self.taken(delivery.webhook, response) and response.body:
            self._follow(call, response.body.decode(), at_once=False)

    def _follow(self, call: str, document: str, at_once: bool) -> str | None:
        """What is wrong with a document, or None. What is put on the line by a call of ours is carried out too."""
        try:
            root = ElementTree.fromstring(document)
        except ElementTree.ParseError as error:
            self.complaints.append(f"no XML: {error}")
            return "12100 Document parse failure"
        unknown = {each.tag for each in root.iter()} - VERBS
        if unknown or root.tag != "Response":
            self.complaints.append(f"no TwiML: {sorted(unknown)}")
            return "12200 Schema validation warning"
        self.line.append((call, document))
        if at_once:
            self._act(call, root)
        else:
            self.heard += filter(None, (each.text for each in root.iter("Say")))
        return None

    def _act(self, call: str, root: ElementTree.Element) -> None:
        who = next((number for number, each in self.live.items() if each == call), "")
        words = " ".join(each.text or "" for each in root.iter("Say"))
        self.reach(who, words, ElementTree.tostring(root, "unicode"), sid("LI", call, len(self.line)))
        dial, last = root.find("Dial"), root[-1] if len(root) else None
        if dial is not None and len(dial):
            self._dial(who, call, dial)
        elif last is not None and last.tag == "Redirect":
            self._post(who, call, self.path_of(last.text or ""), {})

    def _dial(self, who: str, call: str, dial: ElementTree.Element) -> None:
        leg = dial[0]
        outcome = self.agents.get(leg.text or "", "no-answer")
        facts = {"ParentCallSid": call, "CallSid": sid("CA", call, leg.text or "", len(self.line))}
        statuses = ("ringing", "in-progress") if outcome == "answers" else ("ringing",)
        for status in statuses:
            self._bare({**facts, "CallStatus": status}, leg.get("statusCallback"))
        if outcome != "answers":
            over = self.path_of(dial.get("action") or "")
            self._post(who, call, over, {"DialCallStatus": outcome, "CallStatus": "in-progress"})

    def _latest(self, call: str, verb: str) -> ElementTree.Element:
        for each, document in reversed(self.line):
            found = ElementTree.fromstring(document).find(verb)
            if each == call and found is not None:
                return found
        raise ValueError(f"nothing on this line has a {verb}")

    # -- the REST API -------------------------------------------------------------------------------------------------

    def is_send(self, call: Call) -> bool:
        return call.method == "POST" and ("/Messages.json" in call.path or "/Calls" in call.path)

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        match (call.method, path):
            case ("POST", ["Calls.json"]):
                return self._begin(call.form())
            case ("POST", ["Calls", name]) if name.endswith(".json"):
                return self._update(name.removesuffix(".json"), call.form())
            case ("GET", ["Recordings", name]):
                found = self.file(name)
                if found is None:
                    return ProviderResponse(404)
                return ProviderResponse(200, {"content-type": found.media_type}, found.data)
            case _:
                return super().called(call, path)

    def _update(self, call: str, form: dict[str, str]) -> ProviderResponse:
        if call not in self.live.values():
            return self.cannot(400, 21220, "Unable to update record. Call is not in-progress. Cannot redirect.")
        wrong = self._follow(call, form.get("Twiml", ""), at_once=True)
        if wrong is not None:
            return self.no(400, 21205, wrong)
        return json_answer(200, {"sid": call, "status": "in-progress"})

    def _begin(self, form: dict[str, str]) -> ProviderResponse:
        """A call that we make: the agent's telephone rings first."""
        if form.get("From") != self.settings.phone_number or not form.get("To"):
            return self.no(400, 21211, "The phone number you are attempting to call is not valid")
        call = sid("CA", "ours", len(self.line))
        wrong = self._follow(call, form.get("Twiml", ""), at_once=False)
        if wrong is not None:
            return self.no(400, 21205, wrong)
        self.reach(form["To"], form["Twiml"], form, call)
        outcome = self.agents.get(form["To"], "no-answer")
        statuses = ("ringing", "in-progress", "completed") if outcome == "answers" else ("ringing", outcome)
        for number, status in enumerate(statuses):
            over = {"CallDuration": "61"} if status in _ENDS else {}
            facts = {"CallSid": call, "CallStatus": status, "Direction": "outbound-api", **over}
            self._bare(facts, form.get("StatusCallback"), 60.0 * number)
        return json_answer(201, {"sid": call, "status": "queued"})
