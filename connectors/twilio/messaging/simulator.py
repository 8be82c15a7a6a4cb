"""Twilio's Messaging, imitated: media, sending, and what becomes of a message."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar
from urllib.parse import parse_qsl

from connectors.api import ProviderResponse
from connectors.testing.provider import Call, Media, json_answer
from connectors.twilio.messaging.settings import MessagingSettings
from connectors.twilio.simulate import encoded, sid
from connectors.twilio.simulator import TwilioSimulator

TEXT_LIMIT: Final = 1_600
_DELIVERED_AFTER_S: Final = 1.0

S = TypeVar("S", bound=MessagingSettings)


class MessagingSimulator(TwilioSimulator[S]):
    """A sender. ``prefix`` stands before the addresses of the channel."""

    prefix: ClassVar[str] = ""

    def media_fields(self, number: int, kind: str) -> dict[str, str]:
        """A file that comes with a message."""
        name = sid("ME", number)
        self.media.setdefault(name, Media(b"\xff\xd8\xff", kind))
        url = f"{self.settings.api_base}/2010-04-01/Accounts/{self.settings.account_sid}/Messages/MM1/Media/{name}"
        return {"NumMedia": "1", "MediaUrl0": url, "MediaContentType0": kind}

    def is_send(self, call: Call) -> bool:
        return call.method == "POST" and call.path.endswith("/Messages.json")

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        match (call.method, path):
            case ("POST", ["Messages.json"]):
                return self._message(call)
            case ("GET", ["Messages", _, "Media", name]):
                return self._media(name)
            case _:
                return self.elsewhere(call, path)

    def _media(self, name: str) -> ProviderResponse:
        """A redirect to a signed address elsewhere in truth; what it leads to is told apart in the service's tests."""
        found = self.file(name)
        return (
            ProviderResponse(404)
            if found is None
            else ProviderResponse(200, {"content-type": found.media_type}, found.data)
        )

    def _message(self, call: Call) -> ProviderResponse:
        form = call.form()
        wrong = self._wrong(form)
        if wrong is not None:
            return self.no(400, *wrong)
        address = form["To"].removeprefix(self.prefix)
        refused = self.refuses(address, form)
        if refused is not None:
            return self.cannot(400, *refused)
        return self._accept(address, form, call)

    def _wrong(self, form: dict[str, str]) -> tuple[int, str] | None:
        """What Twilio would say against a message."""
        ours = f"{self.prefix}{self.settings.phone_number}"
        if not form.get("To", "").startswith(self.prefix) or not form.get("To"):
            return 21211, "The 'To' number is not a valid phone number"
        if form.get("MessagingServiceSid") != self.settings.messaging_service_sid:
            return 21703, "The Messaging Service does not exist"
        if self.settings.phone_number is not None and form.get("From") != ours:
            return 21212, "The 'From' number is not a valid phone number"
        if not any(form.get(name) for name in ("Body", "MediaUrl", "ContentSid", "PersistentAction")):
            return 21602, "Message body is required"
        if len(form.get("Body", "")) > TEXT_LIMIT:
            return 21617, "The concatenated message body exceeds the 1600 character limit"
        return None

    def refuses(self, address: str, form: dict[str, str]) -> tuple[int, str] | None:
        """What stands against it that we could not know; None: nothing."""
        return None

    def _accept(self, address: str, form: dict[str, str], call: Call) -> ProviderResponse:
        content = [pair for pair in parse_qsl(call.body.decode()) if pair[0] != "StatusCallback"]
        words = " ".join(form[name] for name in ("Body", "MediaUrl", "PersistentAction", "ContentSid") if name in form)
        message = self.reach(address, words, content, sid("SM", "out", len(self.reached)))
        if "StatusCallback" in form:
            for after, status in ((0.0, "sent"), (_DELIVERED_AFTER_S, "delivered")):
                self.tell(address, message, status, self.path_of(form["StatusCallback"]), after)
        return json_answer(201, {"sid": message, "status": "queued", "num_segments": "1", "error_code": None})

    def tell(
        self, to: str, message: str, status: str, path: str = "/status", after_s: float = 0.0, code: str = ""
    ) -> None:
        """What became of a message of ours is told to us."""
        fields = {
            "MessageSid": message, "SmsSid": message, "MessageStatus": status, "SmsStatus": status,
            "AccountSid": self.settings.account_sid, "From": f"{self.prefix}{self.settings.phone_number}",
            "To": f"{self.prefix}{to}", "ApiVersion": "2010-04-01", **({"ErrorCode": code} if code else {}),
        }  # fmt: skip
        self.post(encoded(fields.items()), after_s, path)
